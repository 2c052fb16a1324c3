"""Reason codes: why every instrument on every slice was, or was not, traded.

One uint32 per instrument and slice. The low half is the FATE of what met the slice (flags, several may be set; one more
is bit 31); bits 16 to 23 hold the one DECISION taken when the strategy looked; bits 24 to 30 are NOTES on it (flags).

Plain module constants rather than enums, because compiled code freezes them; `describe` gives people the words.
"""

from __future__ import annotations

# --- fate: what happened to orders, levels and holdings when they met this slice ---------------------------------------
FILLED = 1 << 0  # some quantity changed hands in this slice, for whatever reason except a cashed split fraction
SCALED = 1 << 1  # an increase was cut because all increases together did not fit buying power
PARTICIPATION = 1 << 2  # an order or exit was cut (perhaps to nothing) by max_participation of the bar's volume
NO_BAR = 1 << 3  # an order met no bar and lapsed
NO_POWER = 1 << 4  # an increase got nothing at all: no buying power, or scaled to less than a lot
STOPPED = 1 << 5  # the stop-loss level was filled
TARGET = 1 << 6  # the take-profit level was filled
TRAILED = 1 << 7  # the trailing level was filled
BREAK_EVEN = 1 << 8  # the break-even level was filled
TIMED_OUT = 1 << 9  # the time stop closed the position
DELISTED = 1 << 10  # a held position was closed because the instrument is dead
AMBIGUOUS = 1 << 11  # the intrabar policies would have given different fills in this bar
CANCELLED = 1 << 12  # a protective fill cancelled another order of this slice
ACTION = 1 << 13  # a split or dividend changed a holding or a waiting order
FLATTENED = 1 << 14  # closed, wholly or in part, by a switch or by maintenance
RUINED = 1 << 15  # closed at the mark because equity was at or below zero

EXPIRED = 1 << 31  # an explicit order met this slice and its price was not reached

# --- decision: exactly one per instrument and slice, in bits 16 to 23 --------------------------------------------------
DECISION_SHIFT = 16
DECISION_MASK = 0xFF << DECISION_SHIFT
NOT_ASKED = 0 << DECISION_SHIFT  # the run had ended (ruin), or a Python strategy gave no reason
NO_BAR_NOW = 1 << DECISION_SHIFT  # no bar at this slice: no forecast, no target
NOT_MEMBER = 2 << DECISION_SHIFT  # outside its universe interval: target 0
WARMING_UP = 3 << DECISION_SHIFT  # no forecast, the signal's window not full yet; or too few to compare it with
NO_FORECAST = 4 << DECISION_SHIFT  # a bar, a full window, and still no forecast
NOT_DUE = 5 << DECISION_SHIFT  # this slice is no rebalance slice
TOO_FEW = 6 << DECISION_SHIFT  # fewer names with a forecast than min_names
BELOW_CONFIDENCE = 7 << DECISION_SHIFT  # not held, forecast short of the confidence
RANK_CUT = 8 << DECISION_SHIFT  # outside the chosen quantile (also: in both legs)
SIGN_FILTER = 9 << DECISION_SHIFT  # in the quantile, dropped by positive_only or negative_only
SLOTS_FULL = 10 << DECISION_SHIFT  # would enter, no free slot
COOLDOWN = 11 << DECISION_SHIFT  # would enter, too soon after its exit
HALTED = 12 << DECISION_SHIFT  # would enter or grow, a switch says halt
IN_POSITION = 13 << DECISION_SHIFT  # held, and still wanted
ENTER = 14 << DECISION_SHIFT  # not held, wanted
LEAVE = 15 << DECISION_SHIFT  # held, no longer wanted
FLATTEN = 16 << DECISION_SHIFT  # a switch or maintenance closes everything / keeps everything out
UNDECIDED = 17 << DECISION_SHIFT  # a Python strategy returned NaN: leave alone
TARGETED = 18 << DECISION_SHIFT  # a Python strategy returned a weight
ORDERED = 19 << DECISION_SHIFT  # an explicit order was written
OVER_ORDER_VALUE = 20 << DECISION_SHIFT  # an order refused: worth more than max_order_value
OVER_WEIGHT = 21 << DECISION_SHIFT  # an order refused: the position would exceed max_weight
OVER_SECTOR = 22 << DECISION_SHIFT  # an order refused: its sector would exceed max_sector
OVER_NET = 23 << DECISION_SHIFT  # an order refused: |net| would exceed max_net
OVER_CASH = 24 << DECISION_SHIFT  # an order refused: the longs would leave less than min_cash
OVER_GROSS = 25 << DECISION_SHIFT  # an order refused: gross would exceed max_gross

# --- notes on the decision (flags) -------------------------------------------------------------------------------------
BAND = 1 << 24  # no order: the change is inside no_trade_band
CAPPED = 1 << 25  # a cap lowered the target's size
REDUCED = 1 << 26  # a switch's `reduce` scaled the target
BELOW_LOT = 1 << 27  # the wanted change is under one lot: no order

# --- the reason a fill carries -----------------------------------------------------------------------------------------
REASON_ORDER = 1  # the order that a target became, at the open or the close
REASON_STOP = 2
REASON_TARGET = 3
REASON_TRAIL = 4
REASON_BREAK_EVEN = 5
REASON_TIME = 6
REASON_DEATH = 7
REASON_SPLIT_CASH = 8  # the fraction below a lot after a split
REASON_FLATTEN = 9  # a switch's flatten
REASON_MAINTENANCE = 10
REASON_RUIN = 11
REASON_EXPLICIT = 12  # an order of orders(now) or of an order file

FATES = {
    FILLED: "filled",
    SCALED: "scaled",
    PARTICIPATION: "participation",
    NO_BAR: "no bar",
    NO_POWER: "no buying power",
    STOPPED: "stopped",
    TARGET: "target",
    TRAILED: "trailed",
    BREAK_EVEN: "break-even",
    TIMED_OUT: "timed out",
    DELISTED: "delisted",
    AMBIGUOUS: "ambiguous",
    CANCELLED: "cancelled",
    ACTION: "action",
    FLATTENED: "flattened",
    RUINED: "ruined",
    EXPIRED: "expired",
}
DECISIONS = {
    NOT_ASKED: "not asked",
    NO_BAR_NOW: "no bar",
    NOT_MEMBER: "not a member",
    WARMING_UP: "warming up",
    NO_FORECAST: "no forecast",
    NOT_DUE: "not due",
    TOO_FEW: "too few names",
    BELOW_CONFIDENCE: "below confidence",
    RANK_CUT: "rank cut",
    SIGN_FILTER: "sign filter",
    SLOTS_FULL: "slots full",
    COOLDOWN: "cooldown",
    HALTED: "halted",
    IN_POSITION: "in position",
    ENTER: "enter",
    LEAVE: "leave",
    FLATTEN: "flatten",
    UNDECIDED: "undecided",
    TARGETED: "targeted",
    ORDERED: "ordered",
    OVER_ORDER_VALUE: "over max_order_value",
    OVER_WEIGHT: "over max_weight",
    OVER_SECTOR: "over max_sector",
    OVER_NET: "over max_net",
    OVER_CASH: "over min_cash",
    OVER_GROSS: "over max_gross",
}
NOTES = {BAND: "band", CAPPED: "capped", REDUCED: "reduced", BELOW_LOT: "below a lot"}
REASONS = {
    REASON_ORDER: "signal",
    REASON_STOP: "stop loss",
    REASON_TARGET: "take profit",
    REASON_TRAIL: "trailing stop",
    REASON_BREAK_EVEN: "break even",
    REASON_TIME: "time stop",
    REASON_DEATH: "delisted",
    REASON_SPLIT_CASH: "split fraction",
    REASON_FLATTEN: "switch",
    REASON_MAINTENANCE: "maintenance",
    REASON_RUIN: "ruin",
    REASON_EXPLICIT: "order",
}


def describe(code: int) -> dict[str, object]:
    """The words of one uint32 code: {'fate': [...], 'decision': '...', 'notes': [...]}; unknown bits are a ValueError."""
    known = DECISION_MASK | sum(FATES) | sum(NOTES)
    decision = code & DECISION_MASK
    if code & ~known or decision not in DECISIONS:
        raise ValueError(f"{code:#010x} is not a reason code: it has bits this version does not know")
    return {
        "fate": [word for bit, word in FATES.items() if code & bit],
        "decision": DECISIONS[decision],
        "notes": [word for bit, word in NOTES.items() if code & bit],
    }
