"""The stage in numbers, the same as in the browser: camera, lights and the room's colours.

Lengths are metres, angles radians; colours are sRGB from 0 to 1 unless they say linear. What comes from `figure.mjs` and
`stage.css` is held together with them by a test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

FRAME_HEIGHT_M, FRAME_WIDTH_M = 0.58, 0.44
EYES_FROM_TOP = 0.4
FIELD_OF_VIEW = math.radians(10)
"""TalkingHead's camera, vertically."""
_NEAR_M, _FAR_M = 0.1, 20.0

AMBIENT = 0.35
DIRECT, DIRECT_COLOUR, DIRECT_PHI, DIRECT_THETA = 4.5, "#fff0e0", 1.0, 0.7
ENVIRONMENT = 0.65
ROOM = (3.43232, 1.34804, 1.15927, 0.17398, 0.19189, 1.18633, 0.40490, -0.17088, -1.01903)
"""The light that falls from all sides in three's `RoomEnvironment` (it is white): nine coefficients of spherical harmonics, in the order of
three's `SphericalHarmonics3`, projected by its `LightProbeGenerator` (three r180)."""

NEAR_SHARE, NEAR_PAPER = 0.16, "#ffffff"
FAR_SHARE, FAR_PAPER = 0.38, "#f1f3f4"
GRADIENT_RADII, GRADIENT_CENTRE, GRADIENT_END = (1.20, 0.95), (0.5, 0.36), 0.78
"""The background in CSS terms: shares of the picture's width and height."""


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Where the picture is taken from."""

    place: NDArray[np.float64]
    """Shape (3,), in the world."""
    matrix: Matrix
    """Shape (4, 4): from the world to the picture (OpenGL's clip space)."""


def camera(eyes: NDArray[np.float64], width: int, height: int) -> Camera:
    """The stage's view `upper`: so much of the person is seen, and the eyes stand at their height in the picture.

    Args:
        eyes: shape (3,), the point between the eyes.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    seen = max(FRAME_HEIGHT_M, FRAME_WIDTH_M * height / width)
    slope = math.tan(FIELD_OF_VIEW / 2)
    place = np.array([eyes[0], eyes[1] - (0.5 - EYES_FROM_TOP) * seen, seen / (2 * slope)])
    view = np.eye(4)
    view[:3, 3] = -place
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = height / (slope * width), 1 / slope
    projection[2, 2], projection[2, 3] = (_FAR_M + _NEAR_M) / (_NEAR_M - _FAR_M), 2 * _FAR_M * _NEAR_M / (_NEAR_M - _FAR_M)
    projection[3, 2] = -1
    return Camera(place, projection @ view)


def light() -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The direct light: the direction towards it, and its linear colour times its strength."""
    direction = (math.sin(DIRECT_PHI) * math.sin(DIRECT_THETA), math.cos(DIRECT_PHI), math.sin(DIRECT_PHI) * math.cos(DIRECT_THETA))
    red, green, blue = DIRECT * _linear(_srgb(DIRECT_COLOUR))
    return direction, (float(red), float(green), float(blue))


def background(colour: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """The colours in the middle and at the edge of the room of a persona of that hex colour."""
    return _mixed(colour, NEAR_PAPER, NEAR_SHARE), _mixed(colour, FAR_PAPER, FAR_SHARE)


def _mixed(colour: str, paper: str, share: float) -> tuple[float, float, float]:
    """CSS `color-mix(in oklab, colour share, paper)`."""
    mixed = share * _oklab(_srgb(colour)) + (1 - share) * _oklab(_srgb(paper))
    cone: Matrix = np.linalg.inv(_LMS_TO_OKLAB) @ mixed
    linear = np.clip(np.linalg.inv(_LINEAR_TO_LMS) @ cone**3, 0, 1)
    red, green, blue = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return float(red), float(green), float(blue)


def _srgb(colour: str) -> NDArray[np.float64]:
    """``#rrggbb`` as three numbers from 0 to 1."""
    return np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def _linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


# Björn Ottosson, "A perceptual color space for image processing" (2020).
_LINEAR_TO_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
)
_LMS_TO_OKLAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
)


def _oklab(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_LMS_TO_OKLAB @ np.cbrt(_LINEAR_TO_LMS @ _linear(srgb)))
