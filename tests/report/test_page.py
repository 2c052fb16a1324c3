"""The report: one file, nothing from the network, the run's own numbers, nothing that a hostile name could do."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import engine
from engine.errors import DataError, OutputError
from engine.metrics import DEFINITIONS
from engine.report import Check, Findings, render, script, write
from engine.report.bars import NoBars
from engine.report.blocks import Note, Section
from engine.report.card import GROUPS
from engine.robust import Robustness
from tests.report.runs import HOSTILE, bars, played, small, text_of, without_plotly
from tests.results.book import fill


class Reader(HTMLParser):
    """Elements with their attributes, and whether every one that needs closing was closed in order."""

    VOID = frozenset({"meta", "input", "br", "img", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.astray = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.astray += 1


@pytest.fixture(scope="module")
def page() -> str:
    return render(small(benchmark="A"))


# --- one file, no network ---------------------------------------------------------------------------------------------
def test_the_report_is_one_document_that_asks_nothing_of_the_network(page):
    bare = without_plotly(page)
    assert bare.startswith("<!doctype html>")
    assert bare.rstrip().endswith("</html>")
    assert not re.search(r"https?:|//[a-z]|<link|@import|\bsrc=|url\(", bare)


def test_every_element_is_closed_where_it_was_opened_and_no_id_stands_twice(page):
    read = Reader(without_plotly(page))
    assert (read.open, read.astray) == ([], 0)
    ids = [told["id"] for _, told in read.elements if "id" in told]
    assert len(ids) == len(set(ids))
    asked = {told["aria-describedby"] for _, told in read.elements if "aria-describedby" in told}
    links = {told["href"][1:] for tag, told in read.elements if tag == "a"}
    assert asked | links <= set(ids)


def test_the_policy_lets_only_the_scripts_of_the_page_run(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1).replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    allowed = policy.split("script-src ")[1].split(";")[0].split(" ")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = ["'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'" for s in scripts]
    assert sorted(hashes) == sorted(allowed)
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")


def test_the_same_run_gives_the_same_page():
    result = small()
    assert render(result) == render(result)


# --- what it says -----------------------------------------------------------------------------------------------------
def test_belief_comes_before_performance(page):
    order = [told["id"] for tag, told in Reader(without_plotly(page)).elements if tag == "section"]
    assert order[:4] == ["belief", "performance", "equity", "months"]
    assert order[-1] == "card"


def test_every_check_that_nobody_ran_is_said_so(page):
    text = text_of(page)
    for words in ("in-sample or out of sample", "look-ahead inside signals", "number of trials behind this run"):
        assert f"{words} not checked" in text
    for words in ("Ambiguity interval", "Costs and delay"):
        assert f"not checked {words}" in text


def test_an_old_run_that_lists_no_open_checks_still_says_them():
    result = small()
    del result.manifest["not_checked"]
    assert "look-ahead inside signals not checked" in text_of(render(result))


def test_the_figures_are_those_of_the_run_beside_the_benchmarks(page):
    text = text_of(page)
    assert f"Total return {DEFINITIONS['total_return'].line} 5.00% −5.00%" in text  # 1050 / 1000; 95 / 100
    assert f"Final equity {DEFINITIONS['final_equity'].line} 1,050.00 950.00" in text
    assert f"Win rate {DEFINITIONS['win_rate'].line} 100.00%" in text
    assert f"Fills {DEFINITIONS['fills'].line} 2" in text


def test_every_metric_stands_there_with_its_definition_and_the_reason_where_it_has_none(page):
    text = text_of(page)
    for name, definition in DEFINITIONS.items():
        assert f"{definition.label} {definition.line}" in text, name
    assert f"CAGR {DEFINITIONS['cagr'].line} n/a too short: 4 days, 30 needed" in text
    assert f"Average loss {DEFINITIONS['average_loss'].line} n/a no losing trade" in text


def test_every_metric_has_a_place_among_the_groups():
    placed = [name for names in GROUPS.values() for name in names]
    assert sorted(placed) == sorted(DEFINITIONS)


def test_months_and_drawdowns_are_those_of_the_account():
    # Bought at 10: 1000 becomes 1200 on the 2nd, 900 on the 3rd, 1200 again on the 5th.
    text = text_of(render(played([10, 12, 9, 11, 12, 12], [fill(0, 100, 10)])))
    assert "−25.0% 2024-01-02 2024-01-03 2024-01-05 1 2 3" in text
    assert "1 month, 1 above zero; best 20.0%, worst 20.0%" in text


def test_a_drawdown_that_lasts_says_so():
    text = text_of(render(played([10, 8, 9], [fill(0, 100, 10)])))
    assert "−20.0% 2024-01-01 2024-01-02 not yet 1 – 2 so far" in text


def test_trades_are_told_by_exit_and_in_a_list():
    text = text_of(render(small()))
    assert "signal 1 100.0% 50.00 10.00%" in text
    assert "1 A long 5 2024-01-02 100.00 2024-01-04 110.00 3 50.00 10.00% signal" in text


def test_the_run_card_has_hashes_data_versions_seed_and_every_key_of_the_configuration(page):
    text = text_of(page)
    for words in (
        "Data fingerprint",
        "Versions python",
        "Seed 0",
        "Overrides none",
        "confidence: 1",
        "2024-01-01 to 2024-01-05",
    ):
        assert words in text
    manifest = small(benchmark="A").manifest
    assert manifest["data"]["fingerprint"] in text
    assert manifest["code_hash"] in text


@pytest.mark.parametrize(
    "changes",
    [
        {"forecasts": np.full((5, 1), np.nan)},
        {"closes": (100.0, 100.0, 100.0, 100.0, 100.0)},
        {"strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "size": "100%"}},
        {"closes": (100.0,), "forecasts": np.full((1, 1), 1.0)},
    ],
    ids=["no trades", "nothing moves", "one trade that stays", "one slice"],
)
def test_a_report_is_made_of_runs_with_little_to_tell(changes):
    bare = without_plotly(render(small(**changes)))
    assert not re.search(r"\b(nan|inf|None)\b", bare)


def test_ruin_is_said_at_the_top():
    strategy = {"rule": "threshold", "signal": "f", "confidence": 0.5, "size": "100%", "side": "short"}
    result = small(closes=(100.0, 100.0, 100.0, 250.0, 250.0), strategy=strategy, forecasts=np.full((5, 1), -1.0))
    assert result.facts.ended == "ruin"
    assert "ended in ruin" in render(result)


def other_assumptions() -> Robustness:
    gained = {"pessimistic": 0.01, "optimistic": 0.0625, "nearest": 0.05}
    told = {policy: {"total_return": value, "sharpe": 0.81} for policy, value in gained.items()}
    sharpe = np.array([[1.5, 1.25], [0.5, np.nan]])
    delays = {0: told["pessimistic"], 1: told["nearest"]}
    return Robustness("small", told, (0.0, 0.001), (0.0, 0.0005), sharpe, sharpe, delays, 0.0012, "")


# --- what other code adds ---------------------------------------------------------------------------------------------
def test_what_others_have_checked_stands_where_not_checked_stood():
    found = Findings(
        checks=(Check("look-ahead inside signals", "passed", "400 windows cut short"),),
        robustness=other_assumptions(),
        sections=(Section("regimes", "Regimes", "", [Note("one <regime>")]),),
    )
    text = text_of(render(small(), findings=found))
    assert "look-ahead inside signals passed 400 windows cut short" in text
    assert "optimistic 6.25% 0.81" in text and "pessimistic (as run) 1.00% 0.81" in text
    assert "0.00% 1.50 1.25 0.10% 0.50 n/a" in text
    assert "nothing is left at 0.120% a side" in text
    assert "best and worst intrabar order told total return from 1.00% to 6.25% over the three orders" in text
    assert "one <regime>" in text
    assert "not checked Ambiguity interval" not in text
    assert "number of trials behind this run not checked" in text


# --- hostile words ----------------------------------------------------------------------------------------------------
def test_a_hostile_symbol_stays_a_name():
    bare = without_plotly(render(small(symbol=HOSTILE, benchmark=HOSTILE)))
    read = Reader(bare)
    assert (read.open, read.astray) == ([], 0)
    assert "img" not in {tag for tag, _ in read.elements}
    assert sum(tag == "script" for tag, _ in read.elements) == 4
    assert not any(key.startswith("on") for _, told in read.elements for key in told)
    assert HOSTILE in text_of(render(small(symbol=HOSTILE)))


def test_the_reader_would_see_a_name_that_is_markup():
    read = Reader(f"<p>{HOSTILE}</p>")
    assert [tag for tag, _ in read.elements] == ["p", "img", "script"]
    assert "onerror" in read.elements[1][1]


def test_hostile_words_of_a_run_directory_stay_words():
    result = small()
    result.config["name"] = result.config["strategy"]["note"] = HOSTILE
    result.manifest["git_commit"] = result.manifest["overrides"] = HOSTILE
    result.manifest["not_checked"] = [f"{HOSTILE}: not checked ({HOSTILE})"]
    result.manifest["data"]["name"] = HOSTILE
    object.__setattr__(result.facts, "warnings", (HOSTILE,))
    read = Reader(without_plotly(render(result)))
    assert (read.open, read.astray) == ([], 0)
    assert "img" not in {tag for tag, _ in read.elements}
    assert sum(tag == "script" for tag, _ in read.elements) == 4


def test_json_in_a_script_cannot_close_it():
    told = script.in_script({"a": "</script>\u2028\u2029&<!--"})
    assert not set("<>&\u2028\u2029") & set(told)
    assert json.loads(told) == {"a": "</script>\u2028\u2029&<!--"}


def test_no_word_is_markup_or_a_template_to_plotly():
    told = script.plotly_text("<b>&lt;%{y}$x$\n")
    assert told == "&lt;b&gt;&amp;lt;&#37;{y}&#36;x&#36; "


# --- files ------------------------------------------------------------------------------------------------------------
def test_the_report_is_written_beside_the_run_and_nothing_half_written_stays(tmp_path):
    result = small()
    folder = result.save(tmp_path / "run")
    assert write(folder, result).read_text() == render(result)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_reports_may_share_one_script_above_them(tmp_path):
    result = small()
    pages = [write(result.save(tmp_path / name), result, shared=True) for name in ("one", "two")]
    scripts = [path.name for path in tmp_path.glob("plotly-*.min.js")]
    assert len(scripts) == 1
    for page in pages:
        text = page.read_text()
        assert len(text) < 200_000
        assert f'<script src="../{scripts[0]}">' in text


def test_a_stored_run_whose_bars_cannot_be_read_again_says_why(tmp_path):
    folder = small().save(tmp_path / "run")  # its configuration names a packaged set, its bars were given
    text = text_of(write(folder).read_text())
    assert "not checked Trades on prices are not drawn the data has changed since the run" in text
    assert "not checked Signal quality the data has changed since the run" in text


def test_a_stored_run_reads_its_bars_again_from_where_the_file_began(tmp_path):
    from tests.report.runs import bars

    bars().to_frame()[["timestamp", "symbol", "open", "high", "low", "close", "volume"]].rename(
        columns={"timestamp": "date"}
    ).assign(date=lambda frame: frame["date"].dt.strftime("%Y-%m-%d")).to_csv(tmp_path / "bars.csv", index=False)
    data = {"source": "csv", "path": "bars.csv", "prices": "as_traded", "dividends": "none"}
    config = {"name": "file", "data": data, "signals": {"f": {"plugin": "momentum", "lookback": 1, "skip": 0}}}
    config |= {"strategy": {"rule": "threshold", "signal": "f", "confidence": 0.05, "size": "50%"}}
    (tmp_path / "file.yaml").write_text(json.dumps(config))
    result = engine.backtest(tmp_path / "file.yaml")
    folder = result.save(tmp_path / "runs" / "run")
    assert "no such file" in write(folder).read_text()
    assert write(folder, base=tmp_path).read_text() == render(result)


def test_no_run_no_report(tmp_path):
    with pytest.raises(DataError, match="no run here"):
        write(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    result = small()
    with pytest.raises(OutputError, match="could not be written"):
        write(tmp_path / "nowhere", result)


def test_bars_that_are_not_there_leave_the_rest_of_the_page():
    text = text_of(render(small(), NoBars("they were eaten")))
    assert "Trades on prices are not drawn they were eaten" in text
    assert "Total return" in text


# --- orders and levels of other kinds ---------------------------------------------------------------------------------
class Eager:
    """Orders more than the cap allows, and something it does allow."""

    def orders(self, now):
        return [engine.Order("A", 20.0), engine.Order("A", 1.0)] if now.t == 0 else []


def test_refused_orders_stand_in_the_report_with_their_numbers():
    result = engine.backtest(
        {
            "name": "eager",
            "data": {"source": "packaged", "name": "sp500"},
            "strategy": {"rule": "orders", "path": "none.csv"},
            "capital": 1000,
        },
        panel=bars("A", (100.0, 100.0, 100.0)),
        strategy=Eager(),
    )
    text = text_of(render(result))
    assert "Orders refused: 1" in text and "max_weight" in text
    assert "1 order was refused: over max_weight 1" in text


def test_levels_in_atr_are_said_to_be_undrawn():
    text = text_of(render(small(exits={"stop_loss": {"atr": 2.0, "window": 2}, "take_profit": "20%"})))
    assert "The stop in average true ranges is not drawn." in text and "Levels (target) are as set" in text
