"""Technical (40): distances from means, oscillators, bands, trend strength."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.types import Floats
from signals.features import indicators as i
from signals.features import rolling
from signals.features.block import Block
from signals.features.decay import ema, reach, wilder
from signals.features.sets import Column

OURS, WILDER, APPEL, BANDS = "barcast", "Wilder (1978)", "Appel (1979)", "Bollinger (2001)"
HOSODA, LANE = "Hosoda (1969)", "Lane (1984)"
C, HL, HLC = ("close",), ("high", "low", "close"), ("high", "low", "close")


def column(
    name: str, formula: str, memory: int, source: str, needs: tuple[str, ...], compute: Callable[[Block], Floats]
) -> Column:
    return Column(name, formula, memory, source, needs, compute, "technical")


def sma(n: int) -> Column:
    return column(f"sma_{n}", f"C / mean{n}(C) - 1", n - 1, OURS, C, lambda b: b.close / b.mean("close", n) - 1)


def ema_distance(n: int) -> Column:
    return column(f"ema_{n}", f"C / ema{n}(C) - 1", reach(ema(n)), OURS, C, lambda b: b.close / i.ema(b, n) - 1)


def rsi(n: int) -> Column:
    return column(f"rsi_{n}", f"rsi{n}", 1 + reach(wilder(n)), WILDER, C, lambda b: i.rsi(b, n))


def percent_b(n: int) -> Column:
    formula = f"(C - lower) / (upper - lower), mean{n}(C) +- 2 std{n}(C)"
    return column(f"bollinger_b_{n}", formula, n - 1, BANDS, C, lambda b: i.bollinger(b, n))


def cci(n: int) -> Column:
    """Lambert (1980): the typical price less its mean, over .015 of its mean absolute deviation."""

    def compute(b: Block) -> Floats:
        price = i.typical(b)
        mean = rolling.mean(price, n)
        spread = rolling.absolute(price, mean, n) / n
        return (price - mean) / (0.015 * np.where(spread <= 1e-10 * b.close, np.nan, spread))

    formula = f"(P - mean{n}(P)) / (.015 mad{n}(P)), P = (H + L + C) / 3"
    return column(f"cci_{n}", formula, n - 1, "Lambert (1980)", HLC, compute)


def aroon_up(b: Block) -> Floats:
    return 1.0 - rolling.since_highest(b.high, 26) / 25.0


def aroon_down(b: Block) -> Floats:
    return 1.0 - rolling.since_highest(-b.low, 26) / 25.0


def squeeze(b: Block) -> Floats:
    return 2.0 * i.deviation(b, 20) / (1.5 * i.atr(b, 10))


def middle(b: Block, n: int) -> Floats:
    """Middle of the range of the last n bars."""
    return b.kept(("middle", n), lambda: (b.highest("high", n) + b.lowest("low", n)) / 2.0)


def span_a(b: Block) -> Floats:
    return rolling.lag((middle(b, 9) + middle(b, 26)) / 2.0, 26)


def span_b(b: Block) -> Floats:
    return rolling.lag(middle(b, 52), 26)


def ultimate(b: Block) -> Floats:
    """Williams (1985): buying pressure over true range, of 7, 14 and 28 bars weighted 4, 2, 1."""
    pressure = b.close - np.minimum(b.low, b.lagged("close", 1))
    ranges = i.true_range(b)
    parts = [rolling.total(pressure, n) / rolling.total(ranges, n) for n in (7, 14, 28)]
    return (4.0 * parts[0] + 2.0 * parts[1] + parts[2]) / 7.0


def vortex(b: Block) -> Floats:
    """Botes, Siepman (2010): upward less downward vortex movement over the true range of 14 bars."""
    up = np.abs(b.high - b.lagged("low", 1))
    down = np.abs(b.low - b.lagged("high", 1))
    return rolling.total(up - down, 14) / rolling.total(i.true_range(b), 14)


def mass(b: Block) -> Floats:
    """Dorsey (1992): ema9(H - L) over its own ema9, summed over 25 bars; as a mean, so that 1 is usual."""
    once = rolling.exponential(b.high - b.low, ema(9))
    return rolling.mean(once / rolling.exponential(once, ema(9)), 25)


def choppiness(b: Block) -> Floats:
    """Dreiss: log of true ranges over the range of 14 bars, 0 a straight line, 1 no way at all."""
    spread = b.highest("high", 14) - b.lowest("low", 14)
    return rolling.log(rolling.total(i.true_range(b), 14) / spread) / np.log(14.0)


def efficiency(n: int) -> Column:
    """Kaufman (1995): how far the close came over how far it went; signed."""

    def compute(b: Block) -> Floats:
        return (b.close - b.lagged("close", n)) / rolling.total(np.abs(i.change(b)), n)

    return column(f"efficiency_{n}", f"(C - C[-{n}]) / sum{n}(|C - C[-1]|)", n, "Kaufman (1995)", C, compute)


def direction(b: Block) -> Floats:
    plus, minus = i.directional(b, 14)
    return plus - minus


LINE, SIGNAL = reach(ema(26)), reach(ema(26), ema(9))
W14 = reach(wilder(14))

COLUMNS = (
    *(sma(n) for n in (5, 10, 20, 50, 100, 200)),
    *(ema_distance(n) for n in (3, 30)),
    column(
        "detrended", "C[-11] / mean20(C) - 1", 19, OURS, C, lambda b: b.lagged("close", 11) / b.mean("close", 20) - 1
    ),
    *(rsi(n) for n in (3, 14, 30)),
    column("macd", "(ema12(C) - ema26(C)) / C", LINE, APPEL, C, lambda b: i.macd(b, 12, 26) / b.close),
    column(
        "macd_signal",
        "ema9(ema12(C) - ema26(C)) / C",
        SIGNAL,
        APPEL,
        C,
        lambda b: i.macd_signal(b, 12, 26, 9) / b.close,
    ),
    column(
        "macd_histogram",
        "macd - macd_signal",
        SIGNAL,
        APPEL,
        C,
        lambda b: (i.macd(b, 12, 26) - i.macd_signal(b, 12, 26, 9)) / b.close,
    ),
    percent_b(20),
    percent_b(50),
    column(
        "bollinger_width",
        "4 std20(C) / mean20(C)",
        19,
        BANDS,
        C,
        lambda b: 4 * i.deviation(b, 20) / b.mean("close", 20),
    ),
    column("atr", "atr14 / C", 1 + W14, WILDER, HLC, lambda b: i.atr(b, 14) / b.close),
    column("adx", "adx14", 1 + 2 * W14, WILDER, HLC, lambda b: i.adx(b, 14)),
    column("direction", "+di14 - -di14", 1 + W14, WILDER, HLC, direction),
    cci(14),
    cci(40),
    column("aroon_up", "1 - slices since max26(H) / 25", 25, "Chande (1995)", ("high",), aroon_up),
    column("aroon_down", "1 - slices since min26(L) / 25", 25, "Chande (1995)", ("low",), aroon_down),
    column(
        "keltner",
        "(C - ema10(C)) / (2 atr10)",
        1 + reach(wilder(10)),
        "Keltner (1960)",
        HLC,
        lambda b: (b.close - i.ema(b, 10)) / (2.0 * i.atr(b, 10)),
    ),
    column("squeeze", "2 std20(C) / (1.5 atr10)", 1 + reach(wilder(10)), OURS, HLC, squeeze),
    column("tenkan", "M9 / C - 1, Mn = (maxn(H) + minn(L)) / 2", 8, HOSODA, HLC, lambda b: middle(b, 9) / b.close - 1),
    column("kijun", "M26 / C - 1", 25, HOSODA, HLC, lambda b: middle(b, 26) / b.close - 1),
    column("tenkan_kijun", "M9 / M26 - 1", 25, HOSODA, HL[:2], lambda b: middle(b, 9) / middle(b, 26) - 1),
    column("span_a", "(M9 + M26)[-26] / 2 / C - 1", 51, HOSODA, HLC, lambda b: span_a(b) / b.close - 1),
    column("span_b", "M52[-26] / C - 1", 77, HOSODA, HLC, lambda b: span_b(b) / b.close - 1),
    column("stochastic", "mean3((C - min14(L)) / (max14(H) - min14(L)))", 15, LANE, HLC, lambda b: i.slow(b, 14)),
    column(
        "williams_r",
        "(C - max30(H)) / (max30(H) - min30(L))",
        29,
        "Williams (1973)",
        HLC,
        lambda b: i.stochastic(b, 30) - 1,
    ),
    column(
        "ultimate",
        "(4 A7 + 2 A14 + A28) / 7, An = sumn(C - min(L, C[-1])) / sumn(TR)",
        28,
        "Williams (1985)",
        HLC,
        ultimate,
    ),
    column("vortex", "sum14(|H - L[-1]| - |L - H[-1]|) / sum14(TR)", 14, "Botes, Siepman (2010)", HLC, vortex),
    column(
        "mass", "mean25(ema9(H - L) / ema9(ema9(H - L)))", 24 + reach(ema(9), ema(9)), "Dorsey (1992)", HL[:2], mass
    ),
    column("choppiness", "ln(sum14(TR) / (max14(H) - min14(L))) / ln(14)", 14, "Dreiss (1993)", HLC, choppiness),
    efficiency(10),
    efficiency(30),
)
