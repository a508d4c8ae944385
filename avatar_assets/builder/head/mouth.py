"""The mouth: lip coordinates and the poses that lips, jaw and tongue can take.

A pose says where the edges of the lips are to be seen, in millimetres; the skin around follows with distance. That is how
speech science describes lips (width, opening, protrusion; Parke 1974, Cohen & Massaro 1993), and it keeps an O round and a P shut
whatever the face.
"""

from dataclasses import dataclass

import numpy as np

from avatar_assets.builder.geometry.sdf import Array, bump, smoothstep
from avatar_assets.builder.head.head import MM, MOUTH_HEIGHT
from avatar_assets.builder.person import Face
from avatar_assets.builder.skeleton import turn_x

HINGE = np.array([0.0, -0.010, -0.010])
"""The axis of the jaw in head space, metres."""
REST_HALF_WIDTH = 0.0255
CORNER_LIFT = 0.0034


@dataclass(frozen=True)
class MouthPose:
    """Where the parts of the mouth are when a shape is fully shown. Lengths in millimetres from rest.

    width: half-width as a factor of the resting one. upper, lower: how far the middle of each lip's edge has parted from the
    line (negative: pressed past it). round: 0 = lens-shaped opening, 1 = an ellipse. forward: lips pushed out. tuck_upper,
    tuck_lower: the red of a lip rolled in over the teeth. lower_back: lower lip drawn back under the upper teeth.
    jaw: degrees. teeth_back: both rows drawn back and apart, out of sight behind rounded lips. tongue_forward, tongue_up: its
    tip. tongue_back: its back, raised.
    """

    width: float = 1.0
    upper: float = 0.0
    lower: float = 0.0
    round: float = 0.0
    forward: float = 0.0
    tuck_upper: float = 0.0
    tuck_lower: float = 0.0
    lower_back: float = 0.0
    jaw: float = 0.0
    teeth_back: float = 0.0
    tongue_forward: float = 0.0
    tongue_up: float = 0.0
    tongue_back: float = 0.0


@dataclass(frozen=True)
class LipCoordinates:
    """Elliptic coordinates around the lip line, one value per point.

    ring: 0 on the line, about 0.3 at the border of the red, 1.2 at the edge of the mouth's influence; angle: 0 at the left
    corner, pi/2 above the middle. height: metres above the line; front: 0 behind the face, 1 on it.
    """

    ring: Array
    angle: Array
    x: Array
    height: Array
    front: Array

    @property
    def side(self) -> Array:
        """+1 on the upper lip, -1 on the lower."""
        return np.where(np.sin(self.angle) >= 0, 1.0, -1.0)


class Mouth:
    """The mouth of one face: where its line runs, and how skin moves with it."""

    def __init__(self, face: Face):
        self.half_width = REST_HALF_WIDTH * face.mouth

    def line(self, x: Array) -> Array:
        """Height of the closed lips at x, metres: the corners are a little lifted."""
        return MOUTH_HEIGHT + CORNER_LIFT * np.minimum((x / self.half_width) ** 2, 1.6)

    def ring_points(self, ring: float, angle: Array) -> tuple[Array, Array]:
        """x, y of the points at elliptic coordinates (ring, angle)."""
        x = self.half_width * np.cosh(ring) * np.cos(angle)
        return x, self.half_width * np.sinh(ring) * np.sin(angle) + self.line(x)

    def coordinates(self, p: Array) -> LipCoordinates:
        """Elliptic coordinates of points (n, 3) in head space."""
        x, height = p[:, 0], p[:, 1] - self.line(p[:, 0])
        w = (x + 1j * np.where(np.abs(height) < 1e-7, 1e-7, height)) / self.half_width
        ring = np.abs(np.arccosh(w).real)
        angle = np.arctan2(height / np.maximum(np.sinh(ring), 1e-6), x / np.cosh(ring))
        return LipCoordinates(ring, angle, x, height, smoothstep(-0.03, 0.045, p[:, 2]))

    def displacement(self, at: LipCoordinates, rest: Array, pose: MouthPose) -> Array:
        """How far each point (n, 3) of the skin moves from rest, metres."""
        side, high = at.side, np.abs(np.sin(at.angle))
        moved = jaw_share(at, rest)[:, None] * jaw_turn(rest, pose.jaw)
        reach = np.clip(1.12 - at.ring / 1.25, 0.0, 1.0)
        reach = reach * reach * (3 - 2 * reach) * at.front
        # The edge of the lips goes exactly where the pose says; what the jaw has already done is taken off.
        shape = (1 - pose.round) * high**1.25 + pose.round * high
        edge_y = np.where(side > 0, pose.upper, -pose.lower) * MM * shape
        lift = self.line(at.x * (1 + (pose.width - 1) * np.exp(-0.35 * at.ring))) - self.line(at.x)
        edge_x = (pose.width - 1.0) * self.half_width * np.cos(at.angle) * np.exp(-0.35 * at.ring)
        arch = 1.0 - np.clip(np.abs(at.x) / (self.half_width * 1.25), 0, 1) ** 2
        moved[:, 0] += reach * edge_x
        moved[:, 1] += reach * (edge_y + lift - moved[:, 1])
        moved[:, 2] += reach * pose.forward * MM * (0.35 + 0.65 * arch)
        return moved + self._tucked(at, pose, side, high)

    @staticmethod
    def _tucked(at: LipCoordinates, pose: MouthPose, side: Array, high: Array) -> Array:
        """The red of the lips rolled inward, and the lower lip drawn under the upper teeth."""
        red = bump(at.ring, 0.42) * at.front * high**0.6
        amount = np.where(side > 0, pose.tuck_upper, pose.tuck_lower) * MM * red
        pull = np.where(side < 0, pose.lower_back, 0.0) * MM * bump(at.ring, 0.5) * at.front * high**0.6
        outer = smoothstep(0.02, 0.3, at.ring)  # the border comes down to the line, the edge itself stays shut
        return np.stack([np.zeros_like(red), -side * amount * 0.55 * outer, -amount * 0.9 - pull], -1)


def jaw_turn(p: Array, degrees: float) -> Array:
    """Displacement of points that are fully part of the lower jaw."""
    around: Array = (p - HINGE) @ turn_x(np.radians(degrees)).T + HINGE - p
    return around


def jaw_share(at: LipCoordinates, p: Array) -> Array:
    """How much of the jaw's movement the skin follows: 1 on the chin, half at the corners, 0 above."""
    near = smoothstep(0.85, -0.85, np.sin(at.angle))
    far = smoothstep(-0.042, -0.100, p[:, 1])
    blend = smoothstep(0.30, 1.40, at.ring)
    share: Array = (near + (far - near) * blend) * at.front
    return share
