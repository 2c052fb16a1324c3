"""The packaged sets: real bars, checked by hash, read without importing the packages that carry them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from engine.data import packaged
from engine.errors import DataError


def test_the_sp500_is_an_index_with_opens_that_are_often_stale():
    panel = packaged.load("sp500")
    assert panel.universe.symbols == ("SPX",)
    assert (str(panel.dates()[0]), str(panel.dates()[-1]), len(panel)) == ("1999-01-04", "2018-12-31", 5031)
    assert panel.close[-1, 0] == 2506.850098
    assert panel.warnings == ("SPX: 2004 of 5030 opens equal the previous close",)
    assert panel.bars_per_year == pytest.approx(251.55)
    assert panel.adjusted.close is panel.close


def test_the_nasdaq_has_no_such_defect():
    assert packaged.load("nasdaq").warnings == ()


def test_us20_is_twenty_stocks_of_closes_alone():
    panel = packaged.load("us20", start="2020-01-01")
    assert len(panel.universe) == 20
    assert (panel.prices, panel.dividends, panel.missing_open) == ("total_return", "none", "close_fills")
    assert np.isnan(panel.open).all()
    assert not np.isnan(panel.close).any()
    filled = packaged.load("us20", start="2020-01-01", missing_open="previous_close")
    np.testing.assert_array_equal(filled.open[1:], filled.close[:-1])


def test_the_packages_themselves_are_not_imported():
    code = (
        "import sys; from engine.data import packaged; packaged.load('sp500'); packaged.load('us20')\n"
        "assert not {'arch', 'skfolio', 'sklearn', 'scipy', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_file_than_the_pinned_one_is_refused(monkeypatch):
    monkeypatch.setitem(packaged.SETS, "sp500", replace(packaged.SETS["sp500"], sha256="0" * 64))
    with pytest.raises(
        DataError, match=r"packaged sp500: expected sha256 0000.* got 1e028.*pip install .*arch==8\.0\.0"
    ):
        packaged.load("sp500")


def test_a_package_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(packaged.SETS, "sp500", replace(packaged.SETS["sp500"], package="nopackage"))
    with pytest.raises(DataError, match="its package nopackage is not installed; reinstall it: pip install"):
        packaged.load("sp500")
    monkeypatch.setitem(packaged.SETS, "sp500", replace(packaged.SETS["nasdaq"], file="data/none.csv.gz"))
    with pytest.raises(DataError, match=r"expected data/none\.csv\.gz in arch, which has no such file"):
        packaged.load("sp500")


def test_an_unknown_set_names_the_nearest():
    with pytest.raises(DataError, match="there is no set 'spx500'; did you mean 'sp500'"):
        packaged.declared("spx500")
