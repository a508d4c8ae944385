"""The stage in numbers, the same as in the browser: camera and lights.

Lengths are metres, angles radians; colours are sRGB from 0 to 1 unless they say linear. What comes from `renderer.mjs` and
`views.mjs` is held together with them by a test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shot:
    """What is seen at least, and where."""

    height: float
    width: float
    eyes: float
    """At which share of the picture's height they are, from the top."""


VIEWS = {"head": Shot(0.38, 0.31, 0.43), "upper": Shot(0.58, 0.44, 0.42), "full": None}
"""How near the camera stands; a whole person is as large as they are."""
FIRST_VIEW = "upper"
EYES_BELOW_TOP_M = 0.2
"""The eyes lie this far below what counts as the top of a person."""
ROOM_ABOVE_M, ROOM_BELOW_M, ROOM_WIDTH_M = 0.12, 0.14, 1.1
"""Around a whole person: hands that wave and a little floor."""
FIELD_OF_VIEW = math.radians(10)
"""Of the camera, vertically."""
_NEAR_M, _FAR_M = 0.1, 20.0

AMBIENT = 0.35
DIRECT, DIRECT_COLOUR, DIRECT_PHI, DIRECT_THETA = 4.5, "#fff0e0", 1.0, 0.7
ENVIRONMENT = 0.65
TOON_LIGHT = (0.62, 0.85)
"""On MToon's surfaces: what comes from all sides, and directly, as shares of the base colour; near to the page's lights for a VRM."""
ROOM = (3.43232, 1.34804, 1.15927, 0.17398, 0.19189, 1.18633, 0.40490, -0.17088, -1.01903)
"""The light that falls from all sides in three's `RoomEnvironment` (it is white): nine coefficients of spherical harmonics, in the order of
three's `SphericalHarmonics3`, projected by its `LightProbeGenerator` (three r180)."""


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Where the picture is taken from."""

    place: NDArray[np.float64]
    """Shape (3,), in the world."""
    matrix: Matrix
    """Shape (4, 4): from the world to the picture (OpenGL's clip space)."""


def shot(view: str, eyes_m: float, width: int, height: int) -> tuple[float, float]:
    """What the camera sees of somebody: height of the picture and of its middle, in m.

    Args:
        view: one of `VIEWS`.
        eyes_m: how high the eyes are.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    asked = VIEWS[view]
    if asked is None:
        top = eyes_m + EYES_BELOW_TOP_M
        return max(ROOM_ABOVE_M + top + ROOM_BELOW_M, ROOM_WIDTH_M * height / width), (top + ROOM_ABOVE_M - ROOM_BELOW_M) / 2
    seen = max(asked.height, asked.width * height / width)
    return seen, eyes_m - (0.5 - asked.eyes) * seen


def camera(view: str, eyes: NDArray[np.float64], width: int, height: int) -> Camera:
    """Where the picture is taken from; `eyes`, shape (3,), is the point between them. The rest as in `shot`."""
    seen, centre = shot(view, float(eyes[1]), width, height)
    slope = math.tan(FIELD_OF_VIEW / 2)
    place = np.array([eyes[0], centre, seen / (2 * slope)])
    at = np.eye(4)
    at[:3, 3] = -place
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = height / (slope * width), 1 / slope
    projection[2, 2], projection[2, 3] = (_FAR_M + _NEAR_M) / (_NEAR_M - _FAR_M), 2 * _FAR_M * _NEAR_M / (_NEAR_M - _FAR_M)
    projection[3, 2] = -1
    return Camera(place, projection @ at)


def light() -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The direct light: the direction towards it, and its linear colour times its strength."""
    direction = (math.sin(DIRECT_PHI) * math.sin(DIRECT_THETA), math.cos(DIRECT_PHI), math.sin(DIRECT_PHI) * math.cos(DIRECT_THETA))
    red, green, blue = DIRECT * _linear(_srgb(DIRECT_COLOUR))
    return direction, (float(red), float(green), float(blue))


def _srgb(colour: str) -> NDArray[np.float64]:
    """``#rrggbb`` as three numbers from 0 to 1."""
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def _linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
