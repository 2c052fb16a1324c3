"""The state of a fit between two epochs, as safetensors and JSON: what a killed fit resumes from.

Chance needs no state: what an epoch draws comes from the seed and its number alone. The JSON names its tensor file and that
file's sha256, and is replaced last, so a kill at any moment leaves the state before or the state after.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import DataError
from engine.writing import make, replace

STATE = "state.json"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(slots=True)
class Progress:
    """Where a fit stands after `epoch` epochs."""

    key: str  # of everything that decides the fit; another key is another fit
    epoch: int = 0
    best_epoch: int = 0
    best: float = float("inf")  # validation loss
    waited: int = 0  # epochs since it last fell by more than min_delta
    flat: int = 0  # epochs since the learning rate last had a reason to stay
    plateau: float = float("inf")
    learning_rate: float = 0.0
    seconds: float = 0.0
    stopped: str = ""  # why it is over: patience, epochs, budget, nan
    flags: list[str] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def save(folder: Path, progress: Progress, net: nn.Module, best: dict[str, Tensor], optimiser: Any) -> None:
    """Write the state into `folder`; what lay there before is gone once this one stands."""
    from safetensors.torch import save as packed

    make(folder)
    tensors = {f"net.{name}": value for name, value in net.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    held = optimiser.state_dict()["state"]
    tensors |= {f"adam.{k}.{name}": torch.as_tensor(held[k][name]) for k in held for name in MOMENTS}
    raw = packed({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()})
    told = {**asdict(progress), "tensors": f"state-{progress.epoch}.safetensors", "sha256": _sha256(raw)}
    replace(folder / str(told["tensors"]), raw)
    replace(folder / STATE, json.dumps(_strict(told), allow_nan=False).encode())
    for old in folder.glob("state-*.safetensors"):
        if old.name != told["tensors"]:
            old.unlink(missing_ok=True)


def load(folder: Path, key: str, net: nn.Module, optimiser: Any) -> tuple[Progress, dict[str, Tensor]] | None:
    """The Progress and best weights of the fit `key` that stopped in `folder`, its net and optimiser as they were.

    None where there is none, or only another fit's. DataError for a state that is damaged.
    """
    from safetensors.torch import load as unpacked

    try:
        told = json.loads((folder / STATE).read_text())
        if told.get("key") != key:
            return None
        raw = (folder / told["tensors"]).read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{folder / STATE}: it cannot be read ({error}); remove the folder to begin anew") from error
    if _sha256(raw) != told["sha256"]:
        raise DataError(f"{folder / told['tensors']}: not what was written (sha256); remove the folder to begin anew")
    tensors = unpacked(raw)
    own = net.state_dict()
    net.load_state_dict({name: tensors[f"net.{name}"] for name in own})
    _restore(optimiser, tensors)
    names = {one.name for one in fields(Progress)}
    progress = Progress(**{name: value for name, value in _loose(told).items() if name in names})
    return progress, {name: tensors[f"best.{name}"] for name in own if f"best.{name}" in tensors}


def _restore(optimiser: Any, tensors: dict[str, Tensor]) -> None:
    whole = optimiser.state_dict()
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        if part == "adam":
            k, _, moment = rest.partition(".")
            whole["state"].setdefault(int(k), {})[moment] = value
    optimiser.load_state_dict(whole)


def _strict(value: Any) -> Any:
    """Infinity and NaN as JSON can hold them: null in a history, text elsewhere."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    if isinstance(value, dict):
        return {name: _strict(one) for name, one in value.items()}
    return [_strict(one) for one in value] if isinstance(value, list) else value


def _loose(value: Any) -> Any:
    """What _strict made text of, as numbers again."""
    if value in ("inf", "-inf", "nan"):
        return float(value)
    if isinstance(value, dict):
        return {name: _loose(one) for name, one in value.items()}
    return [_loose(one) for one in value] if isinstance(value, list) else value


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
