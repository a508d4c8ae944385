"""Eyelids: the opening's outline and how the lids close over the eyeball."""

from dataclasses import dataclass

import numpy as np

from avatar_assets.builder.geometry.sdf import Array, Ints
from avatar_assets.builder.head.head import HeadShape
from avatar_assets.builder.skeleton import EYE_CENTRE

HALF_WIDTH, ABOVE, BELOW = 0.0230, 0.0176, 0.0140
"""Half the opening's width, and how far it reaches over and under its middle line, metres."""
RINGS = np.array([1.0, 1.05, 1.12, 1.21, 1.32, 1.46, 1.64, 1.86])
"""The rings of skin around the opening, as factors of its size."""
CLOSED_AT = 0.46
"""Where the lids meet, as a part of the way down to the lower lid."""


@dataclass(frozen=True)
class LidTravel:
    """How far the lids go towards closing (1 = shut, negative = wider open), and how far they stand off the eyeball (metres)."""

    upper: float
    lower: float
    stand_off: float


class Eyelids:
    """Both pairs of lids of one face."""

    def __init__(self, shape: HeadShape):
        self.shape = shape
        self.half_width = HALF_WIDTH * shape.face.eyes
        self.above = ABOVE * shape.face.eyes
        self.below = BELOW * shape.face.eyes

    def outline(self, angle: Array) -> tuple[Array, Array]:
        """Offsets x (growing outward), y from the eye's centre, at `angle` from the outer corner, radians."""
        c, s = np.cos(angle), np.sin(angle)
        x = self.half_width * np.sign(c) * np.abs(c) ** 0.94
        y = np.where(s > 0, self.above, self.below) * np.sign(s) * np.abs(s) ** 0.92
        return x, y + self.shape.face.eye_tilt * x

    def ring(self, scale: float, angle: Array, sign: float) -> Array:
        """A ring of skin around the eye on the side of `sign` (+1 left)."""
        x, y = self.outline(angle)
        return self.shape.drop((x * scale + EYE_CENTRE[0]) * sign, y * scale + EYE_CENTRE[1])

    def displacement(self, ring: Ints, angle: Array, sign: float, travel: LidTravel) -> Array:
        """Displacement (n, 3) of the ring vertices of one eye; they slide over the eyeball and stay on the surface."""
        if travel.upper == travel.lower == 0:
            return np.zeros((len(ring), 3))
        scale = RINGS[ring]
        x, y = self.outline(angle)
        tilt = self.shape.face.eye_tilt * x
        meeting = -CLOSED_AT * self.below * np.sqrt(np.clip(1 - (x / self.half_width) ** 2, 0, 1)) + tilt
        share = np.clip(1 - (scale - 1) / (RINGS[-1] - 1), 0, 1) ** 1.25
        amount = np.where(np.sin(angle) > 1e-6, travel.upper, np.where(np.sin(angle) < -1e-6, travel.lower, 0.0))
        dy = amount * (meeting - y) * share
        px, py = (x * scale + EYE_CENTRE[0]) * sign, y * scale + EYE_CENTRE[1]
        moved = self.shape.drop(px, py + dy, travel.stand_off) - self.shape.drop(px, py)
        return np.where((np.abs(dy) > 1e-6)[:, None], moved, 0.0)
