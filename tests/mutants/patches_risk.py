"""Wrong rules, sizers, caps, switches and measures that somebody could have written; see mutant.py."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

THRESHOLD, QUINTILE = "strategies/threshold.py", "strategies/quintile.py"
SHAPING, SIZING, CAPS = "risk/shaping.py", "risk/sizing.py", "risk/caps.py"
SWITCHES, MEASURES = "risk/switches.py", "engine/measures.py"

_TABLE = [
    # rules
    ("a mirrored probability misses by rounding", THRESHOLD, "SLACK = 1e-12", "SLACK = 0.0"),
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
    ("smoothing survives a protective exit", SIZING, "if view.exit_t[i] == t and", "if False and"),
    ("the first target is smoothed from zero", SIZING,
     "target[i] = a * raw + (1.0 - a) * before\n        state", "target[i] = a * raw + (1.0 - a) * before\n        else:\n            target[i] = a * raw\n        state"),
    ("smoothing weighs the old by a", SIZING, "a * raw + (1.0 - a) * before", "(1.0 - a) * raw + a * before"),
    ("less than a lot is kept", SIZING, "            target[i] = 0.0\n            if raw", "            if raw"),
    ("the vol scale is not clipped below", SIZING, 
     "max(LOW, params[VOL_TARGET] / (deviation * math.sqrt(params[BARS_PER_YEAR])))",
     "params[VOL_TARGET] / (deviation * math.sqrt(params[BARS_PER_YEAR]))"),
    ("the vol target uses ddof 0", SIZING, "total / (PAST - 1)", "total / PAST"),
    ("exposure comes after smoothing", SHAPING,
     "    expose(params, target)\n    if params[SMOOTHING] != 1.0:\n        smooth(t, equity, view, params, state, target)\n",
     "    if params[SMOOTHING] != 1.0:\n        smooth(t, equity, view, params, state, target)\n    expose(params, target)\n"),
    ("max_weight does not bind shorts", CAPS, "if abs(target[i]) > limit + SLACK", "if target[i] > limit + SLACK"),
    ("the net cap scales the wrong side", CAPS, "(shorts + limit) / longs, 1,", "(shorts + limit) / longs, -1,"),
    ("the net cap forgets the short side", CAPS, "elif shorts - longs > limit + SLACK:", "elif False:"),
    ("the gross cap is off", CAPS, "if longs + shorts > params[MAX_GROSS] + SLACK:", "if False:"),
    ("the sector cap counts net", CAPS, "total += abs(target[i])", "total += target[i]"),
    ("a drawdown is measured from the capital", SWITCHES, "max(memory[REFERENCE], equity)", "memory[REFERENCE]"),
    ("a resumed drawdown keeps its peak", SWITCHES, 
     "    if rule[KIND] == DRAWDOWN:\n        memory[REFERENCE] = equity", "    pass"),
    ("a drawdown resumes a bar late", SWITCHES, "memory[SINCE] >= rule[BARS]", "memory[SINCE] > rule[BARS]"),
    ("a daily loss is measured slice by slice", SWITCHES, "if memory[TODAY] != day.number:", "if True:"),
    ("a daily loss resumes the same day", SWITCHES, "day.number > memory[SINCE_DAY]", "day.number >= memory[SINCE_DAY]"),
    ("switches do not latch", SWITCHES, "memory[LATCHED] != 0.0 and lets_go(t, day, rule, memory)", "memory[LATCHED] != 0.0"),
    ("reduce factors do not multiply", SWITCHES, "factor *= rule[FACTOR]", "factor = rule[FACTOR]"),
]  # fmt: skip

MUTANTS = [Mutant(*row) for row in _TABLE]
