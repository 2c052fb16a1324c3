"""The first half of the step: a slice meets the account. Paragraphs 1 to 5, in their order."""

from __future__ import annotations

from engine.compiled import njit
from engine.shapes import ENDED, EXPLICIT_DUE, Desk
from engine.step.actions import act, attend
from engine.step.closing import closing
from engine.step.growing import buying_power
from engine.step.inside import inside
from engine.step.marking import marking
from engine.step.opening import opening
from engine.step.rounds import rounds


@njit(forceinline=True)
def trade(d: Desk) -> bool:
    """Whether the account lives on after slice d.t has met it.

    d.codes are zeros on entry; fills are appended to d.log, which must have room for ten per instrument and two per
    explicit order.
    """
    if d.actions.instrument.shape[0] > 0:
        act(d)
    attend(d)
    opening(d)
    if d.scratch.counts[EXPLICIT_DUE] > 0:
        power = buying_power(d.bars.open, d)
        inside(d)
        rounds(power, d)
    else:
        inside(d)
    closing(d)
    marking(d)
    return d.account.money[ENDED] == 0.0
