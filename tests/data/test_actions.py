"""Splits and dividends: placed on slices, restated in the price's unit, and compared with the price."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.data.actions import Actions
from engine.errors import DataError
from engine.panel import Panel

DATES = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]


def table(close: list[float], **extra: object) -> pd.DataFrame:
    frame = pd.DataFrame({"date": pd.to_datetime(DATES), "symbol": "AA", "close": close})
    return frame.assign(open=frame["close"], high=frame["close"], low=frame["close"], volume=1.0, **extra)


def found(panel: Panel) -> list[tuple[int, int, float, float]]:
    a = panel.actions
    return list(zip(a.row.tolist(), a.instrument.tolist(), a.split.tolist(), a.dividend.tolist(), strict=True))


AS_TRADED = [100.0, 100, 50, 50, 50]
ADJUSTED = [50.0, 50, 50, 50, 50]
SPLIT = [1, 1, 2, 1, 1]


def test_as_traded_dividends_on_split_adjusted_prices_are_divided_by_later_splits():
    frame = table(ADJUSTED, split=SPLIT, dividend=[0, 4.0, 3.0, 0, 1.0])
    panel = Panel.from_frame(frame, prices="split_adjusted", dividends="as_traded")
    assert found(panel) == [(1, 0, 1.0, 2.0), (2, 0, 1.0, 3.0), (4, 0, 1.0, 1.0)]


def test_split_adjusted_dividends_on_as_traded_prices_are_multiplied_by_later_splits():
    frame = table(AS_TRADED, split=SPLIT, dividend=[0, 2.0, 3.0, 0, 1.0])
    panel = Panel.from_frame(frame, prices="as_traded", dividends="split_adjusted")
    assert found(panel) == [(1, 0, 1.0, 4.0), (2, 0, 2.0, 3.0), (4, 0, 1.0, 1.0)]


def test_both_units_give_the_same_total_return():
    raw = Panel.from_frame(table(AS_TRADED, split=SPLIT, dividend=[0, 4.0, 3.0, 0, 1.0]))
    adjusted = Panel.from_frame(
        table(ADJUSTED, split=SPLIT, dividend=[0, 4.0, 3.0, 0, 1.0]), prices="split_adjusted", dividends="as_traded"
    )
    np.testing.assert_allclose(raw.adjusted.close / raw.adjusted.close[0], adjusted.adjusted.close / 50.0, rtol=1e-14)


def test_a_split_after_the_end_still_restates_earlier_dividends():
    frame = table(ADJUSTED, split=SPLIT, dividend=[0, 4.0, 0, 0, 0])
    panel = Panel.from_frame(frame, prices="split_adjusted", dividends="as_traded", end="2024-01-03")
    assert found(panel) == [(1, 0, 1.0, 2.0)]


def test_dividends_none_leaves_them_out():
    assert found(Panel.from_frame(table(AS_TRADED, split=SPLIT, dividend=1.0), dividends="none")) == [(2, 0, 2.0, 0.0)]


def test_an_as_traded_price_must_show_its_split():
    says = (
        r"frame: AA on 2024-01-04: a split of 2 does not show in the price \(close 50, then 50; expected about 25\); 1"
    )
    with pytest.raises(DataError, match=says):
        Panel.from_frame(table(ADJUSTED, split=SPLIT))


def test_a_split_too_small_to_tell_from_a_day_is_believed():
    assert found(Panel.from_frame(table(ADJUSTED, split=[1, 1, 1.1, 1, 1]))) == [(2, 0, 1.1, 0.0)]


def test_a_reverse_split_must_show_too():
    frame = table([1.0, 1.1, 10.5, 10, 10], split=[1, 1, 0.1, 1, 1])
    assert found(Panel.from_frame(frame)) == [(2, 0, 0.1, 0.0)]
    with pytest.raises(DataError, match=r"a split of 0\.1 does not show"):
        Panel.from_frame(table([1.0, 1.1, 1, 1, 1], split=[1, 1, 0.1, 1, 1]))


def test_a_split_over_a_missing_bar_is_looked_for_at_the_next_bar():
    frame = table([100.0, 100, np.nan, 50, 50], split=SPLIT)
    assert found(Panel.from_frame(frame)) == [(2, 0, 2.0, 0.0)]


def test_a_full_jump_in_split_adjusted_prices_is_told():
    panel = Panel.from_frame(table(AS_TRADED, split=SPLIT), prices="split_adjusted", dividends="none")
    assert panel.warnings == ("1 splits show as a full jump in prices declared split_adjusted: AA 2 on 2024-01-04",)
    assert not len(panel.actions)


def test_dividends_that_no_split_can_restate_are_told():
    panel = Panel.from_frame(table(ADJUSTED, dividend=1.0), prices="split_adjusted", dividends="as_traded")
    assert panel.warnings == (
        "dividends are as_traded on split_adjusted prices, and no split says how to restate them",
    )


def test_actions_may_come_in_a_table_of_their_own():
    actions = pd.DataFrame(
        {
            "date": ["2023-12-01", "2024-01-04", "2024-01-06", "2024-02-01", "2024-01-03"],
            "symbol": ["AA", "AA", "AA", "AA", "ZZ"],
            "dividend": [9.0, 0.0, 0.5, 7.0, 1.0],
            "split": [1.0, 2.0, 1.0, 1.0, 1.0],
        }
    )
    for calendar in (None, "XNYS"):
        panel = Panel.from_frame(table(AS_TRADED), actions=actions, calendar=calendar)
        assert found(panel) == [(2, 0, 2.0, 0.0), (4, 0, 1.0, 0.5)]  # Saturday's dividend is Monday's


def paid(*rows: tuple[str, float]) -> pd.DataFrame:
    """A table of dividends of AA."""
    return pd.DataFrame(rows, columns=["date", "dividend"]).assign(symbol="AA")


def test_a_table_of_actions_without_any_is_refused():
    says = r"^frame: actions: expected a column split or dividend; there are dividnd; did you mean 'dividend'\?. Rename"
    with pytest.raises(DataError, match=says):
        Panel.from_frame(table(ADJUSTED), actions=paid(("2024-01-03", 1.0)).rename(columns={"dividend": "dividnd"}))


def test_what_nothing_reads_in_a_table_of_actions_is_told():
    actions = paid(("2024-01-03", 1.0)).assign(symbol="A A", splt=1.0, lot=5.0)
    assert Panel.from_frame(table(ADJUSTED), actions=actions).warnings == (
        "actions: columns not used: splt; is 'splt' meant as 'split'?",
        "actions: columns not used: lot; they belong into the table of bars",
        "actions: 1 symbols have no bars and are left out: A A; did you mean 'AA'?",
    )


def test_a_dividend_given_twice_is_refused_and_never_credited_twice():
    says = (
        r"^frame: actions: AA on 2024-01-03 \(row 2\): dividend 1 is given twice, first AA on 2024-01-03 \(row 0\); "
        r"expected once\. Drop one, or give the sum of two payments$"
    )
    with pytest.raises(DataError, match=says):
        Panel.from_frame(table(ADJUSTED), actions=paid(("2024-01-03", 1.0), ("2024-01-05", 1.0), ("2024-01-03", 1.0)))


@pytest.mark.parametrize("width", ["float64", "float32"])
def test_a_dividend_in_a_column_and_in_actions_is_refused(width):
    frame = table(ADJUSTED, dividend=np.array([0, 0.1, 0, 0, 0], width))
    says = (
        r"^frame: actions: AA on 2024-01-03 \(row 0\): dividend 0\.1 is given twice, also in column dividend of frame"
    )
    for calendar in (None, "XNYS"):
        with pytest.raises(DataError, match=says):
            Panel.from_frame(frame, actions=paid(("2024-01-03", 0.1)), calendar=calendar)
    assert found(Panel.from_frame(frame, actions=paid(("2024-01-04", 2.0))))[1] == (2, 0, 1.0, 2.0)


def test_a_split_given_twice_is_refused():
    actions = paid(("2024-01-04", 0.0)).assign(split=2.0)
    with pytest.raises(DataError, match="split 2 is given twice, also in column split of frame"):
        Panel.from_frame(table(AS_TRADED, split=SPLIT), actions=actions)
    with pytest.raises(DataError, match="split 2 is given twice, first AA on 2024-01-04"):
        Panel.from_frame(table(AS_TRADED), actions=pd.concat([actions, actions]))


def test_two_different_dividends_of_one_day_are_added_up_and_told():
    panel = Panel.from_frame(table(ADJUSTED), actions=paid(("2024-01-03", 1.0), ("2024-01-03", 0.5)))
    assert found(panel) == [(1, 0, 1.0, 1.5)]
    assert panel.warnings == ("1 dividends fall on the time of another of the same symbol: they are added up",)


def test_equal_dividends_of_later_days_are_two_payments():
    Panel.from_frame(table(ADJUSTED), actions=paid(("2024-04-03", 1.0), ("2024-07-03", 1.0)))


@pytest.mark.parametrize(
    ("close", "cash", "told"),
    [
        ([50.0, 50, 50, 50, 50], 25.0, "25 after a close of 50, then 50"),
        ([50.0, 50, 2, 2, 2], 60.0, "60 after a close of 50, then 2"),
        ([50.0, 50, 48, 48, 48], 11.0, "11 after a close of 50, then 48"),
        ([50.0, 50, 39, 39, 39], 11.0, None),  # a large special dividend that shows
        ([50.0, 50, 49, 49, 49], 10.0, None),  # a fifth: an ordinary day can hide it
    ],
)
def test_a_dividend_hard_to_believe_beside_the_price_is_told(close, cash, told):
    panel = Panel.from_frame(table(close, dividend=[0, 0, cash, 0, 0]))
    first = f"1 dividends are hard to believe beside the price, first AA on 2024-01-04: {told}"
    assert panel.warnings == (() if told is None else (first,))


def test_an_action_on_a_row_without_a_bar_applies_on_its_slice():
    frame = pd.concat([table(ADJUSTED), table([10.0, np.nan, 9, 9, 9], dividend=[0, 1.0, 0, 0, 0]).assign(symbol="BB")])
    assert found(Panel.from_frame(frame)) == [(1, 1, 1.0, 1.0)]


def test_two_entries_of_one_slice_become_one():
    actions = Actions.of(np.array([3, 3]), np.array([0, 0]), np.array([2.0, 4.0]), np.array([8.0, 1.0]), slices=5)
    assert (actions.split.tolist(), actions.dividend.tolist()) == ([8.0], [3.0])  # 8 a share is 2 after 1 : 4
    assert actions.first.tolist() == [0, 0, 0, 0, 1, 1]
