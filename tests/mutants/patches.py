"""Wrong steps that somebody could have written: (what is wrong, file, the right text, the wrong text).

Each is a patch of the source; the right text must occur exactly once, so a patch that no longer fits is noticed.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    file: str
    right: str
    wrong: str


ACTIONS, OPENING, INSIDE = "engine/step/actions.py", "engine/step/opening.py", "engine/step/inside.py"
CLOSING, MARKING, LEVELS = "engine/step/closing.py", "engine/step/marking.py", "engine/step/levels.py"
LOOKING, MONEY, FUSED = "engine/step/looking.py", "engine/step/money.py", "engine/step/fused.py"
THRESHOLD, QUINTILE = "strategies/threshold.py", "strategies/quintile.py"
SHAPING, SWITCHES = "risk/shaping.py", "risk/switches.py"

_TABLE = [
    # paragraph 1
    ("a dividend is paid on the shares before the split", ACTIONS,
     "account.quantity[i] * dividend", "account.quantity[i] / ratio * dividend"),
    ("a waiting order is not split", ACTIONS, "floor_lot(waiting * ratio, lot)", "floor_lot(waiting, lot)"),
    ("a split order rounds instead of flooring", ACTIONS, "floor_lot(waiting * ratio, lot)", "float(round(waiting * ratio))"),
    ("the cashed fraction is lost", ACTIONS,
     "account.money[CASH] += fraction * price * specs.multiplier[i]", "account.money[CASH] += 0.0"),
    ("the fraction is cashed at the mark", ACTIONS,
     "price = account.mark[i] if math.isnan(bars.open[i]) else bars.open[i]", "price = account.mark[i]"),
    ("a position cashed to nothing is no exit", ACTIONS, "if whole == 0.0:", "if False:"),
    ("a split leaves the mark", ACTIONS, "    account.mark[i] /= ratio\n    account.stop", "    account.stop"),
    ("a split leaves the level basis", ACTIONS, "account.basis[i] /= ratio", "pass"),
    ("a split leaves the trailing extreme", ACTIONS, "account.extreme[i] /= ratio", "pass"),
    ("a dividend leaves the level basis", ACTIONS, "account.basis[i] -= dividend", "pass"),
    ("a dividend leaves the trailing extreme", ACTIONS, "account.extreme[i] -= dividend", "pass"),
    ("a short is paid the dividend", ACTIONS, "account.quantity[i] * dividend", "abs(account.quantity[i]) * dividend"),
    ("a death pays the entry price", ACTIONS, "price = account.mark[i] * (1.0", "price = account.entry[i] * (1.0"),
    ("a death ignores the haircut", ACTIONS, "(1.0 - rules.delisting_haircut)", "1.0"),
    ("a death ignores the terminal value", ACTIONS, "price = specs.terminal_value[i]", "price = np.nan"),
    ("a death comes a day early", ACTIONS,
     "account.missing[i] >= rules.delisting_after", "account.missing[i] + 1 >= rules.delisting_after"),
    ("a bar does not end the silence", ACTIONS, "account.missing[i] = 0", "pass"),
    ("silence is counted in slices", ACTIONS, "if last and not account.seen[i]:", "if not account.seen[i]:"),
    ("who returned can not die again", ACTIONS, "account.dead[i] = False", "pass"),
    # paragraph 2
    ("a gap fills at the stop's level", OPENING,
     "leave(t, i, price, True, reason,", "leave(t, i, stop, True, reason,"),
    ("a gap over the target fills at the level", OPENING,
     "leave(t, i, price, False, c.REASON_TARGET,",
     "leave(t, i, target_side(i, specs, rules, account), False, c.REASON_TARGET,"),
    ("a target at the open slips", OPENING, "leave(t, i, price, False, c.", "leave(t, i, price, True, c."),
    ("a stop at the open does not slip", OPENING, "leave(t, i, price, True, reason,", "leave(t, i, price, False, reason,"),
    ("the entry bar is never protected", OPENING,
     "return rules.entry_bar_protection != 0.0 or", "return"),
    ("the entry bar is always protected", OPENING, "rules.entry_bar_protection != 0.0 or account.entry_t[i] != t", "True"),
    ("increases come before reductions", OPENING,
     "    factor = common_factor(power,",
     "    for i in range(specs.lot.shape[0]):\n"
     "        power -= scratch.used[i] * (prices[i] if scratch.used[i] > 0.0 else 0.0) * specs.multiplier[i]\n"
     "    factor = common_factor(power,"),
    ("every increase is scaled by itself", OPENING,
     "scaled = floor_lot(quantity * factor,",
     "alone = buying_power(at_close, bars, specs, rules, account) / (abs(quantity) * prices[i] * specs.multiplier[i])\n"
     "            scaled = floor_lot(quantity * max(0.0, min(1.0, alone)),"),
    ("fees are forgotten in buying power", OPENING,
     "specs.multiplier[i] + fee_of(quantity, paid, specs.multiplier[i], rules)", "specs.multiplier[i]"),
    ("slippage is forgotten in buying power", OPENING, "abs(quantity) * paid *", "abs(quantity) * prices[i] *"),
    ("short proceeds buy", OPENING, "gross += abs(value)", "gross += value"),
    ("buying power ignores max_gross", OPENING, "return rules.max_gross * equity", "return equity"),
    ("buying power uses the last marks", OPENING, "            if math.isnan(price):\n                price", "            if True:\n                price"),
    ("scaled quantities are not floored", OPENING, "floor_lot(quantity * factor, specs.lot[i])", "quantity * factor"),
    ("a fee per order is taken for linear", OPENING, "rules.per_order == 0.0 and ", ""),
    ("a minimum fee is taken for linear", OPENING, " and rules.min_fee == 0.0", ""),
    ("five bisections", OPENING, "BISECTIONS = 40", "BISECTIONS = 5"),
    ("a level passed after the entry waits", OPENING, "if scratch.grown[i] and", "if False and"),
    ("the rest of an exit lapses", OPENING, "if size == abs(held):", "if False:"),
    ("an order that meets no bar waits for one", OPENING,
     "            orders.quantity[row, i] = np.nan\n            codes[i] |= np.uint32(c.NO_BAR)\n",
     "            codes[i] |= np.uint32(c.NO_BAR)\n            stand_again(t, i, wanted, c.REASON_ORDER, orders)\n"),
    ("a switch's exit that meets no bar is forgotten", OPENING, "if orders.reason[row, i] != c.REASON_ORDER and account.quantity[i] != 0.0:", "if False:"),
    ("impact may make a price negative", MONEY, "rate = min(rate, 1.0)", "rate = rate + 0.0"),
    ("a mirrored probability misses by rounding", THRESHOLD, "SLACK = 1e-12", "SLACK = 0.0"),
    ("flattening waits for the close", OPENING,
     "at_open = reason != c.REASON_ORDER or rules.fill_at_close == 0.0", "at_open = rules.fill_at_close == 0.0"),
    ("an order that shrinks may open", OPENING, "if wanted == 0.0 or orders.reduce_only[row, i]:", "if wanted == 0.0:"),
    ("participation is per order", MONEY, " - scratch.used[i]", ""),
    ("participation is not floored to the lot", MONEY,
     "floor_lot(rules.max_participation * bars.volume[i], specs.lot[i])", "rules.max_participation * bars.volume[i]"),
    ("no volume is taken for unknown", MONEY, "math.isnan(bars.volume[i])", "not bars.volume[i] > 0.0"),
    ("a level does not cancel the other order", MONEY,
     "        orders.quantity[row, i] = np.nan\n        codes[i] |= np.uint32(c.CANCELLED)", "        pass"),
    ("the rest of a stop does not stand again", MONEY,
     "stand_again(t, i, sign * (abs(held) - size), reason, orders)", "pass"),
    ("impact is linear in the share of volume", MONEY,
     "math.sqrt(abs(quantity) / bars.volume[i])", "(abs(quantity) / bars.volume[i])"),
    ("slippage helps the seller", MONEY, "price * (1.0 - rate)", "price * (1.0 + rate)"),
    ("the minimum fee is forgotten", MONEY, "max(fee, rules.min_fee)", "fee"),
    ("the fee per share is forgotten", MONEY, " + size * rules.per_share", ""),
    ("an increase leaves the levels", MONEY, "account.basis[i] = (account.basis[i] * before + price * quantity) / after", "pass"),
    ("floors forgive nothing", MONEY, "lot + EPSILON) * lot", "lot) * lot"),
    ("shorts floor away from zero", MONEY,
     "whole if quantity > 0.0 else -whole", "whole if quantity > 0.0 else -math.ceil(abs(quantity) / lot - EPSILON) * lot"),
    # paragraph 3
    ("a touch does not stop", LEVELS, "price <= level * (1.0 + TOUCH) if long else price >= level * (1.0 - TOUCH)\n\n\n", "price < level * (1.0 - TOUCH) if long else price > level * (1.0 + TOUCH)\n\n\n"),
    ("a touch does not reach the target", LEVELS, "return price >= level * (1.0 - TOUCH) if long", "return price > level * (1.0 + TOUCH) if long"),
    ("rounding hides a touch", LEVELS, "TOUCH = 1e-12", "TOUCH = 0.0"),
    ("optimistic instead of pessimistic", INSIDE, "    return True\n", "    return False\n"),
    ("a tie takes the target", INSIDE, "down <= up if long else up <= down", "down < up if long else up < down"),
    ("nearest is not mirrored for shorts", INSIDE, "down <= up if long else up <= down", "down <= up"),
    ("a target inside the bar slips", INSIDE, "leave(t, i, price, False,", "leave(t, i, price, True,"),
    ("a stop inside the bar does not slip", INSIDE, "leave(t, i, price, True,", "leave(t, i, price, False,"),
    ("a stop inside the bar fills at its low", INSIDE, "price = min(max(stop, low), high)", "price = low if long else high"),
    ("one missing extreme does not blind", INSIDE, "math.isnan(high) or math.isnan(low)", "math.isnan(high) and math.isnan(low)"),
    ("ambiguity goes unnamed", INSIDE, "codes[i] |= np.uint32(c.AMBIGUOUS)", "pass"),
    ("the stop of a long rounds up to the tick", LEVELS,
     "side * rules.stop_loss), specs.tick[i], not long)", "side * rules.stop_loss), specs.tick[i], long)"),
    ("the target of a long rounds down to the tick", LEVELS,
     "side * rules.take_profit), specs.tick[i], long)", "side * rules.take_profit), specs.tick[i], not long)"),
    ("the trail hangs on the basis", LEVELS, "account.extreme[i] * (1.0 - side * rules.trailing", "account.basis[i] * (1.0 - side * rules.trailing"),
    ("the looser of stop and trail acts", LEVELS, "side * trail > side * level", "side * trail < side * level"),
    ("break-even arms within its own bar", INSIDE,
     "        long = account.quantity[i] > 0.0\n",
     "        long = account.quantity[i] > 0.0\n"
     "        gain = account.basis[i] * (1.0 + (rules.break_even if long else -rules.break_even))\n"
     "        if (bars.high[i] >= gain) if long else (bars.low[i] <= gain):\n"
     "            account.armed[i] = True\n"),
    # paragraphs 4 and 5
    ("the time stop is a bar late", CLOSING, "account.held[i] + 1 >=", "account.held[i] >="),
    ("the time stop counts missing bars", CLOSING, "account.held[i] + 1 >=", "t - account.entry_t[i] + 1 >="),
    ("borrow is not charged", MARKING, " + account.money[SHORT_VALUE] * rules.borrow * years", ""),
    ("interest is on the cash after trading", MARKING, "account.money[LAST_CASH] * rules", "account.money[CASH] * rules"),
    ("a year has 360 days", MARKING, "elapsed / YEAR_NS", "elapsed / (YEAR_NS / 365 * 360)"),
    ("the trail follows closes only", MARKING, "best = bars.high[i] if long else bars.low[i]", "best = bars.close[i]"),
    ("an entry at the close trails its whole bar", MARKING, "if scratch.late[i]:", "if False:"),
    ("the trail may come down", MARKING,
     "account.extreme[i] = max(account.extreme[i], best) if long else min(account.extreme[i], best)",
     "account.extreme[i] = best"),
    ("maintenance is off", MARKING, "1.0 if called else 0.0", "0.0"),
    ("ruin pays no fee", MARKING, "fee = fee_of(held, price, specs.multiplier[i], rules)", "fee = 0.0"),
    ("ruin does not slip", MARKING, "price = slipped(i, -held, account.mark[i], bars, rules)", "price = account.mark[i]"),
    ("no equity is not yet ruin", MARKING, "if account.money[EQUITY] <= 0.0:", "if account.money[EQUITY] < 0.0:"),
    # paragraph 6
    ("the band blocks exits", LOOKING, "if weight != 0.0 and banded and", "if banded and"),
    ("the band measures from the cost", LOOKING, "have * unit / equity) <", "have * account.entry[i] / equity) <"),
    ("flatten keeps waiting orders", LOOKING, "orders.quantity[:] = np.nan", "orders.quantity[row] = np.nan"),
    ("a delay orders the same shares again", LOOKING, "have = account.quantity[i] + waiting_for(i, orders)", "have = account.quantity[i]"),
    ("halt lets positions grow", LOOKING, "if order * have >= 0.0:", "if False:"),
    ("halt lets a flip through", LOOKING, "            if abs(order) > abs(have):\n                order = -have", "            if abs(order) > abs(have):\n                order = order"),
    ("halt forgets what waits", LOOKING, "    if (brake & HALT) != 0:\n        stop_growth(orders)\n", ""),
    ("orders are sized by cash", LOOKING, "equity = account.money[EQUITY]", "equity = account.money[0]"),
    ("flatten stops the clock of the vol target", FUSED, "scratch.target[:] = np.nan\n            shape(", "continue\n            shape("),
    # rules
    ("a slot is free before its exit is filled", THRESHOLD,
     "if held or under_way:", "if (held and not forecasts[0, i] < params[EXIT_CONFIDENCE]) or under_way:"),
    ("an entry on its way takes no slot", THRESHOLD, "if held or under_way:", "if held:"),
    ("threshold cools a slice too long", THRESHOLD, "view.exit_t[i] < params[COOLDOWN]", "view.exit_t[i] <= params[COOLDOWN]"),
    ("threshold breaks ties by column", THRESHOLD, "symbol_rank[i] < symbol_rank[best]", "i < best"),
    ("threshold enters above the confidence only", THRESHOLD, "forecast >= enough", "forecast > enough + 2 * SLACK"),
    ("threshold leaves at the exit confidence", THRESHOLD, "if confidence < params[EXIT_CONFIDENCE] - SLACK", "if confidence <= params[EXIT_CONFIDENCE]"),
    ("a probability is mirrored at zero", THRESHOLD, "1.0 - forecast if", "-forecast if"),
    ("the least confident takes the slot", THRESHOLD, "state[STRENGTH, i] > state[STRENGTH, best]", "state[STRENGTH, i] < state[STRENGTH, best]"),
    ("k is rounded", QUINTILE, "math.floor(params[QUANTILE] * names + 1e-9)", "round(params[QUANTILE] * names)"),
    ("quintile breaks ties by column", QUINTILE, "state[TIED, symbol_rank[i]] = i", "state[TIED, i] = i"),
    ("positive_only keeps zero", QUINTILE, "not forecast[i] > 0.0", "not forecast[i] >= 0.0"),
    ("negative_only keeps zero", QUINTILE, "not forecast[i] < 0.0", "not forecast[i] <= 0.0"),
    ("slot and equal are the same", QUINTILE, "k if params[EQUAL] == 0.0 else (longs", "(longs if leg > 0.0 else shorts) if params[EQUAL] == 0.0 else (longs"),
    ("min_names is exclusive", QUINTILE, "names < max(1.0, params[MIN_NAMES])", "names <= params[MIN_NAMES]"),
    ("quintile cools a slice too long", QUINTILE, "view.exit_t[i] < params[COOLDOWN]", "view.exit_t[i] <= params[COOLDOWN]"),
    ("n bars is counted from one", QUINTILE, "t % int(params[EVERY]) == 0", "t % int(params[EVERY]) == 1"),
    ("a name without a forecast is left alone", QUINTILE,
     "            codes[i] |= np.uint32(c.NO_FORECAST)\n", "            codes[i] |= np.uint32(c.NO_FORECAST)\n            target[i] = np.nan\n"),
    # sizing and switches
    ("smoothing survives a protective exit", SHAPING, "if view.exit_t[i] == t and", "if False and"),
    ("the first target is smoothed from zero", SHAPING,
     "target[i] = a * raw + (1.0 - a) * before\n        state", "target[i] = a * raw + (1.0 - a) * before\n        else:\n            target[i] = a * raw\n        state"),
    ("smoothing weighs the old by a", SHAPING, "a * raw + (1.0 - a) * before", "(1.0 - a) * raw + a * before"),
    ("less than a lot is kept", SHAPING, "            target[i] = 0.0\n            if raw", "            if raw"),
    ("the vol scale is not clipped below", SHAPING, "max(LOW, params[VOL_TARGET] / deviation)", "params[VOL_TARGET] / deviation"),
    ("the vol target uses ddof 0", SHAPING, "total / (PAST - 1)", "total / PAST"),
    ("exposure comes after smoothing", SHAPING,
     "    expose(params, target)\n    if params[SMOOTHING] != 1.0:\n        smooth(t, equity, view, params, state, target)\n",
     "    if params[SMOOTHING] != 1.0:\n        smooth(t, equity, view, params, state, target)\n    expose(params, target)\n"),
    ("max_weight does not bind shorts", SHAPING, "if abs(target[i]) > limit + SLACK", "if target[i] > limit + SLACK"),
    ("the net cap scales the wrong side", SHAPING, "longs, 1, -2, sector", "longs, -1, -2, sector"),
    ("the net cap forgets the short side", SHAPING, "elif shorts - longs > limit + SLACK:", "elif False:"),
    ("the gross cap is off", SHAPING, "if longs + shorts > params[MAX_GROSS] + SLACK:", "if False:"),
    ("the sector cap counts net", SHAPING, "total += abs(target[i])", "total += target[i]"),
    ("a drawdown is measured from the capital", SWITCHES, "max(memory[REFERENCE], equity)", "memory[REFERENCE]"),
    ("a resumed drawdown keeps its peak", SWITCHES, "            if rule[KIND] == DRAWDOWN:\n                memory[REFERENCE] = equity", "            pass"),
    ("a drawdown resumes a bar late", SWITCHES, "memory[SINCE] >= rule[BARS]", "memory[SINCE] > rule[BARS]"),
    ("a daily loss is measured slice by slice", SWITCHES, "elif memory[TODAY] != day.number:", "else:"),
    ("a daily loss resumes the same day", SWITCHES, "day.number > memory[SINCE_DAY]", "day.number >= memory[SINCE_DAY]"),
    ("switches do not latch", SWITCHES, "memory[LATCHED] != 0.0 and lets_go(t, day, rule, memory)", "memory[LATCHED] != 0.0"),
    ("reduce factors do not multiply", SWITCHES, "factor *= rule[FACTOR]", "factor = rule[FACTOR]"),
]  # fmt: skip

MUTANTS = [Mutant(*row) for row in _TABLE]
