"""The first screen: the verdict's rules one by one, three kinds of strategy, and the same words wherever a run is shown."""

from __future__ import annotations

import json

import numpy as np
import pytest

import engine
from engine import trials
from engine.belief import as_document, believe
from engine.belief.verdict import VERDICTS, Evidence, verdict
from engine.report import Check, Findings, render
from engine.robust import COSTS, POLICIES, Robustness
from tests.report.runs import small, text_of
from tests.trust.kinds import KINDS

GOOD = Evidence(sharpe=1.5, psr=0.99, years=5.0, trials=1, dsr=None, hurdle=None)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, "stands"),
        ({"in_sample": False}, "stands"),
        ({"sharpe": None}, "nothing"),
        ({"ruined": True, "sharpe": None}, "ruin"),
        ({"in_sample": True}, "in_sample"),
        ({"trials": 45, "dsr": 0.6, "hurdle": 1.3}, "chance"),
        ({"trials": 45, "dsr": 0.96, "hurdle": 0.6}, "stands"),
        ({"trials": 45, "dsr": 0.3, "hurdle": 1.6, "psr": 0.90}, "chance"),
        ({"trials": 3, "dsr": 0.8, "hurdle": 0.5, "psr": 0.90}, "short"),
        ({"years": 0.9}, "short"),
        ({"years": 0.9, "sharpe": -1.0, "psr": 0.1}, "short"),
        ({"psr": 0.94}, "short"),
        ({"sharpe": -0.1, "psr": 0.4}, "loss"),
        ({"worst_return": -0.01}, "fragile"),
        ({"break_even": 0.0004}, "fragile"),
        ({"worst_return": 0.01, "break_even": 0.002}, "stands"),
    ],
)
def test_the_first_rule_that_applies_is_the_verdict(changes, due):
    assert verdict(GOOD._replace(**changes)) == due


def test_every_verdict_has_its_sentence_and_is_told_apart():
    from engine.belief.screen import headline

    told = {which: headline(which, GOOD, small()) for which in VERDICTS}
    assert len(set(told.values())) == len(VERDICTS) and all(text.endswith(".") for text in told.values())


@pytest.mark.parametrize(("due", "seeds"), [("stands", 3), ("chance", 2), ("short", 3)])
def test_three_kinds_of_strategy_get_their_verdict(tmp_path, due, seeds):
    """Short version of scripts/torture verdicts, which asks 30 seeds of each."""
    for seed in range(100, 100 + seeds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert KINDS[due](seed, folder).verdict == due


def robust(low: float, high: float, end: float | None) -> Robustness:
    line = {"total_return": low, "cagr": None, "sharpe": None, "max_drawdown": None, "trades": 1}
    policies = {policy: {**line, "total_return": high if policy == "optimistic" else low} for policy in POLICIES}
    grid = np.zeros((len(COSTS), len(COSTS)))
    return Robustness("x", policies, COSTS, COSTS, grid, grid, dict.fromkeys((0, 1, 2), line), end, "")


def test_each_reason_has_its_numbers():
    result = small()
    told = {one.topic: one for one in believe(result, robustness=robust(-0.02, 0.05, 0.0123)).sentences}
    assert list(told) == [
        "sample",
        "look-ahead",
        "interval",
        "trials",
        "length",
        "trades",
        "costs",
        "order inside bars",
        "data",
        "benchmark",
    ]
    assert told["order inside bars"].numbers["low"] == -0.02 and "-2.0% to 5.0%" in told["order inside bars"].text
    assert "123.0 bps" in told["costs"].text and told["costs"].numbers["break_even"] == 0.0123
    assert told["trades"].numbers == {"trades": 1} and told["trades"].tone == "against"
    assert "not known" in told["sample"].text and "not checked" in told["look-ahead"].text
    assert "only trial" in told["trials"].text


def test_what_others_have_checked_is_believed():
    result = small()
    checks = (
        Check("look-ahead inside signals", "failed", "momentum reads bar t + 1"),
        Check("in-sample or out of sample", "failed", "x"),
    )
    found = believe(result, checks=checks)
    assert found.verdict == "in_sample"
    told = {one.topic: one for one in found.sentences}
    assert told["look-ahead"].tone == "against" and "reads bar t + 1" in told["look-ahead"].text
    assert believe(result, checks=(Check("in-sample or out of sample", "passed", ""),)).sentences[0].tone == "for"


def test_the_passport_of_a_manifest_is_believed():
    result = small()
    result.manifest["sample"] = "in sample"
    assert believe(result).verdict == "in_sample"


def test_the_page_opens_with_the_verdict_and_its_reasons():
    result = small()
    found = believe(result)
    text = text_of(render(result))
    assert text.index(found.headline) < text.index("How it did")
    for sentence in found.sentences:
        assert sentence.text.replace(" -", " −") in text.replace(" -", " −")


def test_the_page_tells_the_trials_of_the_ledger(tmp_path):
    result = small()
    others = [small(capital=1000 + 100 * k) for k in range(1, 4)]
    found = believe(result, [trials.of_result(one) for one in others])
    assert found.sentences[3].numbers["trials"] == 4
    text = text_of(render(result, findings=Findings(belief=found)))
    assert "4 trials on these bars" in text and "number of trials behind this run told" in text


def test_the_document_is_plain_and_the_notebook_shows_the_verdict():
    result = small()
    told = json.loads(json.dumps(as_document(believe(result)), allow_nan=False))
    assert told["verdict"] in VERDICTS and told["sentences"][0]["topic"] == "sample"
    assert believe(result).headline in result._repr_html_()


def test_a_run_says_the_same_on_the_terminal_in_json_and_on_the_page(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    cli, out = CliRunner(), str(tmp_path / "runs")
    words = ["run", "configs/demo/sp500-threshold.yaml", "--out", out, "-q", "--report"]
    text = cli.invoke(app, words).output
    told = json.loads(cli.invoke(app, [*words, "--json"]).output)
    headline = told["belief"]["headline"]
    assert told["belief"]["verdict"] == "short" and headline in " ".join(text.split())
    assert text.index(headline[:30]) < text.index("Total return")
    page = (engine.run.Path(told["report"])).read_text()
    assert headline in page


def test_a_run_that_was_not_noted_counts_itself(tmp_path):
    result = small()
    other = small(capital=2000)
    assert believe(result, [trials.of_result(other)]).sentences[3].numbers["trials"] == 2
    both = [trials.of_result(other), trials.of_result(result)]
    assert believe(result, both).sentences[3].numbers["trials"] == 2
