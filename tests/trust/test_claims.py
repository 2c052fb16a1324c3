"""Reported figures: contradictions are named, computed reports raise no alarm, and a file of claims cannot be misread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.claims import audit, audit_file
from engine.claims.figures import figure, whole
from engine.claims.predictions import wilson
from engine.claims.reading import read, reports
from engine.errors import BarcastError
from tests.trust.claimed import alarms, computed, corrupted

SPECIMENS = Path(__file__).parents[2] / "configs/claims"


def found(**sections) -> dict[str, str]:
    """Names of what is found, and why, less the intervals."""
    (report,) = reports(sections, "x")
    return {one.name: one.why for one in audit(report).of("impossible", "unlikely", "warning")}


def specimen(file: str) -> dict[str, dict[str, str]]:
    return {
        one.name: {f.name: f"{f.kind}: {f.why}" for f in one.findings} for one in audit_file(SPECIMENS / f"{file}.yaml")
    }


@pytest.mark.parametrize(
    ("file", "report", "finding", "said"),
    [
        ("price-lstm", "price forecast", "R2 against error and range", "impossible"),
        ("price-lstm", "price forecast", "R2 of prices without yesterday's", "warning"),
        ("price-lstm", "the same with the other range given", "R2 against error and range", "R2 is at most -5.49"),
        ("price-lstm", "training", "more epochs for what never improved", "the best epoch was the first"),
        ("price-lstm", "training", "loss above that of a constant", "typical errors of 0.99"),
        ("price-lstm", "backtest", "Sharpe, 95 %", "5.01 to 16.33, standard error 2.8895"),
        ("price-lstm", "share of winners", "no whole number of hits", "no k / 40"),
        ("price-lstm", "size of two layers of 50", "number of parameters", "31,901 or 32,301"),
        ("direction-classifier", "first result", "better than a coin below one half", "impossible"),
        ("direction-classifier", "training time", "training time against its work", "8.9 days"),
        ("direction-classifier", "backtest of twenty years", "out of sample on what was learnt", "impossible"),
        ("direction-classifier", "last fit", "early stopping on what is learnt", "nothing is left to stop on"),
        ("direction-classifier", "regimes", "years against dates", "24.0"),
        ("direction-classifier", "regimes", "two regimes at once", "impossible"),
        ("direction-classifier", "what accuracy is worth", "Sharpe against accuracy", "needs 0.559"),
        ("direction-classifier", "what sizing is worth", "accuracy from what does not forecast", "impossible"),
        ("rank-lstm", "headline", "two figures of one thing", "impossible"),
        ("rank-lstm", "headline", "deflated Sharpe", "0.8852"),
        ("rank-lstm", "a strong information coefficient", "IC beyond 1", "impossible"),
        ("rank-lstm", "information coefficient", "hit rate against IC", "belongs to an IC of 0.072"),
        ("rank-lstm", "information coefficient", "top fifth against IC", "25.9-fold"),
        ("rank-lstm", "quintiles", "the spread is not top less bottom", "0.038 to 0.04"),
        ("rank-lstm", "dates", "shares against dates", "the dates give 10%"),
        ("rank-lstm", "temperature", "the best is at the edge of the grid", "not known to be the best"),
        ("rank-lstm", "temperature", "chosen on the test", "in sample"),
        ("rank-lstm", "size", "number of parameters", "204,929 or 205,953"),
        ("rank-lstm", "size", "number of parameters in dense layers", "129"),
        ("attention-lstm", "baseline", "log loss above ln 2", "selects nothing that is known"),
        ("attention-lstm", "baseline", "no better than the commoner answer", "0.5714"),
        ("attention-lstm", "deeper", "no better than the commoner answer", "-0.1786"),
        ("attention-lstm", "wider", "the same answer always", "always says yes"),
        ("attention-lstm", "wider", "no better than the commoner answer", "+0.0000"),
        ("attention-lstm", "wider", "accuracy, 95 %", "0.3907 to 0.7349"),
        ("attention-lstm", "wider", "AUC, 95 %", "0.11092"),
        ("attention-lstm", "size", "number of parameters", "impossible"),
    ],
)
def test_every_contradiction_of_the_specimens_is_named(file, report, finding, said):
    assert said in specimen(file)[report][finding]


def test_the_bound_of_popoviciu_by_hand():
    """Targets within 9.65 of each other vary by at most 4.825^2 = 23.28; 7.52^2 = 56.55: R2 is at most 1 - 2.43 = -1.43."""
    exact = {"mae": "7.520000", "range": ["11.500000", "21.150000"]}
    assert "at most -1.429" in found(regression={"r2": "0.1278", **exact})["R2 against error and range"]
    assert not found(regression={"r2": "-1.43", **exact})


@pytest.mark.parametrize(
    ("counts", "accuracy", "f1"),
    [
        ((10, 7, 6, 5), "0.535714", "0.606061"),
        ((1, 2, 15, 10), "0.392857", "0.105263"),
        ((16, 12, 0, 0), "0.571429", "0.727273"),
    ],
)
def test_three_confusions_give_their_figures_and_no_others(counts, accuracy, f1):
    told = dict(zip(("tp", "fp", "fn", "tn"), counts, strict=True))
    assert not {
        name for name in found(classification={**told, "accuracy": accuracy, "f1": f1}) if "what the counts" in name
    }
    assert "accuracy is not what the counts give" in found(classification={**told, "accuracy": "0.60"})
    assert "F1 is not what the counts give" in found(classification={**told, "f1": "0.65"})


def test_wilson_of_sixteen_in_twenty_eight():
    assert wilson(16 / 28, 28) == pytest.approx((0.39071, 0.73491), abs=5e-6)


def test_a_figure_is_every_number_that_rounds_to_it():
    assert figure("0.13", "x")[:2] == pytest.approx((0.125, 0.135))
    assert figure("-52.30%", "x")[:2] == pytest.approx((-0.52305, -0.52295))
    assert figure("1.5e-3", "x")[:2] == pytest.approx((0.00145, 0.00155))
    assert figure("~250k", "x")[:2] == pytest.approx((225_000, 275_000))
    assert figure("2 bps".replace(" ", ""), "x")[:2] == pytest.approx((0.00015, 0.00025))
    assert whole(figure("34.2%", "x"), 38) and not whole(figure("34.2%", "x"), 40)


def test_trailing_zeros_of_a_file_are_digits(tmp_path):
    for name, text in (("a.yaml", "ic: {ic: 0.50, std: 1}"), ("a.json", '{"ic": {"ic": 0.50, "std": 1}}')):
        (tmp_path / name).write_text(text)
        (report,) = read(tmp_path / name)
        assert report.number("ic", "ic")[:2] == pytest.approx((0.495, 0.505))
        assert report.number("ic", "std")[:2] == pytest.approx((0.5, 1.5))


def test_computed_reports_raise_no_alarm_and_a_wrong_figure_mostly_does():
    """Short version of scripts/torture claims, on other seeds."""
    caught = 0
    for seed in range(20_000, 20_250):
        told, decimals = computed(seed)
        assert not alarms(told, decimals), seed
        caught += bool(alarms(corrupted(told, seed)[0], decimals))
    assert caught > 0.7 * 250


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("ic: 5", "expected keys and values"),
        ("icc: {ic: 0.1}", "did you mean 'ic'"),
        ("regression: {r3: 0.1}", "no figure of it"),
        ("ic: {ic: high}", "expected a number"),
        ("ic: {ic: [1, 2]}", "expected a number"),
        ("regression: {range: 5}", "a list of numbers"),
        ("splits: {train: [2020-01-01, 2010-01-01]}", "ends before it begins"),
        ("splits: {train: [then, now]}", "expected a date"),
        ("reports: {}", "names with sections"),
        ("classification: {n: 10.5, accuracy: 0.5}", "whole number"),
        ("ic: {ic: 1e999}", "too large"),
        ("a: &x {b: *x}", "not valid|anchor"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_message(tmp_path, text, said):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(BarcastError, match=said):
        audit_file(tmp_path / "x.yaml")


def test_the_command_exits_1_where_something_cannot_be(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    cli = CliRunner()
    done = cli.invoke(app, ["audit-claims", str(SPECIMENS / "rank-lstm.yaml")])
    assert done.exit_code == 1 and "IC beyond 1" in done.output
    (tmp_path / "good.yaml").write_text("ic: {ic: 0.05, std: 0.10, icir: 0.5}")
    done = cli.invoke(app, ["audit-claims", str(tmp_path / "good.yaml"), "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["reports"][0]["possible"] is True
