"""Small pictures as SVG text: lines, bars, dots and whiskers over one frame of ticks. Colours are CSS classes of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from engine.report.scales import Words
from engine.types import Floats

WIDTH, HEIGHT = 440, 224
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 26


@dataclass
class Frame:
    """A plot under construction: numbers go in, SVG elements pile up in `parts`."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    parts: list[str] = field(default_factory=list)

    def px(self, value: float) -> float:
        low, high = self.x
        return self.left + (self.width - self.left - RIGHT) * (value - low) / ((high - low) or 1.0)

    def py(self, value: float) -> float:
        low, high = self.y
        return TOP + (self.height - TOP - BOTTOM) * (high - value) / ((high - low) or 1.0)

    def levels(self, at: Sequence[float], words: Words, title: str = "") -> None:
        """Horizontal rules with their numbers at the left; zero is drawn stronger."""
        for value in at:
            y, kind = self.py(value), "zero" if value == 0 else "rule"
            self.parts.append(f'<path class="{kind}" d="M{self.left} {y:.1f}H{self.width - RIGHT}"/>')
            self.text(self.left - 7, y + 4, words(value), "end")
        if title:
            self.text(self.left, TOP - 1, title)

    def below(self, at: Sequence[float], words: Sequence[str]) -> None:
        """Labels under the plot, the outer ones kept inside the picture."""
        for value, word in zip(at, words, strict=True):
            x = self.px(value)
            wide = 3.3 * len(word)
            anchor = "start" if x - wide < 0 else "end" if x + wide > self.width else "middle"
            self.text(
                x if anchor == "middle" else 0 if anchor == "start" else self.width, self.height - 8, word, anchor
            )

    def text(self, x: float, y: float, word: str, anchor: str = "start", kind: str = "") -> None:
        klass = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{klass}>{escape(word)}</text>')

    def line(self, x: Floats, y: Floats, kind: str) -> None:
        """A line through what is known; NaN breaks it."""
        path, pen = [], "M"
        for a, b in zip(x, y, strict=True):
            if not math.isfinite(b):
                pen = "M"
                continue
            path.append(f"{pen}{self.px(float(a)):.1f} {self.py(float(b)):.1f}")
            pen = "L"
        if path:
            self.parts.append(f'<path class="line {kind}" d="{"".join(path)}"/>')

    def area(self, x: Floats, y: Floats, kind: str) -> None:
        """The surface between a line and zero."""
        known = np.where(np.isfinite(y), y, 0.0)
        path = "".join(f"L{self.px(float(a)):.1f} {self.py(float(b)):.1f}" for a, b in zip(x, known, strict=True))
        if path:
            zero = self.py(0.0)
            start, end = self.px(float(x[0])), self.px(float(x[-1]))
            self.parts.append(f'<path class="area {kind}" d="M{start:.1f} {zero:.1f}{path}L{end:.1f} {zero:.1f}Z"/>')

    def bar(self, left: float, right: float, value: float, kind: str, told: str = "") -> None:
        """One bar from zero to `value`, between two places on the x axis."""
        a, b = sorted((self.py(value), self.py(0.0)))
        x0, x1 = self.px(left), self.px(right)
        size = f'x="{x0:.2f}" y="{a:.2f}" width="{max(x1 - x0, 0.6):.2f}" height="{max(b - a, 0.4):.2f}"'
        self.parts.append(f'<rect class="{kind}" {size}>{_title(told)}</rect>')

    def dot(self, x: float, y: float, kind: str, told: str = "", radius: float = 3.0) -> None:
        spot = f'cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{radius}"'
        self.parts.append(f'<circle class="{kind}" {spot}>{_title(told)}</circle>')

    def whisker(self, x: float, low: float, high: float) -> None:
        """A vertical interval with small feet."""
        a, top, bottom = self.px(x), self.py(high), self.py(low)
        feet = "".join(f"M{a - 3:.1f} {y:.1f}h6" for y in (top, bottom))
        self.parts.append(f'<path class="whisker" d="M{a:.1f} {top:.1f}V{bottom:.1f}{feet}"/>')

    def upright(self, x: float, kind: str = "guide") -> None:
        self.parts.append(f'<path class="{kind}" d="M{self.px(x):.1f} {TOP}V{self.height - BOTTOM}"/>')

    def slope(self, kind: str = "guide") -> None:
        """The diagonal from corner to corner."""
        ends = f"M{self.px(self.x[0]):.1f} {self.py(self.y[0]):.1f}L{self.px(self.x[1]):.1f} {self.py(self.y[1]):.1f}"
        self.parts.append(f'<path class="{kind}" d="{ends}"/>')

    def picture(self, label: str) -> str:
        """The finished SVG; `label` says in words what is seen."""
        head = f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(label, quote=True)}">'
        return head + "".join(self.parts) + "</svg>"


def _title(told: str) -> str:
    return f"<title>{escape(told)}</title>" if told else ""
