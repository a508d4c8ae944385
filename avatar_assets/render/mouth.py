"""What the mouth shows at a moment: `viseme-curves.mjs` in Python, number for number; a test holds the two together.

Pure arithmetic. Times are ms; the shape of the curve and its reasons are explained in `viseme-curves.mjs`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from engines.types import VISEME_NAMES, Viseme, VisemeName

CLOSURES: tuple[VisemeName, ...] = ("PP", "FF")
"""Shapes that close the mouth; the others give way to them."""
PEAK, CLOSURE_PEAK = 0.6, 0.9
LEAD_MAX_MS, ATTACK_MAX_MS, RELEASE_MAX_MS, TAIL_MAX_MS = 100.0, 80.0, 60.0, 100.0
STEEPNESS = 5.0


@dataclass(frozen=True, slots=True)
class _Shape:
    """One viseme's curve: when the mouth sets off, reaches the shape, holds it until, and has left it."""

    name: VisemeName
    start: float
    formed: float
    held: float
    end: float


class Mouth:
    """The mouth of a whole speech, however many segments it was made in."""

    def __init__(self, visemes: Iterable[Viseme]) -> None:
        """Prepare the curves.

        Args:
            visemes: in any order; they may overlap, as the end of one segment and the beginning of the next do.
        """
        shapes = [_curve(viseme) for viseme in visemes if viseme.name != "sil" and viseme.duration_ms > 0]
        self._shapes = sorted(shapes, key=lambda shape: shape.start)
        self._starts = [shape.start for shape in self._shapes]
        self._latest = list(accumulate((shape.end for shape in self._shapes), max))
        """The latest end up to and including each shape, so that a search knows where to stop."""

    def at(self, ms: float) -> dict[VisemeName, float]:
        """The weight of every viseme, 0 to 1; `ms` may lie before the sound (anticipation) or after it (decay)."""
        weights = dict.fromkeys(VISEME_NAMES, 0.0)
        index = bisect_right(self._starts, ms) - 1
        while index >= 0 and self._latest[index] > ms:
            shape = self._shapes[index]
            peak = CLOSURE_PEAK if shape.name in CLOSURES else PEAK
            weights[shape.name] = max(weights[shape.name], _share(shape, ms) * peak)
            index -= 1
        room = 1 - max(weights[name] for name in CLOSURES) / CLOSURE_PEAK
        return {name: weight if name in CLOSURES else weight * room for name, weight in weights.items()}


def _curve(viseme: Viseme) -> _Shape:
    start, duration = viseme.start_ms, viseme.duration_ms
    formed = start + min(duration / 2, ATTACK_MAX_MS)
    return _Shape(
        viseme.name,
        start=start - min(2 * duration / 3, LEAD_MAX_MS),
        formed=formed,
        held=max(formed, start + duration - min(duration / 2, RELEASE_MAX_MS)),
        end=start + duration + min(duration / 2, TAIL_MAX_MS),
    )


def _share(shape: _Shape, ms: float) -> float:
    """How far the shape is formed at `ms`, 0 to 1."""
    if ms >= shape.end:
        return 0.0
    if ms < shape.formed:
        return _ease((ms - shape.start) / (shape.formed - shape.start))
    if ms > shape.held:
        return 1 - _ease((ms - shape.held) / (shape.end - shape.held))
    return 1.0


def _ease(x: float) -> float:
    """0…1 to 0…1 along a logistic curve."""
    return 0.5 + 0.5 / _logistic(1) * _logistic(2 * x - 1)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-STEEPNESS * x)) - 0.5
