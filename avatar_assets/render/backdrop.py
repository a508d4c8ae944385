"""What is behind the person: the rooms of `backdrop.mjs` in Python, number for number, and pictures of the user's own.

A test paints every room in a browser too and holds them together. Colours are sRGB, 0 to 255; lengths are shares of the picture, or pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from engines.errors import InputError

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Point = tuple[float, float]

FIRST_BACKDROP = "plain"
PICTURE_MAX_MB = 20
"""A picture larger than this is refused."""
PICTURE_KINDS = ("JPEG", "PNG", "WEBP")
"""As Pillow calls them."""
_SOFT_WIDTH = {"study": 72, "shelves": 84}
"""Painted this small, in pixels, and enlarged in steps: out of focus."""
_DUSK = 0.45
"""How much darker rooms are in a dark page."""
_FINER = 8
"""How many times finer the edges of a slanting shape are found."""


def paint(name: str, colour: str, *, dark: bool, width: int, height: int) -> Pixels:
    """A room.

    Args:
        name: one of `BACKDROPS`.
        colour: the persona's, as ``#rrggbb``.
        dark: as in a dark page.
        width: of the picture, in pixels.
        height: of the picture, in pixels.

    Returns:
        Shape (height, width, 3), sRGB, top row first.
    """
    soft = _SOFT_WIDTH.get(name)
    canvas = _Canvas(soft, max(1, math.floor(soft * height / width + 0.5))) if soft else _Canvas(width, height)
    BACKDROPS[name](canvas, colour, dark)
    return _in_pixels(_enlarged(canvas.pixels, width, height) if soft else canvas.pixels)


def picture(path: Path, *, width: int, height: int) -> Pixels:
    """The middle of a picture of the user's, filling the frame without distortion; shape (height, width, 3), sRGB, top row first.

    Raises:
        InputError: code ``backdrop``: it is no picture that is read; says why.
    """
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGBA")
        ground = Image.new("RGBA", upright.size, "white")
        ground.alpha_composite(upright)
        return np.asarray(ImageOps.fit(ground.convert("RGB"), (width, height), Image.Resampling.LANCZOS), np.uint8)


def check_picture(path: Path) -> None:
    """Find out whether `picture` could show it; raises what it would."""
    with _opened(path):
        pass


def _opened(path: Path) -> Image.Image:
    """A picture, decoded."""
    problem: Exception | None = None
    try:
        size = path.stat().st_size
        if not size:
            raise InputError(f"“{path.name}” is empty.", code="backdrop")
        if size > PICTURE_MAX_MB * 1e6:
            raise InputError(f"“{path.name}” is larger than {PICTURE_MAX_MB} MB. Choose a smaller picture.", code="backdrop")
        image = Image.open(path, formats=PICTURE_KINDS)
        image.load()
    except (UnidentifiedImageError, SyntaxError, ValueError, EOFError) as error:
        problem = error
    except Image.DecompressionBombError as error:
        raise InputError(f"“{path.name}” has too many pixels. Choose a smaller picture.", code="backdrop") from error
    except OSError as error:  # Pillow's own have no number
        if error.errno:
            raise InputError(f"“{path.name}” cannot be read: {error.strerror}.", code="backdrop") from error
        problem = error
    if problem:
        raise InputError(f"“{path.name}” is no picture that can be read. Choose a JPEG, PNG or WebP file.", code="backdrop") from problem
    return image


class _Canvas:
    """Some of a browser's canvas."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.pixels: Array = np.zeros((height, width, 3))
        self.x, self.y = np.arange(width) + 0.5, np.arange(height)[:, np.newaxis] + 0.5

    def fill(self, box: Box, colour: Array | str, share: Array | float = 1.0) -> None:
        """Paint a box (x, y, width, height) with a colour, or one for each row, so much of it."""
        x, y, width, height = box
        self._lay(_covered(self.height, y, height)[:, np.newaxis] * _covered(self.width, x, width), colour, share)

    def below(self, line: Sequence[Point], colour: str) -> None:
        """Paint everything below a line of points from left to right."""
        edge = np.interp(self.x, [x for x, _ in line], [y for _, y in line])
        self._lay(np.clip(self.y + 0.5 - edge, 0, 1), colour, 1.0)

    def shape(self, corners: Sequence[Point], colour: Array, share: float) -> None:
        """Paint a polygon."""
        fine = Image.new("L", (self.width * _FINER, self.height * _FINER))
        ImageDraw.Draw(fine).polygon([(x * _FINER - 0.5, y * _FINER - 0.5) for x, y in corners], fill=255)
        self._lay(np.asarray(fine.reduce(_FINER), np.float64) / 255, colour, share)

    def downwards(self, height: float, colours: Sequence[str]) -> Array:
        """A gradient: one colour for each row."""
        at = np.clip(self.y[:, 0] / height, 0, 1) * (len(colours) - 1)
        stops = np.stack([_rgb(colour) for colour in colours])
        return np.stack([np.interp(at, range(len(colours)), stops[:, channel]) for channel in range(3)], axis=1)[:, np.newaxis]

    def around(self, x: float, y: float, radius: float) -> Array:
        """How far every pixel is from a point, in radii, at most 1."""
        away: Array = np.minimum(np.hypot(self.x - x, self.y - y) / radius, 1)
        return away

    def everything(self) -> Box:
        return (0, 0, self.width, self.height)

    def _lay(self, covered: Array, colour: Array | str, share: Array | float) -> None:
        share = (covered * share)[..., np.newaxis]
        self.pixels += share * ((_rgb(colour) if isinstance(colour, str) else colour) - self.pixels)


def _covered(count: int, begin: float, length: float) -> Array:
    """How much of each pixel of a line a stretch covers."""
    at = np.arange(count)
    covered: Array = np.clip(np.minimum(at + 1, begin + length) - np.maximum(at, begin), 0, 1)
    return covered


def _rgb(colour: str) -> Array:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], np.float64)


def _mix(one: str, other: str, share: float) -> str:
    """Two colours mixed; `share` of the first."""
    channels = np.floor(_rgb(one) * share + _rgb(other) * (1 - share) + 0.5).astype(int)
    return "#" + "".join(f"{value:02x}" for value in channels)


def _plain(canvas: _Canvas, colour: str, dark: bool) -> None:
    near = _mix(colour, "#14181b", 0.46) if dark else _mix(colour, "#ffffff", 0.16)
    far = _mix(colour, "#0d1012", 0.15) if dark else _mix(colour, "#f1f3f4", 0.38)
    across, down = (canvas.x - canvas.width / 2) / (1.2 * canvas.width), (canvas.y - 0.36 * canvas.height) / (0.95 * canvas.height)
    canvas.fill(canvas.everything(), near)
    canvas.fill(canvas.everything(), far, np.minimum(np.hypot(across, down) / 0.78, 1))


def _study(canvas: _Canvas, colour: str, dark: bool) -> None:
    width, height = canvas.width, canvas.height
    wall = _mix(colour, "#e9dcc6", 0.14)
    canvas.fill(canvas.everything(), canvas.downwards(height, [wall, _mix(wall, "#8d7a63", 0.7)]))
    x, y, wide, high = width * 0.07, height * 0.08, width * 0.27, height * 0.56
    canvas.fill(canvas.everything(), _of(255, 244, 214), 0.75 * (1 - canvas.around(x + wide / 2, height * 0.34, width * 0.55)))
    canvas.fill((x - width * 0.015, y - height * 0.015, wide + width * 0.03, high + height * 0.03), "#f6efe2")
    across, down = 2, 3
    for row in range(down):
        for column in range(across):
            pane = (x + column * wide / across + 1, y + row * high / down + 1, wide / across - 1.5, high / down - 1.5)
            canvas.fill(pane, _mix("#fdfbf2", "#bcd7e6", 1 - row / 3))
    for shift in (0.0, 0.13):  # the window's light on the wall across, and the edge of a desk
        corners = [(0.64, 0.2), (0.74, 0.24), (0.7, 0.66), (0.6, 0.62)]
        canvas.shape([((at + shift) * width, below * height) for at, below in corners], _of(255, 246, 222), 0.38)
    canvas.fill((0, height * 0.86, width, height * 0.14), _mix(colour, "#7a5a3e", 0.12))
    if dark:
        canvas.fill(canvas.everything(), _of(30, 18, 12), 1.2 * _DUSK)


def _evening(canvas: _Canvas, colour: str, dark: bool) -> None:
    width, height = canvas.width, canvas.height
    sky = ["#10142a", "#2b2550", "#6d3f63", "#a8614f"] if dark else ["#5a6aa8", "#9c86b8", "#e2a9a4", "#f6d2a8"]
    canvas.fill(canvas.everything(), canvas.downwards(height * 0.86, [_mix(colour, shade, 0.1) for shade in sky]))
    for far, top, swing in ((0.55, 0.76, 0.03), (0.85, 0.84, 0.045)):
        shares = [step * 0.02 for step in range(51)]
        hills = [top + swing * math.sin(share * 7 + far * 9) + 0.4 * swing * math.sin(share * 17) for share in shares]
        line = [(width * share, height * hill) for share, hill in zip(shares, hills, strict=True)]
        canvas.below(line, _mix("#0b0d18" if dark else "#4a4468", sky[1], far))


def _shelves(canvas: _Canvas, colour: str, dark: bool) -> None:
    width, height, rows = canvas.width, canvas.height, 4
    chance = _chances(11)
    shades = ["#8c4a3c", "#c9a36a", "#4f6b6a", "#38485e", "#a9b39a", "#7a5a6e", "#d8c9ae", colour]
    spines = [_mix(shade, "#6f5c4b", 0.72) for shade in shades]
    for row in range(rows):
        floor = (row + 1) * height / rows - height * 0.02
        canvas.fill((0, row * height / rows, width, height / rows), canvas.downwards(height, ["#3d2f26", "#4a392d"]))
        x = -1.0
        while x < width:
            thick, tall = 1.5 + 3.2 * next(chance), height / rows * (0.6 + 0.27 * next(chance))
            if next(chance) > 0.1:
                canvas.fill((x, floor - tall, thick, tall), spines[int(next(chance) * len(spines))])
            x += thick + 0.25
        canvas.fill((0, floor, width, height * 0.02), "#8a6a4d")
    canvas.fill(canvas.everything(), _of(255, 226, 170), 0.5 * (1 - canvas.around(width * 0.82, height * 0.2, width * 0.7)))
    canvas.fill(canvas.everything(), _of(12, 10, 14) if dark else _of(255, 250, 240), _DUSK if dark else 0.22)


BACKDROPS: dict[str, Callable[[_Canvas, str, bool], None]] = {"plain": _plain, "study": _study, "evening": _evening, "shelves": _shelves}
"""The rooms by name, as in the page's menu."""


def _of(red: int, green: int, blue: int) -> Array:
    return np.array([red, green, blue], np.float64)


def _chances(seed: int) -> Iterator[float]:
    """The same numbers from 0 to 1 every time: Park and Miller's generator (Communications of the ACM 31, 1988)."""
    state = seed
    while True:
        state = state * 48271 % 2147483647
        yield state / 2147483647


def _enlarged(pixels: Array, width: int, height: int) -> Array:
    """Enlarged by twos, and then to the size that is asked for, smoothly."""
    layers = [Image.fromarray(pixels[..., channel].astype(np.float32)) for channel in range(3)]
    while layers[0].width * 2 < width:
        layers = [layer.resize((layer.width * 2, layer.height * 2), Image.Resampling.BICUBIC) for layer in layers]
    return np.stack([np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC)) for layer in layers], axis=2)


def _in_pixels(canvas: Array) -> Pixels:
    """Rounded so that no bands show: interleaved gradient noise (Jimenez 2014)."""
    height, width, _ = canvas.shape
    at = 0.06711056 * np.arange(width) + 0.00583715 * np.arange(height)[:, np.newaxis]
    grain = (52.9829189 * (at % 1)) % 1
    return np.clip(canvas + grain[..., np.newaxis], 0, 255).astype(np.uint8)
