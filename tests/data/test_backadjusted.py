"""Back-adjusted prices come undone where the factors are known, and what is then adjusted forward never changes again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import backadjusted
from engine.errors import DataError
from engine.panel import Panel

FOLDER = os.environ.get("BARCAST_DATA")
real = pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
DATES = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"])


def bars(close, symbol: str = "A") -> pd.DataFrame:
    close = np.array(close, dtype=float)
    frame = pd.DataFrame({"date": DATES[: len(close)], "symbol": symbol, "close": close, "volume": 100.0})
    return frame.assign(open=close, high=close, low=close)


def splits(*rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["date", "symbol", "split"])
    return table.assign(date=pd.to_datetime(table["date"]))


def factors(*rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["date", "symbol", "price_factor", "split_factor", "ref_price"])
    return table.assign(date=pd.to_datetime(table["date"]))


def returns(close) -> np.ndarray:
    return close[1:] / close[:-1] - 1.0


def test_factors_tell_the_split_and_the_dividend_of_the_day_after_each_row():
    # 2 paid after a close of 100: 1 - 2 / 100 = .98; then 2 for 1, then nothing.
    table = factors(("2024-01-02", "A", 0.98, 0.5, 100), ("2024-01-04", "A", 1, 0.5, 99), ("2050-12-31", "A", 1, 1, 0))
    actions = backadjusted.actions_of(table)
    assert actions["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-03", "2024-01-05"]
    assert actions["split"].tolist() == [1.0, 2.0]
    np.testing.assert_allclose(actions["dividend"], [2.0, 0.0], atol=1e-12)


def test_a_dividend_on_the_date_of_a_split_is_per_new_share():
    table = factors(("2024-01-02", "A", 0.98, 0.5, 100), ("2050-12-31", "A", 1, 1, 0))
    assert backadjusted.actions_of(table)[["split", "dividend"]].to_numpy().tolist() == [[2.0, pytest.approx(1.0)]]


def test_printed_factors_give_the_split_they_were_printed_from():
    rows = [("2024-01-02", "A", 1, 0.0178571, 9), ("2024-01-03", "A", 1, 0.0357143, 9), ("2050-12-31", "A", 1, 0.25, 0)]
    assert backadjusted.actions_of(factors(*rows))["split"].tolist() == [2.0, 7.0]
    spun = factors(("2024-01-02", "A", 1, 1.0, 9), ("2050-12-31", "A", 1, 1.0027, 0))
    assert backadjusted.actions_of(spun)["split"].tolist() == [1.0027]  # no simple ratio: as it stands


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("2024-01-02", "A", 0.98, 1, 0), "A on 2024-01-02: a dividend needs the close before it; ref_price is 0"),
        (("2024-01-02", "A", -0.98, 1, 9), "A on 2024-01-02: price_factor is -0.98; expected above 0"),
        (("2024-01-02", "A", 1, np.nan, 9), "A on 2024-01-02: split_factor is nan; expected above 0"),
    ],
)
def test_factors_that_cannot_be_are_refused(row, says):
    with pytest.raises(DataError, match=says):
        backadjusted.actions_of(factors(row, ("2050-12-31", "A", 1, 1, 0)))


def test_prices_adjusted_by_factors_come_undone():
    table = factors(("2024-01-02", "A", 0.98, 0.5, 100), ("2024-01-04", "A", 1, 0.5, 99), ("2050-12-31", "A", 1, 1, 0))
    frame = backadjusted.undone(bars([49.0, 48.0, 49.5, 50.0]), table)
    np.testing.assert_allclose(frame["close"], [100.0, 96.0, 99.0, 50.0])
    np.testing.assert_allclose(frame["volume"], [50.0, 50.0, 50.0, 100.0])
    with pytest.raises(DataError, match="B on 2024-01-02: no factor; the last is none"):
        backadjusted.undone(bars([1.0], "B"), table)
    with pytest.raises(DataError, match="A on 2024-01-05: no factor; the last is 2024-01-02"):
        backadjusted.undone(bars([1.0] * 4), table.iloc[:1])


def test_an_adjusted_close_tells_its_dividends():
    # The vendor multiplies what came before an ex-date by 1 - D / C_prev: 1 - 2 / 100.
    found = backadjusted.dividends_of(np.array([100.0, 99.0, 98.0]), np.array([0.98, 1.0, 1.0]))
    np.testing.assert_allclose(found, [0.0, 2.0, 0.0])
    assert backadjusted.dividends_of(np.array([100.0, 99.0]), np.array([1.0, 1.0 + 1e-7])).tolist() == [0.0, 0.0]


def test_a_swallowed_split_is_undone_and_a_visible_one_left():
    events = splits(("2024-01-03", "A", 2.0), ("2024-01-05", "A", 4.0))
    mixed = bars([50.0, 51.0, 52.0, 13.0])  # the first split is in the prices, the second shows: a file appended to
    assert [split.swallowed for split in backadjusted.recognised(mixed, events)] == [True, False]
    frame, notes = backadjusted.as_traded(mixed, events)
    assert frame["close"].tolist() == [100.0, 51.0, 52.0, 13.0]
    assert frame["volume"].tolist() == [50.0, 100.0, 100.0, 100.0]
    assert notes == ["1 splits were in the prices already and are undone, first A 2 on 2024-01-03"]
    panel = Panel.from_frame(frame, actions=events)
    np.testing.assert_allclose(panel.adjusted.close[:, 0], [100.0, 102.0, 104.0, 104.0])
    assert backadjusted.as_traded(frame, events)[1] == []
    backward, _ = backadjusted.as_traded(mixed.iloc[::-1], events)  # the order of the rows says nothing, and is kept
    assert backward["close"].tolist() == [13.0, 52.0, 51.0, 100.0]


def test_a_small_split_is_as_the_large_ones_are_and_never_guessed():
    small, large = ("2024-01-03", "A", 1.1), ("2024-01-05", "A", 4.0)
    shown = backadjusted.recognised(bars([50.0, 51.0, 52.0, 13.0]), splits(small, large))
    assert [split.swallowed for split in shown] == [False, False]
    with pytest.raises(
        DataError, match=r"A on 2024-01-03: a split of 1\.1 is too small to be seen.*no larger one tells"
    ):
        backadjusted.recognised(bars([50.0, 51.0, 52.0, 13.0]), splits(small))
    both = pd.concat([bars([50.0, 51.0, 25.0, 13.0], "B"), bars([9.0, 9.0, 9.0, 9.0], "C"), bars([5.0, 5.0, 5.0], "A")])
    disagreeing = splits(small, ("2024-01-04", "B", 2.0), ("2024-01-04", "C", 2.0))
    with pytest.raises(DataError, match="the larger ones disagree"):
        backadjusted.recognised(both, disagreeing)


def test_a_split_that_shows_a_day_early_is_refused():
    with pytest.raises(
        DataError, match="A on 2024-01-04: the split of 2 shows in the price on 2024-01-03.*Correct the"
    ):
        backadjusted.as_traded(bars([50.0, 25.0, 25.0, 26.0]), splits(("2024-01-04", "A", 2.0)))


def test_steps_between_two_vendors_are_splits_and_single_days_are_not():
    adjusted = np.linspace(10.0, 12.0, 24)
    traded = np.where(np.arange(24) < 12, 3.0, 1.5) * adjusted
    traded[6] *= 1.004  # another close of one day
    assert backadjusted.steps_between(traded, adjusted) == [(12, 2.0)]
    rights = np.where(np.arange(24) < 12, 1.0095, 1.0) * adjusted
    assert backadjusted.steps_between(rights, adjusted) == [(12, pytest.approx(1.0095))]


@settings(max_examples=60, deadline=None)
@given(
    close=st.lists(st.floats(20.0, 25.0), min_size=4, max_size=4),
    cut=st.integers(1, 2),
    ratio=st.sampled_from([0.1, 0.5, 2.0, 10.0]),
    cash=st.floats(0.0, 1.0),
)
def test_a_later_split_or_dividend_changes_no_earlier_value(close, cut, ratio, cash):
    early = pd.DataFrame({"date": [DATES[1]], "symbol": "A", "split": 1.0, "dividend": 0.25})
    late = pd.DataFrame({"date": [DATES[cut + 1]], "symbol": "A", "split": ratio, "dividend": cash / ratio})
    traded = bars(np.where(np.arange(4) > cut, np.array(close) / ratio, close))
    whole = Panel.from_frame(traded, actions=pd.concat([early, late]))
    then = Panel.from_frame(traded.iloc[: cut + 1], actions=early)
    for name in ("open", "high", "low", "close", "volume"):
        now, before = getattr(whole.adjusted, name), getattr(then.adjusted, name)
        np.testing.assert_array_equal(now[: cut + 1], before)  # to the last bit


def test_a_vendor_who_restates_all_factors_tells_the_same_actions():
    old = factors(("2024-01-02", "A", 0.98, 1, 100), ("2050-12-31", "A", 1, 1, 0))
    new = factors(
        ("2024-01-02", "A", 0.9702, 0.5, 100), ("2024-01-04", "A", 0.99, 0.5, 50), ("2050-12-31", "A", 1, 1, 0)
    )
    then, now = backadjusted.actions_of(old), backadjusted.actions_of(new)
    np.testing.assert_allclose(now.iloc[:1][["split", "dividend"]], then[["split", "dividend"]], rtol=1e-12)
    assert now.iloc[1][["split", "dividend"]].tolist() == [2.0, pytest.approx(0.25)]


@real
def test_the_bonus_of_reliance_in_2017_to_1e_6():
    traded = pd.read_parquet(
        Path(FOLDER) / "india_nifty50_raw_2015_2021.parquet", filters=[("symbol", "==", "RELIANCE")]
    )
    truth = pd.read_parquet(Path(FOLDER) / "india_nifty50_1996_2024.parquet", filters=[("symbol", "==", "RELIANCE.NS")])
    both = traded.merge(truth[["date", "close"]], on="date", suffixes=("", "_truth"))
    both = both[pd.to_datetime(both["date"]) < "2020-05-01"]  # then a rights issue, which is no split
    ours = pd.DataFrame({"date": [pd.Timestamp("2017-09-07")], "symbol": "RELIANCE", "split": 2.0})
    panel = Panel.from_frame(
        both[["date", "symbol", "open", "high", "low", "close", "volume"]], actions=ours, dividends="none"
    )
    error = np.abs(returns(panel.adjusted.close[:, 0]) - returns(both["close_truth"].to_numpy(np.float64)))
    bonus = int(np.flatnonzero(panel.dates() == np.datetime64("2017-09-07"))[0]) - 1
    assert error[bonus] < 1e-6
    apart = panel.dates()[1:][error > 1e-6]  # three days of 2015 on which the two give another close
    assert [str(day) for day in apart[::2]] == ["2015-09-15", "2015-10-16", "2015-11-30"]
    assert len(apart) == 6
    steps = backadjusted.steps_between(both["close"].to_numpy(float), both["close_truth"].to_numpy(float))
    assert steps == [(bonus + 1, 2.0)]


@real
def test_the_splits_of_apple_as_the_factor_file_has_them():
    from engine.data.renames import applied, read

    table = pd.read_csv(Path(FOLDER) / "us_lean_factors.csv", keep_default_na=False)
    table = table[table["symbol"] == "AAPL"]
    table = table.assign(date=pd.to_datetime(table["date"].astype(str)))
    bars = pd.read_parquet(Path(FOLDER) / "us_lean_raw_1998_2021.parquet", filters=[("symbol", "==", "AAPL")])
    bars = applied(bars, read(Path(FOLDER) / "us_lean_map.csv"))[0]
    panel = Panel.from_frame(bars, actions=backadjusted.actions_of(table), calendar="XNYS")
    a = panel.actions
    assert a.split[a.split != 1.0].tolist() == [2.0, 2.0, 7.0, 4.0]
    at = np.searchsorted(table["date"].to_numpy(), panel.dates().astype("datetime64[ns]"))
    truth = panel.close[:, 0] * (table["price_factor"] * table["split_factor"]).to_numpy()[at]
    split, cash = np.ones(len(panel)), np.zeros(len(panel))
    split[a.row], cash[a.row] = a.split, a.dividend
    error = np.abs(returns(panel.adjusted.close[:, 0]) - returns(truth))
    plain = (split[1:] == 1.0) & (cash[1:] == 0.0)
    assert error[plain].max() < 1e-12
    assert error[split[1:] != 1.0].max() < 3e-6  # 0.0178571 / 0.00892857 is 1.9999955: the file's last digit
    vendor = panel.close[1:, 0] / (panel.close[:-1, 0] / split[1:] - cash[1:]) - 1.0
    assert np.abs(vendor - returns(truth))[split[1:] == 1.0].max() < 1e-6  # their way of counting a dividend


@real
def test_the_dividends_of_coca_cola_are_in_its_adjusted_close():
    name = Path(FOLDER) / "us_top500_2000_2024.parquet"
    table = pd.read_parquet(name, filters=[("symbol", "==", "KO")])
    close, factor = table["close"].to_numpy(np.float64), table["adj_factor"].to_numpy()
    cash = backadjusted.dividends_of(close, factor)
    np.testing.assert_allclose(cash, table["dividends"], atol=1e-5)
    assert int((cash > 0.0).sum()) == 96
    listed = pd.read_parquet(
        Path(FOLDER) / "us_corp_actions.parquet", filters=[("symbol", "==", "KO"), ("src", "==", "alex2024")]
    )
    paid = dict(zip(pd.to_datetime(listed["date"]), listed["dividends"], strict=True))
    dates = pd.to_datetime(table["date"])
    np.testing.assert_allclose(cash[cash > 0.0], [paid[day] for day in dates[cash > 0.0]], rtol=1e-4)
    bars = table[["date", "symbol", "open", "high", "low", "close", "volume"]].assign(dividend=cash)
    panel = Panel.from_frame(bars, prices="split_adjusted", dividends="split_adjusted", calendar="XNYS")
    ours, theirs = returns(panel.adjusted.close[:, 0]), returns(close * factor)
    ex = cash[1:] > 0.0
    assert np.abs(ours - theirs)[~ex].max() < 1e-12
    assert np.abs(close[1:] / (close[:-1] - cash[1:]) - 1.0 - theirs)[ex].max() < 1e-12


@real
def test_an_appended_file_whose_splits_show_a_day_early_is_refused():
    table = pd.read_parquet(Path(FOLDER) / "us_messy_live_2021_2024.parquet", filters=[("symbol", "==", "CMG")])
    table = table.drop_duplicates("date").sort_values("date")
    with pytest.raises(DataError, match="CMG on 2024-06-26: the split of 50 shows in the price on 2024-06-25"):
        backadjusted.as_traded(table, splits(("2024-06-26", "CMG", 50.0)))
