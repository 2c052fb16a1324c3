"""Windows for a net: gathered from the array as it lies, scaled, and put on the device batch by batch."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import ConfigError
from engine.types import Ints
from signals.scaling import Scaler
from signals.training.batches import chunks

HELD = 600_000_000  # bytes of scaled features kept in memory; larger arrays are scaled batch by batch


class Source:
    """The scaled windows of an (N, T, F) array on a device."""

    def __init__(self, values: Any, scaler: Scaler, window: int, device: torch.device) -> None:
        self.names, self.slices, self.width = values.shape
        self.window, self.device, self.scaler = window, device, scaler
        self.values = values
        self.steps = torch.arange(1 - window, 1, device=device)
        self.held = self._hold() if device.type == "cuda" or values.nbytes <= HELD else None

    def _hold(self) -> Tensor:
        """(N x T, F) scaled, on the device."""
        out = torch.empty((self.names * self.slices, self.width), dtype=torch.float32, device=self.device)
        for part in chunks(self.names, max(1, 50_000_000 // (self.slices * self.width))):
            scaled = torch.from_numpy(self.scaler.apply(np.asarray(self.values[part])))
            out[part.start * self.slices : part.stop * self.slices] = scaled.reshape(-1, self.width)
        return out

    def windows(self, instrument: Tensor, end: Tensor) -> Tensor:
        """(B, L, F) of windows that end at `end`; indices lie on the device."""
        rows = (instrument * self.slices + end)[:, None] + self.steps
        if self.held is not None:
            return self.held[rows.reshape(-1)].reshape(*rows.shape, self.width)
        flat = np.asarray(self.values).reshape(-1, self.width)
        return torch.from_numpy(self.scaler.apply(flat[rows.numpy()]))

    def index(self, values: Ints) -> Tensor:
        """Indices on the device."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def device_of(wanted: str) -> torch.device:
    """auto: a CUDA device if there is one. ConfigError for cuda where there is none."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device: expected auto, cpu or cuda, got {wanted!r}")
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise ConfigError("device: cuda was asked for and none is there; expected auto or cpu")
    if not there or wanted == "cpu":
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # the same bits every time
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # fp32 is fp32: what is read back on a CPU must agree
    return torch.device("cuda")
