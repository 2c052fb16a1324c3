"""The four nets, each in float32: (B, L, F) -> (B,) raw output. Dropout only acts while training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from signals.models import architectures


class Recurrent(nn.Module):
    """C and B: stacked LSTM, its last step, and a linear head."""

    def __init__(self, of: architectures.Rank) -> None:
        super().__init__()
        between = of.dropout if of.layers > 1 else 0.0
        self.lstm = nn.LSTM(of.inputs, of.hidden, of.layers, dropout=between, batch_first=True)
        if of.head is None:
            self.head: nn.Module = nn.Linear(of.hidden, 1)
        else:
            self.head = nn.Sequential(nn.Linear(of.hidden, of.head), nn.ReLU(), nn.Linear(of.head, 1))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.lstm(x)[0][:, -1]).squeeze(-1)
        return out


class OverTime(nn.BatchNorm1d):
    """Batch normalisation of (B, L, C), the statistics of a channel taken over samples and steps; of (B, C) as usual.

    Keras' constants, with which the originals were trained: its momentum .99 is .01 here.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2) if x.dim() == 3 else super().forward(x)


class Stock(nn.Module):
    """A: LSTM, norm, dropout, twice; dense with ReLU and dropout; dense."""

    def __init__(self, of: architectures.Stock) -> None:
        super().__init__()
        units = of.lstm_units
        self.first = nn.LSTM(of.inputs, units, batch_first=True)
        self.first_norm = OverTime(units) if of.use_batch_norm else nn.Identity()
        self.second = nn.LSTM(units, units, batch_first=True)
        self.second_norm = OverTime(units) if of.use_batch_norm else nn.Identity()
        self.drop = nn.Dropout(of.dropout_rate)
        self.dense = nn.Linear(units, of.dense_units)
        self.dense_drop = nn.Dropout(of.dense_dropout)
        self.out = nn.Linear(of.dense_units, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.first_norm(self.first(x)[0]))
        x = self.drop(self.second_norm(self.second(x)[0][:, -1]))
        out: Tensor = self.out(self.dense_drop(torch.relu(self.dense(x)))).squeeze(-1)
        return out


class Dense(nn.Module):
    """D's end: two ReLU layers with dropout, then the logit."""

    def __init__(self, inputs: int, of: architectures.Attention) -> None:
        super().__init__()
        wide, narrow = of.dense
        self.wide, self.narrow, self.out = nn.Linear(inputs, wide), nn.Linear(wide, narrow), nn.Linear(narrow, 1)
        self.drop = nn.Dropout(of.dense_dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(torch.relu(self.wide(x)))
        x = self.drop(torch.relu(self.narrow(x)))
        out: Tensor = self.out(x).squeeze(-1)
        return out


class Attention(nn.Module):
    """D: three LSTMs; softmax over time of v . tanh(W h) weighs the third one's outputs, which are summed."""

    def __init__(self, of: architectures.Attention) -> None:
        super().__init__()
        a, b, c = of.units
        self.first, self.second = nn.LSTM(of.inputs, a, batch_first=True), nn.LSTM(a, b, batch_first=True)
        self.third = nn.LSTM(b, c, batch_first=True)
        self.first_norm, self.second_norm = nn.LayerNorm(a), nn.LayerNorm(b)
        self.score, self.query = nn.Linear(c, c), nn.Linear(c, 1, bias=False)
        self.drop = nn.Dropout(of.dropout)
        self.dense = Dense(c, of)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first_norm(self.drop(self.first(x)[0]))
        x = self.second_norm(self.drop(self.second(x)[0]))
        h = self.drop(self.third(x)[0])
        out: Tensor = self.dense((self.weights(h) * h).sum(1))
        return out

    def weights(self, h: Tensor) -> Tensor:
        """(B, L, 1) shares of the steps, which sum to 1."""
        return torch.softmax(self.query(torch.tanh(self.score(h))), 1)


class Literal(nn.Module):
    """D as it was first made: each step of the second LSTM is multiplied by its share (near 1/L) and goes into the third."""

    def __init__(self, of: architectures.Attention) -> None:
        super().__init__()
        a, b, c = of.units
        self.first, self.second = nn.LSTM(of.inputs, a, batch_first=True), nn.LSTM(a, b, batch_first=True)
        self.third = nn.LSTM(b, c, batch_first=True)
        self.first_norm, self.second_norm = OverTime(a), OverTime(b)
        self.score = nn.Linear(b, 1)
        self.drop = nn.Dropout(of.dropout)
        self.dense = Dense(c, of)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first_norm(self.drop(self.first(x)[0]))
        x = self.second_norm(self.drop(self.second(x)[0]))
        h = self.drop(self.third(self.weights(x) * x)[0][:, -1])
        out: Tensor = self.dense(h)
        return out

    def weights(self, h: Tensor) -> Tensor:
        """(B, L, 1) shares of the steps, which sum to 1."""
        return torch.softmax(torch.tanh(self.score(h)), 1)
