"""Nets: (B, L, F) float32 windows in, (B,) raw outputs (score, logit or scaled price). An architecture is plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from signals.models.architectures import ARCHITECTURES, Architecture, parse

if TYPE_CHECKING:
    import torch

__all__ = ["ARCHITECTURES", "Architecture", "build", "expected", "kernels", "parameters", "parse"]


def build(architecture: Mapping[str, Any], seed: int = 0) -> torch.nn.Module:
    """The net an architecture describes, initialised from `seed` alone; ValueError where the description is wrong.

    Recurrent kernels orthogonal, input kernels and dense layers Xavier uniform, biases 0 but for the forget gate's
    `forget_bias`. The global random state is neither read nor moved.
    """
    from signals.models.initial import initialise

    described = parse(architecture)
    module = _bare(described).to_empty(device="cpu")
    initialise(module, described.forget_bias, seed)
    return module


def expected(architecture: Mapping[str, Any]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and safetensors dtype of every tensor such a net's state holds, without making any."""
    names = {"torch.float32": "F32", "torch.int64": "I64"}
    state = _bare(parse(architecture)).state_dict()
    return {name: (tuple(value.shape), names[str(value.dtype)]) for name, value in state.items()}


def parameters(module: torch.nn.Module) -> int:
    """How many trainable numbers a net holds."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def kernels(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Input kernels, recurrent kernels and dense weights by name: what an L2 penalty is on. No bias, no normalisation."""
    for name, parameter in module.named_parameters():
        if parameter.dim() == 2:
            yield name, parameter


def _bare(described: Architecture) -> torch.nn.Module:
    """The net with shapes and no memory."""
    import torch

    from signals.models import nets

    makers = {
        "rank": nets.Recurrent,
        "direction": nets.Recurrent,
        "stock": nets.Stock,
        "attention": nets.Literal if getattr(described, "literal", False) else nets.Attention,
    }
    with torch.device("meta"):
        module: torch.nn.Module = makers[described.kind](described)
    return module
