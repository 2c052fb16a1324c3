"""Model folders: what was written is read, and hostile or broken ones are refused in one line before anything is built."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from signals import folder, models  # noqa: E402
from signals.folder import PASSPORT, WEIGHTS, ModelError  # noqa: E402
from tests.signals import passports  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def good(tmp_path):
    return passports.folder(tmp_path / "model")


def header(data: bytes) -> tuple[dict, bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def packed(head: dict | bytes, body: bytes) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + body


def put(place: Path, data: bytes, honest: bool = True) -> None:
    """Weights of these bytes; `honest`: with a passport that tells their sha256, as a forger would."""
    (place / WEIGHTS).write_bytes(data)
    if honest:
        tell(place, "weights_sha256", hashlib.sha256(data).hexdigest())


def tell(place: Path, key: str, value) -> None:
    told = json.loads((place / PASSPORT).read_bytes())
    (place / PASSPORT).write_text(json.dumps(told | {key: value}))


def weights(place: Path) -> bytes:
    return (place / WEIGHTS).read_bytes()


def reheaded(change):
    """A specimen whose header went through `change`, its sha256 told honestly."""

    def spoil(place: Path) -> None:
        head, body = header(weights(place))
        out = change(head)
        put(place, packed(head if out is None else out, body))

    return spoil


def entry(name: str, **changes):
    return reheaded(lambda head: head[name].update(changes))


def number(value: float):
    def spoil(place: Path) -> None:
        state = models.build(passports.rank().architecture).state_dict()
        state["head.weight"][0, 3] = value
        from safetensors.torch import save

        put(place, save(state))

    return spoil


def flip(place: Path) -> None:
    data = bytearray(weights(place))
    data[-1] ^= 1
    put(place, bytes(data), honest=False)


def linked(name: str):
    def spoil(place: Path) -> None:
        (place / name).rename(place.parent / "elsewhere")
        (place / name).symlink_to(place.parent / "elsewhere")

    return spoil


def pipe(place: Path) -> None:
    (place / WEIGHTS).unlink()
    os.mkfifo(place / WEIGHTS)


def directory(place: Path) -> None:
    (place / PASSPORT).unlink()
    (place / PASSPORT).mkdir()


def huge(name: str, size: int):
    def spoil(place: Path) -> None:
        with (place / name).open("r+b") as file:
            file.truncate(size)  # sparse: it takes no disk

    return spoil


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/never-made-by-a-model",))


def pickled(place: Path) -> None:
    put(place, pickle.dumps(Bomb()))


def zipped(place: Path) -> None:
    """What torch.save writes: a zip with a pickle in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    put(place, out.getvalue())


def polyglot(place: Path) -> None:
    head, body = header(weights(place))
    put(place, packed(head, body) + pickle.dumps(Bomb()))


def extra(head):
    head["spy"] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def renamed(to: str):
    return reheaded(lambda head: head.update({to: head.pop("head.bias")}))


def lacking(place: Path) -> None:
    state = models.build(passports.rank().architecture).state_dict()
    del state["lstm.bias_hh_l1"]
    from safetensors.torch import save

    put(place, save(state))


def halved(place: Path) -> None:
    from safetensors.torch import save

    put(place, save({k: v.half() for k, v in models.build(passports.rank().architecture).state_dict().items()}))


def overlapping(head):
    first = head["head.weight"]
    head["head.weight"]["data_offsets"] = [k - 4 for k in first["data_offsets"]]


def swapped(place: Path) -> None:
    other = passports.folder(place.parent / "other", seed=1)
    put(place, weights(other), honest=False)


def other_architecture(place: Path) -> None:
    tell(place, "architecture", {"kind": "rank", "inputs": 3, "hidden": 16})


def gigantic(place: Path) -> None:
    tell(place, "architecture", {"kind": "rank", "inputs": 3, "hidden": 10**9})


def text(old: bytes, new: bytes):
    def spoil(place: Path) -> None:
        data = (place / PASSPORT).read_bytes()
        assert old in data
        (place / PASSPORT).write_bytes(data.replace(old, new))

    return spoil


def deep(place: Path) -> None:
    put(place, packed(b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}", b""))


def twice(place: Path) -> None:
    head, body = header(weights(place))
    one = json.dumps({"head.bias": head["head.bias"]})[1:-1]
    put(place, packed(("{" + one + "," + json.dumps(head)[1:]).encode(), body))


HOSTILE = {
    "a flipped bit": (flip, "sha256"),
    "the weights of another model": (swapped, "sha256"),
    "a passport without a hash": (lambda place: tell(place, "weights_sha256", ""), "sha256"),
    "a passport with another hash": (lambda place: tell(place, "weights_sha256", "0" * 64), "sha256"),
    "cut off in the tensors": (lambda place: put(place, weights(place)[:-8]), "bytes"),
    "cut off in the header": (lambda place: put(place, weights(place)[:40]), "cut off"),
    "four bytes": (lambda place: put(place, b"\0\0\0\0"), "cut off"),
    "no bytes": (lambda place: put(place, b""), "cut off"),
    "a pickle by another name": (pickled, "no safetensors file"),
    "a zip of torch.save": (zipped, "no safetensors file"),
    "a pickle behind the tensors": (polyglot, "follow the header"),
    "a header of 2^63 bytes": (lambda place: put(place, (2**63).to_bytes(8, "little") + b"{}"), "header of"),
    "a header beyond the cap": (lambda place: put(place, packed(b"{}" + b" " * 1_000_001, b"")), "header of"),
    "a header nested 400,000 deep": (deep, "header is not sound"),
    "a header that is a list": (reheaded(lambda head: b"[]"), "no object"),
    "a header that is no JSON": (reheaded(lambda head: b"\x80\x04]}"), "header is not sound"),
    "a header with metadata": (reheaded(lambda head: head.update(__metadata__={"a": "b"})), "metadata"),
    "a tensor told twice": (twice, "stands twice"),
    "overlapping tensors": (reheaded(overlapping), "overlap"),
    "offsets beyond the file": (entry("head.weight", data_offsets=[10**12, 10**12 + 32]), "overlap or leave a gap"),
    "offsets below 0": (entry("head.weight", data_offsets=[-32, 0]), "offsets"),
    "offsets that are no numbers": (entry("head.weight", data_offsets=["0", True]), "offsets"),
    "offsets of a bool": (entry("head.weight", data_offsets=[False, 32]), "offsets"),
    "a span that is not the shape's": (entry("head.weight", data_offsets=[0, 4]), "not those of its shape"),
    "a wrong shape": (entry("head.weight", shape=[8, 1]), "the architecture"),
    "a shape of 10^18": (entry("head.weight", shape=[10**18]), "the architecture"),
    "a shape below 0": (entry("head.weight", shape=[-1, 8]), "the architecture"),
    "a wrong dtype": (entry("head.weight", dtype="F64"), "expected F32"),
    "an unknown dtype": (entry("head.weight", dtype="OBJECT"), "expected F32"),
    "half precision": (halved, "expected F32"),
    "an entry with more keys": (entry("head.weight", code="x"), "needs dtype"),
    "an entry that is text": (reheaded(lambda head: head.update({"head.weight": "F32"})), "needs dtype"),
    "a missing tensor": (lacking, "lacks 'lstm.bias_hh_l1'"),
    "a tensor too many": (reheaded(extra), "holds 'spy'"),
    "a tensor named to climb out": (renamed("../../etc/passwd"), "lacks 'head.bias'"),
    "a tensor named with a NUL": (renamed("head\0bias"), "lacks 'head.bias'"),
    "NaN weights": (number(float("nan")), "NaN or an infinity"),
    "infinite weights": (number(float("inf")), "NaN or an infinity"),
    "weights that are a link": (linked(WEIGHTS), "symbolic link"),
    "a passport that is a link": (linked(PASSPORT), "symbolic link"),
    "weights that are a pipe": (pipe, "no plain file"),
    "a passport that is a folder": (directory, "no plain file"),
    "weights of a terabyte": (huge(WEIGHTS, 10**12), "at most"),
    "a passport of a gigabyte": (huge(PASSPORT, 10**9), "at most"),
    "no weights": (lambda place: (place / WEIGHTS).unlink(), "missing"),
    "no passport": (lambda place: (place / PASSPORT).unlink(), "missing"),
    "an architecture that is not the weights'": (other_architecture, "the architecture"),
    "an architecture of all memory": (gigantic, "architecture.hidden"),
    "a future format": (text(b'"format": 1', b'"format": 2'), "newer version"),
    "NaN among the passport's numbers": (text(b'"sigma": 0.015', b'"sigma": NaN'), "NaN is no number"),
    "1e999 in the scaler": (text(b"0.02", b"1e999"), "scaler"),
    "a feature set that is a path": (text(b"tiny3", b"../../x"), "features.set"),
    "a key it does not know": (text(b'"seed": 7', b'"seed": 7, "__class__": "os"'), "__class__"),
    "a known_through that flatters": (text(b"2013-07-02T", b"2011-07-02T"), "shaped by decisions"),
}


@pytest.mark.parametrize(("spoil", "told"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_folder_is_refused_in_one_line(good, spoil, told, monkeypatch):
    spoil(good)
    monkeypatch.setattr(models, "build", None)  # nothing is built
    with pytest.raises(ModelError) as error:
        folder.read(good)
    said = str(error.value)
    assert told in said and said.startswith(f"{good}: refused: ") and "\n" not in said and len(said) < 400
    assert not Path("/tmp/never-made-by-a-model").exists()


def test_a_negative_variance_is_refused(tmp_path):
    place = passports.folder(tmp_path / "model", "stock")
    from safetensors.torch import load, save

    state = load(weights(place))
    state["first_norm.running_var"][0] = -1.0
    put(place, save(state))
    with pytest.raises(ModelError, match="negative variance"):
        folder.read(place)


def test_random_damage_is_always_refused(good):
    """Whatever byte changes, the sha256 does."""
    import numpy as np

    data = weights(good)
    chance = np.random.default_rng(0)
    for at, bit in zip(chance.integers(0, len(data), 200), chance.integers(0, 8, 200), strict=True):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << bit
        (good / WEIGHTS).write_bytes(spoilt)
        with pytest.raises(ModelError):
            folder.read(good)


def test_damage_behind_an_honest_hash_gives_either_a_refusal_or_finite_weights_of_the_right_shape(good):
    import numpy as np

    data = weights(good)
    layout = models.expected(passports.rank().architecture)
    chance = np.random.default_rng(1)
    for _ in range(300):
        spoilt = bytearray(data)
        for at in chance.integers(0, int.from_bytes(data[:8], "little") + 8, chance.integers(1, 4)):
            spoilt[at] = chance.integers(0, 256)
        put(good, bytes(spoilt))
        try:
            _, state = folder.read(good)
        except ModelError:
            continue
        assert {name: tuple(value.shape) for name, value in state.items()} == {
            name: shape for name, (shape, _) in layout.items()
        }


@pytest.mark.parametrize("kind", ["rank", "direction", "stock", "attention", "literal"])
def test_what_was_written_is_read_to_the_last_bit(tmp_path, kind):
    place = passports.folder(tmp_path / "model", kind, seed=3)
    passport, state = folder.read(place)
    built = models.build(passport.architecture, 3).state_dict()
    assert sorted(state) == sorted(built) and all(torch.equal(state[name], built[name]) for name in built)
    assert passport.weights_sha256 == hashlib.sha256(weights(place)).hexdigest()


def test_the_same_model_gives_the_same_bytes(tmp_path):
    one, two = (passports.folder(tmp_path / name) for name in "ab")
    assert weights(one) == weights(two) and (one / PASSPORT).read_bytes() == (two / PASSPORT).read_bytes()


def test_a_folder_is_replaced_whole_and_other_files_in_it_stay(good):
    (good / "train.log").write_text("epoch 1")
    passports.folder(good, seed=9)
    _, state = folder.read(good)
    assert torch.equal(state["head.weight"], models.build(passports.rank().architecture, 9).state_dict()["head.weight"])
    assert (good / "train.log").read_text() == "epoch 1"
    assert [path.name for path in good.parent.iterdir()] == ["model"]  # nothing hidden is left


@pytest.mark.parametrize("wrong", ["nan", "lacking", "shape"])
def test_what_would_not_be_read_is_not_written(good, wrong):
    before = weights(good)
    state = models.build(passports.rank().architecture, 5).state_dict()
    if wrong == "nan":
        state["head.bias"][0] = float("nan")
    elif wrong == "lacking":
        del state["head.bias"]
    else:
        state["head.bias"] = torch.zeros(2)
    with pytest.raises(ModelError, match="not written"):
        folder.write(good, state, passports.rank())
    assert weights(good) == before


UNSAFE = re.compile(
    r"\bpickle\.(load|Unpickler)|\btorch\.load\(|\bjoblib\.load\(|allow_pickle\s*=\s*True|\bread_pickle\(|\b(dill|cloudpickle)\b|weights_only"
)
MINE = ("tests/signals/test_folder.py", "tests/test_architecture.py")  # whose patterns would find themselves


def unsafe(code: str) -> list[str]:
    """Lines that read what may run code; numpy's writing of an object, as a specimen, is none."""
    return [line.strip() for line in code.splitlines() if UNSAFE.search(line) and "np.save(" not in line]


def test_no_file_of_the_repository_deserialises_anything_unsafe():
    asked = ["git", "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    code = [
        name for name in names if name.endswith(".py") or (name.startswith("scripts/") and not name.endswith(".txt"))
    ]
    assert len(code) > 300
    for name in code:
        if name not in MINE and (ROOT / name).is_file():
            found = unsafe((ROOT / name).read_text(errors="replace"))
            assert not found, f"{name}: {found[0]}"


@pytest.mark.parametrize(
    "line",
    [
        "state = torch.load(path)",
        "pickle.load(file)",
        "pickle.loads(data)",
        "joblib.load(path)",
        "np.load(path, allow_pickle = True)",
        "pd.read_pickle(path)",
        "import dill",
        "load(path, weights_only=True)",
    ],
)
def test_the_search_for_unsafe_readers_finds_them(line):
    assert unsafe(f"x = 1\n    {line}\n") == [line]
