"""How a net begins: from a seed of its own, in an order that only its architecture decides."""

from __future__ import annotations

import torch
from torch import nn

GATES = 4  # torch keeps them in the order input, forget, cell, output


def initialise(module: nn.Module, forget_bias: float, seed: int) -> None:
    """Fill every parameter and buffer in place.

    Kernels are taken whole, all four gates in one matrix, as Keras does: the originals were trained from there.
    """
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.LSTM):
                _lstm(part, forget_bias, chance)
            elif isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight, generator=chance)
                if part.bias is not None:
                    part.bias.zero_()
            elif isinstance(part, nn.BatchNorm1d | nn.LayerNorm):
                part.reset_parameters()


def _lstm(lstm: nn.LSTM, forget_bias: float, chance: torch.Generator) -> None:
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter, generator=chance)
        elif name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter, generator=chance)
        else:
            parameter.zero_()
            if name.startswith("bias_ih"):  # torch adds two biases; one carries it
                parameter.chunk(GATES)[1].fill_(forget_bias)
