"""Sizers and caps, in their order: exposure, smoothing, vol target, max_weight, sector, net, gross."""

from __future__ import annotations

import statistics

import pytest
from pytest import approx

from tests.reference.interface import NAN, Switch
from tests.step.market import play


def ordered(weights, **rules):
    """Weight by symbol that one decision over flat bars at 10 leads to, with room to fill all of it."""
    bars = {symbol: [10, 10] for symbol in weights}
    limits = {"max_weight": 9.0, "max_gross": 9.0, "lot": 0.0}
    played = play(bars, {s: [w] for s, w in weights.items()}, **{**limits, **rules})
    return {symbol: quantity / 100 for _, symbol, quantity, _ in played.fills}


def test_exposure_scales_each_side():
    weights = ordered({"A": 0.5, "B": -0.5}, exposure_long=0.65, exposure_short=0.35)
    assert weights == approx({"A": 0.325, "B": -0.175})


def test_smoothing_begins_unsmoothed_and_then_decays():
    played = play([10] * 5, [0.325, 0.0, 0.0], smoothing=0.15, lot=0.0)
    # 0.85 x 0.325 = 0.27625; x 0.85 = 0.2348125
    assert played.fills == [(1, "A", 32.5, 10.0), (2, "A", -4.875, 10.0), (3, "A", -4.14375, 10.0)]


def test_smoothing_takes_the_new_target_by_its_share():
    played = play([10] * 3, [0.2, 0.6], smoothing=0.25, lot=0.0)
    assert played.fills[1] == (2, "A", 10.0, 10.0)  # 0.25 x 0.6 + 0.75 x 0.2 = 0.3


def test_smoothing_is_of_the_smoothed_target_not_of_the_position():
    played = play([10, 10, 20, 20], [0.4, NAN, 0.4], smoothing=0.5, lot=0.0)
    # still 0.4 of 1400 / 20 = 28
    assert played.fills[1] == (3, "A", -12.0, 20.0)


def test_smoothing_below_a_lot_is_zero():
    played = play([10] * 4, [0.02, 0.0, 0.0], smoothing=0.5, lot=1.0)
    # 2 shares, then 0.01: 1 share, then 0.005: half a share, so 0
    assert played.fills == [(1, "A", 2.0, 10.0), (2, "A", -1.0, 10.0), (3, "A", -1.0, 10.0)]


def test_a_smoothed_target_below_a_lot_leaves_in_spite_of_the_band():
    played = play([10] * 4, [0.1, 0.0, 0.0], smoothing=0.5, lot=10.0, no_trade_band=0.09)
    # 10 shares; then 0.05 is half a lot: 0, and an exit to zero ignores the band
    assert played.fills == [(1, "A", 10.0, 10.0), (2, "A", -10.0, 10.0)]


def test_a_protective_exit_resets_smoothing_to_zero():
    bars = [10, (10, 10, 8, 9), 9, 9]
    played = play(bars, [0.5, 0.5, NAN], smoothing=0.2, stop_loss=0.1, lot=0.0)
    # stopped at 9: equity 950; then 0.2 x 0.5 + 0.8 x 0 = 0.1 of 950 / 9
    assert played.fills[1:] == [(1, "A", -50.0, 9.0), (2, "A", round(95 / 9, 9), 9.0)]


def test_an_ordinary_exit_does_not_reset_smoothing():
    bars = [10] * 5
    played = play(bars, [0.01, 0.0, 0.5], smoothing=0.5, lot=1.0, capital=1000.0)
    # 1 share; 0.005 is below a lot: 0 and out; 0.5 x 0.5 + 0.5 x 0 = 0.25
    assert played.fills == [(1, "A", 1.0, 10.0), (2, "A", -1.0, 10.0), (3, "A", 25.0, 10.0)]


def vol_run(step, target, weight=0.5, **rules):
    """Weights of A, always holding B for its returns of +step, -step, ...: the quantity of A bought on slice 21."""
    prices = [100.0]
    for t in range(1, 22):
        prices.append(prices[-1] * (1 + step if t % 2 else 1 - step))
    bars = {"A": [10] * 22, "B": prices}
    return play(
        bars,
        {"A": [*[NAN] * 20, weight], "B": [1.0]},
        vol_target=target,
        lot=0.0,
        max_gross=9.0,
        max_weight=9.0,
        **rules,
    )


@pytest.mark.parametrize(
    ("volatility", "scale"), [(0.05, 1.6), (0.12, 0.08 / 0.12), (0.08, 1.0), (0.01, 2.0), (0.5, 0.5)]
)
def test_the_vol_target_scales_by_target_over_the_last_twenty_returns(volatility, scale):
    played = vol_run(0.004, None)
    past = [played.equity[t] / played.equity[t - 1] - 1 for t in range(1, 21)]
    deviation = statistics.stdev(past)
    # bars_per_year is set so that the annualised deviation is `volatility`
    scaled = vol_run(0.004, 0.08, bars_per_year=(volatility / deviation) ** 2)
    bought = next(fill for fill in scaled.fills if fill[0] == 21)
    assert bought[2] * 10 / scaled.equity[20] / 0.5 == approx(scale)  # 8 % over 5, 12, 8 %; clipped to 2 and .5


def test_the_vol_scale_is_one_before_twenty_returns_exist():
    played = play([10] * 20, [*[NAN] * 18, 0.5], vol_target=0.1, lot=0.0, max_weight=9.0, max_gross=9.0)
    assert played.fills == [(19, "A", 50.0, 10.0)]


def test_an_account_that_never_moved_gets_the_largest_scale():
    played = play([10] * 22, [*[NAN] * 20, 0.3], vol_target=0.1, lot=0.0)
    assert played.fills == [(21, "A", 60.0, 10.0)]


def test_the_vol_target_also_counts_the_returns_of_a_flattened_account():
    switch = Switch("max_drawdown", 0.01, "flatten", 1.0, 3)
    prices = [10, 10, *[9.75] * 22]
    played = play(prices, [1.0, *[NAN] * 20, 0.5], vol_target=0.08, switches=[switch], lot=0.0)
    # out on slice 3; on slice 21 the last 20 returns are those of slices 2 to 21: -2.5 % and nineteen zeros
    scale = 0.08 / (statistics.stdev([-0.025, *[0.0] * 19]) * 252**0.5)
    assert 0.5 < scale < 2
    assert played.fills[2:] == [(22, "A", approx(scale * 0.5 * 975 / 9.75), 9.75)]


def test_max_weight_binds_each_name():
    assert ordered({"A": 0.5, "B": -0.5, "C": 0.1}, max_weight=0.2) == approx({"A": 0.2, "B": -0.2, "C": 0.1})


def test_max_weight_binds_threshold_too():
    played = play([10, 10], None, [1.0], size=0.5, max_weight=0.2)
    assert played.fills == [(1, "A", 20.0, 10.0)] and played.notes(0) == ["capped"]


def test_max_sector_scales_the_names_of_that_sector():
    weights = ordered({"A": 0.4, "B": -0.4, "C": 0.3}, max_sector=0.4, sector={"A": 0, "B": 0, "C": 1})
    assert weights == approx({"A": 0.2, "B": -0.2, "C": 0.3})


def test_max_net_scales_the_heavier_side():
    assert ordered({"A": 0.8, "B": -0.3}, max_net=0.2) == approx({"A": 0.5, "B": -0.3})
    assert ordered({"A": 0.2, "B": -0.6, "C": -0.2}, max_net=0.2) == approx({"A": 0.2, "B": -0.3, "C": -0.1})


def test_max_gross_scales_everything_at_the_decision():
    assert ordered({"A": 1.5, "B": -0.5}, max_gross=1.0) == approx({"A": 0.75, "B": -0.25})
    # at an open of 5 the buying power of 1000 would allow the 150 and 50 that were not asked for
    played = play({"A": [10, 5], "B": [10, 5]}, {"A": [1.5], "B": [-0.5]}, max_weight=9.0)
    assert [fill[2] for fill in played.fills] == [75.0, -25.0] and played.notes(0) == ["capped"]


def test_max_gross_leaves_out_names_without_a_target():
    bars = {"A": [10] * 3, "B": [10] * 3}
    played = play(bars, {"A": [0.6, NAN], "B": [NAN, 0.9]}, lot=0.0)
    # B's 0.9 is not scaled to 0.4 by the cap; buying power of 400 scales its 90 shares to 40
    assert played.fills[1:] == [(2, "B", 40.0, 10.0)] and "capped" not in played.notes(1, "B")


def test_the_net_cap_comes_before_the_gross_cap():
    # net 1.6 - 0.4 = 1.2 > 0.4: long 0.8; gross 1.2 > 0.6: all halved. The other way round, long would keep 0.4 + ...
    assert ordered({"A": 1.6, "B": -0.4}, max_net=0.4, max_gross=0.6) == approx({"A": 0.4, "B": -0.2})


def test_the_weight_cap_comes_before_the_gross_cap():
    # 0.5 and 0.5 after max_weight: gross 1, halved
    assert ordered({"A": 0.9, "B": 0.5}, max_weight=0.5, max_gross=0.5) == approx({"A": 0.25, "B": 0.25})


def test_the_sector_cap_comes_before_the_net_cap():
    # sector: A 0.4; then net 0.4 is within 0.4. The other way round A would end below
    assert ordered({"A": 0.8, "B": 0.0}, max_sector=0.4, max_net=0.4, sector=0) == approx({"A": 0.4})


def test_smoothing_comes_before_the_caps():
    played = play([10] * 3, [0.8, 0.0], smoothing=0.5, max_weight=0.5, lot=0.0)
    # capped 0.5, but the smoothed target stays 0.8: then 0.4
    assert played.fills == [(1, "A", 50.0, 10.0), (2, "A", -10.0, 10.0)]


def test_exposure_comes_before_smoothing():
    played = play([10] * 3, [0.5, -0.5], smoothing=0.5, exposure_long=1.0, exposure_short=0.4, lot=0.0)
    # 0.5; then 0.5 x (-0.2) + 0.5 x 0.5 = 0.15
    assert played.fills[1:] == [(2, "A", -35.0, 10.0)]


def test_a_reduce_switch_comes_before_the_caps():
    switch = Switch("max_drawdown", 0.1, "reduce", 0.5, "never")
    played = play([10, 10, 8, 8, 8], [1.0, NAN, 0.8], max_weight=1.0, switches=[switch], lot=0.0)
    assert played.fills[1:] == [(3, "A", -60.0, 8.0)]  # 0.4 x 800 / 8 = 40 of 100
    assert played.notes(2) == ["reduced"]
