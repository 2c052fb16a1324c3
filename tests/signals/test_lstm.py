"""The plugin lstm: a model folder, or several that take turns, as one signal."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import signals  # noqa: E402
from engine.forecasts import make_signal  # noqa: E402
from engine.types import DAY_NS, Window  # noqa: E402
from signals import keeping, models  # noqa: E402
from signals.features import feature_set  # noqa: E402
from signals.folder import ModelError, write  # noqa: E402
from signals.lstm import Lstm  # noqa: E402
from signals.passport import Passport, instant_of  # noqa: E402
from signals.scaling import fit  # noqa: E402
from tests.signals import passports  # noqa: E402
from tests.signals.features import markets  # noqa: E402

SET = feature_set("core14_shipped")
LONG = 6  # the net's window
START = np.datetime64("2014-01-01T00:00", "ns").astype(np.int64)


def bars(length: int = 90, n: int = 6, seed: int = 5) -> Window:
    """Daily bars from 2014 on, without holes: the names are S000, S001 ..."""
    b = markets.bars(length, n, seed, holes=0.0)
    times = START + DAY_NS * np.arange(length)
    return Window(b.symbols, times, b.open, b.high, b.low, b.close, b.volume, b.sector)


def day(k: int) -> str:
    """The instant of slice k."""
    return instant_of(START + DAY_NS * k)


def model(place, seed: int = 0, kind: str = "rank", **changes):
    """A model folder of an untrained net over core14_shipped, which knows everything until mid-2013."""
    architecture = {
        "rank": {"kind": "rank", "hidden": 8, "layers": 1},
        "stock": {"kind": "stock", "inputs": 14, "lstm_units": 8, "dense_units": 8},
    }[kind]
    values = SET.panel(bars(60))
    told = passports.plain(kind)
    told |= {
        "architecture": architecture,
        "window": LONG,
        "features": {"set": SET.name, "sha256": SET.sha256, "columns": SET.column_names},
        "scaler": fit("robust", values[0][~np.isnan(values[0]).any(axis=1)]),
    }
    passport = Passport.of(**told | changes)
    write(place, models.build(architecture, seed).state_dict(), passport)
    return place


def same_bits(one, other) -> bool:
    return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


def test_the_panel_is_the_forecast_of_every_slice_to_the_last_bit(tmp_path):
    signal, market = Lstm(str(model(tmp_path / "m"))), bars()
    assert signal.window == LONG + SET.memory and signal.unit == "return"
    panel = signal.forecast_panel(market)
    assert panel.shape == (90, 6) and np.isnan(panel[: signal.window - 1]).all()
    assert np.isfinite(panel[signal.window - 1 :, 0]).all()
    for t in range(signal.window - 1, 90, 7):
        late = market.rows(t - signal.window + 1, t + 1)
        assert same_bits(signal.forecast(late), panel[t])
        assert same_bits(signals.load(tmp_path / "m").forecast(late), panel[t])


def test_a_signal_of_the_engine_is_made_from_its_arguments(tmp_path):
    signal = make_signal("rank", Lstm, {"model": str(model(tmp_path / "m"))})
    assert (signal.label, signal.horizon, signal.embargo, signal.flags) == ("open_to_open", 1, 5, ())


def test_the_future_changes_no_forecast(tmp_path):
    signal, market = Lstm(str(model(tmp_path / "m"))), bars()
    panel = signal.forecast_panel(market)
    assert same_bits(signal.forecast_panel(market.rows(0, 70)), panel[:70])


def test_a_name_without_a_full_window_has_no_forecast_and_the_others_have(tmp_path):
    signal, market = Lstm(str(model(tmp_path / "m"))), bars()
    panel = signal.forecast_panel(market)
    listed = 90 // 3  # S001 has no bar before
    assert np.isnan(panel[: listed + signal.window - SET.memory - 1, 1]).all() and np.isfinite(panel[89, 1])
    assert np.isnan(panel[:, 3]).all()  # never traded


def folds(place):
    """Two models that take turns: the first knows slice 39, the second slice 59 and speaks from 64 on."""
    span = {"train": ("2010-01-01", "2012-12-31")}
    model(place / "fold-1", 1, known_through=day(39), ranges=span)
    model(place / "fold-0", 2, known_through=day(59), valid_from=day(64), ranges=span)
    return place


def test_folds_take_turns_by_the_instant_from_which_they_are_valid(tmp_path):
    market = bars()
    signal = Lstm(str(folds(tmp_path / "wf")))
    first, second = (Lstm(str(tmp_path / "wf" / name)).forecast_panel(market) for name in ("fold-1", "fold-0"))
    panel = signal.forecast_panel(market)
    assert np.isnan(panel[:40]).all()  # nobody is valid yet
    assert same_bits(panel[40:65], first[40:65]) and same_bits(panel[65:], second[65:])
    for t in (39, 40, 64, 65, 89):
        assert same_bits(signal.forecast(market.rows(t - signal.window + 1, t + 1)), panel[t])


def test_what_a_walk_forward_knows_grows_with_its_folds(tmp_path):
    signal, times = Lstm(str(folds(tmp_path / "wf"))), bars().times
    known = signal.known_through(times)
    assert (known[:65] == times[39]).all() and (known[65:] == times[59]).all()
    assert (times[40:] > known[40:]).all() and (times[:40] <= known[:40]).all()
    alone = Lstm(str(model(tmp_path / "m")))
    assert (alone.known_through(times) == passports.rank().known_through_ns).all()


def test_folds_that_are_not_one_signal_are_refused(tmp_path):
    folds(tmp_path / "wf")
    model(tmp_path / "wf" / "fold-2", known_through="2015-01-01T00:00:00Z", unit="score", calibration=None)
    with pytest.raises(ModelError, match="its unit differs"):
        Lstm(str(tmp_path / "wf"))


def test_two_turns_at_once_are_refused(tmp_path):
    folds(tmp_path / "wf")
    shutil.copytree(tmp_path / "wf" / "fold-0", tmp_path / "wf" / "fold-9")
    with pytest.raises(ModelError, match="same instant"):
        Lstm(str(tmp_path / "wf"))


def test_models_of_one_stock_each_speak_for_their_own_name(tmp_path):
    market = bars()
    for seed, name in enumerate(("S000", "S004")):
        model(tmp_path / "all" / name, seed, kind="stock", universe=(name,))
    found = Lstm(str(tmp_path / "all")).forecast_panel(market)
    assert np.isnan(found[:, [1, 2, 3, 5]]).all()
    for column, name in ((0, "S000"), (4, "S004")):
        alone = Lstm(str(tmp_path / "all" / name)).forecast_panel(market)
        assert same_bits(found[:, column], alone[:, column]) and np.isfinite(found[-1, column])


def test_walk_forwards_of_one_name_each_speak_in_turns_for_their_own(tmp_path):
    market, span = bars(), {"train": ("2010-01-01", "2012-12-31")}
    for seed, name in enumerate(("S000", "S004")):
        for k, until in enumerate((39, 59)):
            model(
                tmp_path / "all" / name / f"fold-{k}",
                2 * seed + k,
                known_through=day(until),
                ranges=span,
                universe=(name,),
            )
    signal = Lstm(str(tmp_path / "all"))
    panel = signal.forecast_panel(market)
    assert np.isnan(panel[:, [1, 2, 3, 5]]).all() and np.isnan(panel[:40]).all()
    for column, name in ((0, "S000"), (4, "S004")):
        for k, rows in enumerate((slice(40, 60), slice(60, 90))):
            alone = Lstm(str(tmp_path / "all" / name / f"fold-{k}")).forecast_panel(market)
            assert same_bits(panel[rows, column], alone[rows, column]) and np.isfinite(panel[rows, column]).all()
    assert (signal.known_through(market.times)[60:] == market.times[59]).all()


def test_features_too_large_for_memory_are_mapped_and_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("BARCAST_CACHE", str(tmp_path / "cache"))
    signal, market = Lstm(str(model(tmp_path / "m"))), bars()
    small = signal._all(market, np.ones(90, np.bool_))
    monkeypatch.setattr("signals.lstm.LARGE", 0)
    assert same_bits(signal._all(market, np.ones(90, np.bool_)), small)
    assert list((tmp_path / "cache" / "features").iterdir())


def test_features_other_than_those_of_the_training_are_refused(tmp_path):
    model(tmp_path / "m", features={"set": SET.name, "sha256": "0" * 64, "columns": SET.column_names})
    with pytest.raises(ModelError, match="other numbers by the same name"):
        Lstm(str(tmp_path / "m"))


@pytest.mark.parametrize("what", ["nothing", "empty", "file"])
def test_a_place_without_a_model_is_refused(tmp_path, what):
    place = tmp_path / "m"
    if what == "empty":
        place.mkdir()
    if what == "file":
        place.write_text("x")
    with pytest.raises(ModelError, match="no model folder"):
        Lstm(str(place))


def test_an_unknown_precision_is_refused_before_anything_is_read():
    with pytest.raises(ModelError, match="fp32 or bf16"):
        Lstm("nowhere", precision="int8")


def test_forecasts_are_kept_and_found_again_without_the_net(tmp_path, monkeypatch):
    monkeypatch.setenv("BARCAST_CACHE", str(tmp_path / "cache"))
    place, market = model(tmp_path / "m"), bars()
    once = Lstm(str(place)).forecast_panel(market)
    monkeypatch.setattr(Lstm, "_all", None)
    assert same_bits(Lstm(str(place)).forecast_panel(market), once)


@pytest.mark.parametrize("change", ["bars", "weights", "scaler", "precision", "off", "damage"])
def test_kept_forecasts_are_of_these_weights_these_bars_and_this_precision_only(tmp_path, monkeypatch, change):
    monkeypatch.setenv("BARCAST_CACHE", "off" if change == "off" else str(tmp_path / "cache"))
    from signals import inference

    monkeypatch.setattr(inference, "LEAST_RANK_CORRELATION", 0.0)
    monkeypatch.setattr(inference, "LEAST_OVERLAP", 0.0)
    place, market = model(tmp_path / "m"), bars()
    Lstm(str(place)).forecast_panel(market)
    if change == "weights":
        model(place, seed=8)
    if change == "scaler":
        told = json.loads((place / "passport.json").read_text())
        told["scaler"]["center"][0] += 1.0
        (place / "passport.json").write_text(json.dumps(told))
    if change == "damage":
        entry = next((tmp_path / "cache" / "forecasts").iterdir())
        entry.write_bytes(entry.read_bytes()[:-1] + b"\x01")
    calls = []
    true = Lstm._all
    monkeypatch.setattr(Lstm, "_all", lambda *given: calls.append(1) or true(*given))
    Lstm(str(place), "bf16" if change == "precision" else "fp32").forecast_panel(
        bars(seed=6) if change == "bars" else market
    )
    assert calls == [1]


def test_weights_changed_on_disk_are_refused_even_where_forecasts_are_kept(tmp_path):
    place, market = model(tmp_path / "m"), bars()
    Lstm(str(place)).forecast_panel(market)
    data = bytearray((place / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (place / "weights.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="not the one"):
        Lstm(str(place)).forecast_panel(market)


def test_a_model_replaced_while_in_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("BARCAST_CACHE", "off")
    signal = Lstm(str(model(tmp_path / "m")))
    model(tmp_path / "m", seed=3)
    with pytest.raises(ModelError, match="not the one|replaced"):
        signal.forecast_panel(bars())
    with pytest.raises(ModelError, match="replaced"):
        signal.forecast(bars())


def test_old_entries_go_when_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setenv("BARCAST_CACHE", str(tmp_path))
    monkeypatch.setattr(keeping, "LIMIT", 1500)
    for k in range(5):
        keeping.through(f"{k:064}", (100,), lambda: np.zeros(100))
    assert len(list((tmp_path / "forecasts").iterdir())) == 1


def test_a_flagged_classifier_says_why_it_is_silent(tmp_path):
    told = {
        "architecture": {"kind": "direction", "inputs": 14, "hidden": 8, "layers": 1},
        "unit": "probability",
        "calibration": None,
    }
    place = tmp_path / "m"
    architecture = told["architecture"]
    passport = Passport.of(
        **passports.plain("rank")
        | {
            "window": LONG,
            "features": {"set": SET.name, "sha256": SET.sha256, "columns": SET.column_names},
            "scaler": {"kind": "none", "center": [0.0] * 14, "scale": [1.0] * 14},
            "flags": ("constant",),
        }
        | told
    )
    write(place, models.build(architecture).state_dict(), passport)
    signal = Lstm(str(place))
    assert signal.flags == ("constant", "uncalibrated")
    assert signal.notes == (
        "m: the classifier is constant and uncalibrated, so it forecasts nothing and trades nothing",
    )
    assert np.isnan(signal.forecast_panel(bars())).all()


def test_importing_the_plugin_and_reading_a_passport_needs_no_torch(tmp_path):
    import subprocess
    import sys

    place = model(tmp_path / "m")
    code = f"import sys; from signals.lstm import Lstm; Lstm({str(place)!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=passports.ROOT)
