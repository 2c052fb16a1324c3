"""From forecasts to orders: the rules (threshold, quintile, targets), the shaping of targets, and the orders.

A target is a weight of equity, NaN = leave alone."""

from __future__ import annotations

import math

from engine import codes
from tests.reference.account import TINY, Order, State, floor_to_lot, leave
from tests.reference.interface import NAN, Top
from tests.reference.levels import average_true_range, exits_of_file
from tests.reference.measures import deviation, last_deviation
from tests.reference.orders import write_explicit

SLACK = 1e-12  # a cap binds when it is exceeded by more than this


def looking(state: State) -> None:
    """Nothing; decides, shapes and writes the orders for the next slice (or the one `delay` later), then remembers."""
    look(state)
    asked = [i for i in range(len(state.holdings)) if state.has_bar(i)]
    for i in split_by_forecast(state, asked)[0]:
        state.holdings[i].forecasts.append(state.market.forecast[state.t][i])


def look(state: State) -> None:
    """Nothing; see looking."""
    flatten = flatten_reason(state)
    if flatten:
        write_flattening(state, flatten)
        return
    if state.halted():
        for orders in state.waiting.values():
            for order in orders.values():
                order.closes = True
        for lines in state.explicit.values():
            for line in lines:
                line.closes = True
    if state.config.rule == "orders":
        write_explicit(state)
        return
    targets, decisions = decide(state)
    notes = [0] * len(targets)
    targets = share_by_volatility(state, targets)
    targets = size_by_range(state, targets)
    targets = reduce_by_switches(state, targets, notes)
    targets = expose(state, targets)
    targets = smooth(state, targets)
    targets = scale_to_volatility(state, targets)
    targets = cap(state, targets, notes)
    for i, target in enumerate(targets):
        if not math.isnan(target):
            write_order(state, i, target, decisions, notes)
        state.flag(i, decisions[i] | notes[i])


# --- flattening -----------------------------------------------------------------------------------------------------
def flatten_reason(state: State) -> int:
    """The fill reason if everything is to be closed now (maintenance before switches), else 0."""
    if state.maintenance_call:
        return codes.REASON_MAINTENANCE
    for switch, latch in zip(state.config.switches, state.latches):
        if latch.since is not None and switch.action == "flatten":
            return codes.REASON_FLATTEN
    return 0


def write_flattening(state: State, reason: int) -> None:
    """Nothing; drops every waiting order and closes every position at the next open."""
    state.waiting, state.explicit = {state.t + 1: {}}, {}
    for i, holding in enumerate(state.holdings):
        state.flag(i, codes.FLATTEN)
        if holding.quantity:
            state.waiting[state.t + 1][i] = leave(-holding.quantity, reason)


# --- the rules ------------------------------------------------------------------------------------------------------
def decide(state: State) -> tuple[list[float], list[int]]:
    """(targets, decision codes) of the rule, with bars and membership applied first."""
    count = len(state.holdings)
    targets, decisions = [NAN] * count, [codes.NOT_ASKED] * count
    asked = []
    for i in range(count):
        if not state.has_bar(i):
            decisions[i] = codes.NO_BAR_NOW
        elif state.market.member is not None and not state.market.member[state.t][i]:
            targets[i], decisions[i] = 0.0, codes.NOT_MEMBER
        else:
            asked.append(i)
    rule = {"threshold": threshold, "quintile": quintile, "targets": given_targets}[state.config.rule]
    rule(state, asked, targets, decisions)
    return targets, decisions


def split_by_forecast(state: State, asked: list[int]) -> tuple[list[int], list[int], int]:
    """(names with a forecast, names without, the code of those without)."""
    warming = state.t < state.config.warmup
    row = state.market.forecast[state.t]
    known = [] if warming else [i for i in asked if math.isfinite(row[i])]
    return known, [i for i in asked if i not in known], codes.WARMING_UP if warming else codes.NO_FORECAST


def cooling(state: State, i: int) -> bool:
    """Whether an entry is too soon after the exit."""
    exit_t = state.holdings[i].exit_t
    return exit_t is not None and state.t - exit_t < state.config.cooldown


def under_way(state: State, i: int) -> bool:
    """Whether an entry of instrument i has been ordered and has not met its slice yet."""
    return not state.holdings[i].quantity and state.holdings[i].arrives > state.t


def threshold(state: State, asked: list[int], targets: list[float], decisions: list[int]) -> None:
    """Nothing; enters at confidence, leaves below exit_confidence, most confident first into the free slots."""
    config = state.config
    known, unknown, code = split_by_forecast(state, asked)
    for i in unknown:
        decisions[i] = code
    candidates: list[tuple[float, int, float]] = []
    for i in known:
        value, held = state.market.forecast[state.t][i], state.holdings[i].quantity
        if under_way(state, i):
            decisions[i] = codes.IN_POSITION
            continue
        mirrored = 1 - value if config.unit == "probability" else -value
        if isinstance(config.confidence, Top) and len(state.holdings[i].forecasts) < config.confidence.window:
            decisions[i] = codes.WARMING_UP
            continue
        if held:
            stays = sure(state, i, math.copysign(1.0, held), value if held > 0 else mirrored, config.exit_confidence)
            decisions[i] = codes.IN_POSITION if stays else codes.LEAVE
            targets[i] = NAN if stays else 0.0
            continue
        sides = {"long": [(value, 1.0)], "short": [(mirrored, -1.0)]}
        open_to = sides.get(config.side, [(value, 1.0), (mirrored, -1.0)])
        able = [(strength, sign) for strength, sign in open_to if sure(state, i, sign, strength, config.confidence)]
        if not able:
            decisions[i] = codes.BELOW_CONFIDENCE
        elif cooling(state, i):
            decisions[i] = codes.COOLDOWN
        else:
            strength, sign = max(able)
            candidates.append((-strength, i, sign))
    busy = sum(1 for i, holding in enumerate(state.holdings) if holding.quantity or under_way(state, i))
    free = max(0, config.max_positions - busy)
    for place, (_, i, sign) in enumerate(sorted(candidates)):
        if place < free:
            decisions[i], targets[i] = codes.ENTER, sign * config.size
            state.holdings[i].arrives = state.t + 1 + config.delay
        else:
            decisions[i] = codes.SLOTS_FULL


def sure(state: State, i: int, sign: float, strength: float, gate: float | Top) -> bool:
    """Whether a side's strength reaches the gate; or today's forecast is beyond enough of the name's last ones."""
    if not isinstance(gate, Top):
        return strength >= gate - SLACK
    today, past = state.market.forecast[state.t][i], state.holdings[i].forecasts[-gate.window :]
    beyond = [before for before in past if (before < today if sign > 0 else before > today)]
    return len(beyond) / gate.window >= 1 - gate.share - SLACK


def is_due(state: State) -> bool:
    """Whether this is a rebalance slice."""
    every, market, t = state.config.rebalance, state.market, state.t
    if isinstance(every, int):
        return t % every == 0
    flags = {"daily": market.last_of_day, "weekly": market.last_of_week, "monthly": market.last_of_month}
    return flags[every][t]


def quintile(state: State, asked: list[int], targets: list[float], decisions: list[int]) -> None:
    """Nothing; the highest names long and, by side, the lowest short, in equal weights."""
    config = state.config
    row = state.market.forecast[state.t]
    known, unknown, code = split_by_forecast(state, asked)
    if not is_due(state) or len(known) < config.min_names:
        for i in asked:
            decisions[i] = codes.TOO_FEW if is_due(state) else codes.NOT_DUE
        return
    for i in unknown:
        targets[i], decisions[i] = 0.0, code
    k = max(1, math.floor(config.quantile * len(known) + TINY))
    highest = set(sorted(known, key=lambda i: (-row[i], i))[:k]) if config.side != "short" else set()
    lowest = set(sorted(known, key=lambda i: (row[i], i))[:k]) if config.side != "long" else set()
    longs, shorts = highest - lowest, lowest - highest
    kept_longs = {i for i in longs if row[i] > 0 or not config.positive_only}
    kept_shorts = {i for i in shorts if row[i] < 0 or not config.negative_only}
    for i in known:
        held = state.holdings[i].quantity
        sign = 1.0 if i in kept_longs else -1.0 if i in kept_shorts else 0.0
        if sign == 0:
            filtered = i in longs or i in shorts
            targets[i] = 0.0
            decisions[i] = codes.LEAVE if held else codes.SIGN_FILTER if filtered else codes.RANK_CUT
        elif not held and cooling(state, i):
            targets[i], decisions[i] = 0.0, codes.COOLDOWN
        else:
            leg = kept_longs if sign > 0 else kept_shorts
            targets[i] = sign / (k if config.weight == "slot" else len(leg))
            decisions[i] = codes.IN_POSITION if held * sign > 0 else codes.ENTER


def given_targets(state: State, asked: list[int], targets: list[float], decisions: list[int]) -> None:
    """Nothing; takes the weights somebody's Python function returned."""
    for i in asked:
        weight = state.market.forecast[state.t][i]
        if not math.isfinite(weight):
            decisions[i] = codes.UNDECIDED
        else:
            targets[i], decisions[i] = weight, codes.TARGETED


# --- shaping --------------------------------------------------------------------------------------------------------
def share_by_volatility(state: State, targets: list[float]) -> list[float]:
    """The targets with each leg's total weight shared in proportion to 1 / volatility; 0 where that is not known or 0."""
    window = state.config.inverse_volatility
    if window is None:
        return targets
    shared = list(targets)
    for sign in (1.0, -1.0):
        leg = [i for i, target in enumerate(targets) if target * sign > 0]
        total = sum(targets[i] for i in leg)
        inverse = {}
        for i in leg:
            own = last_deviation(state.holdings[i].returns, window)
            inverse[i] = 1 / own if own > 0 else 0.0
        for i in leg:
            shared[i] = total * inverse[i] / sum(inverse.values()) if inverse[i] else 0.0
    return shared


def size_by_range(state: State, targets: list[float]) -> list[float]:
    """The targets with every size risk / (multiple x ATR / close); 0 where the ATR is not known or 0."""
    if state.config.atr_sizing is None:
        return targets
    risk, atr = state.config.atr_sizing
    sized = list(targets)
    for i, target in enumerate(targets):
        if target == 0 or math.isnan(target):
            continue
        relative = average_true_range(state, i, atr.window) / state.market.close[state.t][i]
        sized[i] = math.copysign(risk / (atr.multiple * relative), target) if relative > 0 else 0.0
    return sized


def reduce_by_switches(state: State, targets: list[float], notes: list[int]) -> list[float]:
    """The targets times the factor of every latched `reduce` switch."""
    factor = 1.0
    latched = False
    for switch, latch in zip(state.config.switches, state.latches):
        if switch.action == "reduce" and latch.since is not None:
            factor, latched = factor * switch.factor, True
    if not latched:
        return targets
    for i, target in enumerate(targets):
        if target and not math.isnan(target):
            notes[i] |= codes.REDUCED
    return [target * factor for target in targets]


def expose(state: State, targets: list[float]) -> list[float]:
    """The targets with long weights times exposure_long and short weights times exposure_short."""
    config = state.config
    return [target * (config.exposure_short if target < 0 else config.exposure_long) for target in targets]


def smooth(state: State, targets: list[float]) -> list[float]:
    """The targets smoothed per name; NaN targets leave the memory alone; 0 below one lot."""
    share = state.config.smoothing
    if share == 1:
        return targets
    result = list(targets)
    for i, target in enumerate(targets):
        if math.isnan(target):
            continue
        holding = state.holdings[i]
        weight = target if holding.smoothed is None else share * target + (1 - share) * holding.smoothed
        shares = wanted_quantity(state, i, weight)
        holding.smoothed = result[i] = weight
        if state.market.lot[i] > 0 and floor_to_lot(shares, state.market.lot[i]) == 0:
            result[i] = 0.0
            if target == 0:
                holding.smoothed = 0.0
    return result


def scale_to_volatility(state: State, targets: list[float]) -> list[float]:
    """The targets times vol_target / the account's own volatility, the factor held inside 0.5 to 2."""
    wanted, marked = state.config.vol_target, state.marked
    if wanted is None or len(marked) < 21:
        return targets
    returns = [marked[j] / marked[j - 1] - 1 for j in range(len(marked) - 20, len(marked))]
    own = deviation(returns) * math.sqrt(state.config.bars_per_year)
    scale = min(2.0, max(0.5, wanted / own)) if own > 0 else 2.0
    return [target * scale for target in targets]


def cap(state: State, targets: list[float], notes: list[int]) -> list[float]:
    """The targets inside max_weight, sector, net, cash and gross caps, in this order."""
    config = state.config
    live = [i for i, target in enumerate(targets) if not math.isnan(target)]
    capped = list(targets)

    def scale(names: list[int], total: float, limit: float) -> None:
        for i in names:
            capped[i] *= limit / total

    for i in live:
        if abs(capped[i]) > config.max_weight + SLACK:
            capped[i] = math.copysign(config.max_weight, capped[i])
    if config.max_sector is not None:
        for sector in sorted({state.market.sector[i] for i in live if state.market.sector[i] >= 0}):
            names = [i for i in live if state.market.sector[i] == sector]
            total = sum(abs(capped[i]) for i in names)
            if total > config.max_sector + SLACK:
                scale(names, total, config.max_sector)
    if config.max_net is not None:
        net = sum(capped[i] for i in live)
        if abs(net) > config.max_net + SLACK:
            heavy = [i for i in live if capped[i] * net > 0]
            total = sum(abs(capped[i]) for i in heavy)
            scale(heavy, total, total - abs(net) + config.max_net)
    if config.min_cash > 0:
        longs = [i for i in live if capped[i] > 0]
        total = sum(capped[i] for i in longs)
        if total > 1 - config.min_cash + SLACK:
            scale(longs, total, 1 - config.min_cash)
    gross = sum(abs(capped[i]) for i in live)
    if gross > config.max_gross + SLACK:
        scale(live, gross, config.max_gross)
    for i in live:
        if abs(capped[i]) < abs(targets[i]):
            notes[i] |= codes.CAPPED
    return capped


# --- targets to orders ----------------------------------------------------------------------------------------------
def wanted_quantity(state: State, i: int, weight: float) -> float:
    """The unrounded quantity this weight means at this close."""
    return weight * state.equity / (state.market.close[state.t][i] * state.market.multiplier[i])


def write_order(state: State, i: int, target: float, decisions: list[int], notes: list[int]) -> None:
    """Nothing; writes the order that moves instrument i to its target, unless band, lot, a halt or max_order_value stop it."""
    config, market = state.config, state.market
    held = state.holdings[i].quantity + state.waiting_for(i)
    value = held * market.close[state.t][i] * market.multiplier[i]
    if target and abs(target - value / state.equity) < config.no_trade_band:
        notes[i] |= codes.BAND
        return
    wanted = wanted_quantity(state, i, target)
    quantity = floor_to_lot(wanted, market.lot[i]) - held
    if abs(quantity) <= TINY:
        if abs(wanted - held) > TINY:
            notes[i] |= codes.BELOW_LOT
        return
    if state.halted() and abs(held + quantity) > abs(held):
        decisions[i] = codes.HALTED
        if held * quantity >= 0:
            return
        quantity = -held
    elif state.halted() and held * (held + quantity) < 0:
        decisions[i], quantity = codes.HALTED, -held
    worth = abs(quantity) * market.close[state.t][i] * market.multiplier[i]
    grows = abs(held + quantity) > abs(held)
    if config.max_order_value is not None and grows and worth > config.max_order_value + SLACK:
        decisions[i] = codes.OVER_ORDER_VALUE
        return
    row = state.waiting.setdefault(state.t + 1 + config.delay, {})
    if i in row:  # the rest of an exit stands there: the decision replaces it
        quantity += row.pop(i).quantity
        held = state.holdings[i].quantity
    closes = held * quantity < 0 and abs(quantity) <= abs(held)
    if abs(quantity) > TINY:
        row[i] = Order(quantity, codes.REASON_ORDER, config.fill == "close", closes, exits_of_file(state, i))
