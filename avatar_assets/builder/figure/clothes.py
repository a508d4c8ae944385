"""What is worn: the painted front of the upper garment, its collar, and spectacles."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from avatar_assets.builder.figure.folds import Fold, folds, shade
from avatar_assets.builder.geometry.mesh import Mesh, grid_faces, joined, mirror_of, shell, tube, turned_out
from avatar_assets.builder.geometry.sdf import Array, Field, shifted, snapped, unit
from avatar_assets.builder.geometry.shading import linear
from avatar_assets.builder.head.head import HeadShape
from avatar_assets.builder.person import Colours, Person
from avatar_assets.builder.skeleton import EYE_CENTRE, Skeleton

SIZE = 768
LEFT, TOP, SPAN = -0.36, 1.52, 0.72
"""The painting covers x from LEFT and y down from TOP, SPAN metres both ways; its edges stay plain cloth."""
Shape = list[tuple[float, float]]


class Painter:
    """Draws on the front of a garment in metres of world space, at four times the final resolution's area."""

    def __init__(self, cloth: str):
        self.image = Image.new("RGB", (SIZE * 2, SIZE * 2), cloth)
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, shape: Shape, colour: str) -> None:
        """Fills a polygon."""
        self._draw.polygon([self._pixel(x, y) for x, y in shape], fill=colour)

    def line(self, shape: Shape, colour: str, width: float) -> None:
        """Draws a line of `width` metres."""
        self._draw.line([self._pixel(x, y) for x, y in shape], fill=colour, width=max(1, round(width / SPAN * SIZE * 2)), joint="curve")

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fills a circle."""
        (cx, cy), r = self._pixel(x, y), radius / SPAN * SIZE * 2
        self._draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=colour)

    def encoded(self, pattern: list[Fold], strength: float) -> bytes:
        """The painting with its folds as JPEG."""
        flat = np.asarray(self.image.resize((SIZE, SIZE), Image.Resampling.LANCZOS), float)
        along = (np.arange(SIZE) + 0.5) / SIZE * SPAN
        folded = flat * shade(pattern, LEFT + along, TOP - along, strength)[..., None]
        out = io.BytesIO()
        picture = Image.fromarray(snapped(np.clip(folded, 0, 255)).round().astype(np.uint8))
        picture.save(out, "JPEG", quality=88, subsampling=0, optimize=True)
        return out.getvalue()

    @staticmethod
    def _pixel(x: float, y: float) -> tuple[float, float]:
        return (x - LEFT) / SPAN * SIZE * 2, (TOP - y) / SPAN * SIZE * 2


def shaded(colour: str, factor: float) -> str:
    """The colour made darker (factor < 1) or lighter, for seams and folds."""
    return "#" + "".join(f"{min(255, round(int(colour[i : i + 2], 16) * factor)):02x}" for i in (1, 3, 5))


def garment_uv(positions: Array, normals: Array, pattern: str) -> Array:
    """Texture coordinates of a garment on the common trunk: painted in front; a plain back takes the cloth of its upper edge."""
    x, y = positions[:, 0], positions[:, 1]
    front = (normals[:, 2] > -0.05) | (positions[:, 2] > 0.015) | (pattern in GOES_ROUND)
    return np.stack([(x - LEFT) / SPAN, np.where(front, (TOP - y) / SPAN, 0.002)], -1)


def _field(paint: Painter, c: Colours) -> None:
    """A field shirt: open at the neck over a tee, buttoned placket, two flapped pockets."""
    seam = shaded(c.top, 0.72)
    paint.polygon([(-0.066, 1.50), (0.066, 1.50), (0.0, 1.345)], c.inner)
    paint.polygon([(-0.068, 1.48), (0.068, 1.48), (0.0, 1.405)], c.skin)
    paint.line([(-0.012, 1.345), (-0.012, 0.90)], seam, 0.0016)
    paint.line([(0.012, 1.362), (0.012, 0.90)], seam, 0.0016)
    for y in np.arange(1.325, 0.92, -0.062):
        paint.dot(0.0, float(y), 0.0042, c.trim)
    for s in (-1, 1):
        paint.line([(s * 0.040, 1.262), (s * 0.040, 1.195), (s * 0.066, 1.186), (s * 0.092, 1.195), (s * 0.092, 1.262)], seam, 0.0018)
        paint.polygon(
            [(s * 0.037, 1.276), (s * 0.095, 1.276), (s * 0.095, 1.252), (s * 0.066, 1.241), (s * 0.037, 1.252)], shaded(c.top, 0.90)
        )
        paint.dot(s * 0.066, 1.250, 0.0036, c.trim)


def _cardigan(paint: Painter, c: Colours) -> None:
    """A cardigan over a shirt: deep V, ribbed edge, buttons below, two patch pockets."""
    rib = shaded(c.top, 0.80)
    opening = [(-0.078, 1.46), (0.078, 1.46), (0.0, 1.205)]
    paint.polygon([(-0.094, 1.46), (0.094, 1.46), (0.010, 1.180), (-0.010, 1.180)], rib)
    paint.polygon([(-0.013, 1.20), (0.013, 1.20), (0.013, 0.90), (-0.013, 0.90)], rib)
    paint.polygon(opening, c.inner)
    paint.polygon([(-0.085, 1.49), (0.085, 1.49), (0.0, 1.395)], c.skin)
    paint.line([(0.0, 1.40), (0.0, 1.21)], shaded(c.inner, 0.84), 0.0016)
    for y in (1.375, 1.315, 1.255):
        paint.dot(0.0, y, 0.0036, shaded(c.inner, 0.80))
    for y in np.arange(1.160, 0.93, -0.060):
        paint.dot(0.0, float(y), 0.0062, c.trim)
    for s in (-1, 1):
        paint.line([(s * 0.040, 1.085), (s * 0.112, 1.085)], rib, 0.006)
        paint.line([(s * 0.040, 1.085), (s * 0.042, 0.99), (s * 0.110, 0.99), (s * 0.112, 1.085)], rib, 0.0018)
    for y in np.arange(0.892, 0.922, 0.006):
        paint.line([(-0.2, float(y)), (0.2, float(y))], rib, 0.0014)


def _stripes(paint: Painter, c: Colours) -> None:
    """A jumper with a broad band of colour around chest and arms."""
    for low, high, colour in ((1.205, 1.285, c.inner), (1.190, 1.205, c.trim), (1.285, 1.300, c.trim)):
        paint.polygon([(LEFT, low), (-LEFT, low), (-LEFT, high), (LEFT, high)], colour)


def _flight_suit(paint: Painter, c: Colours) -> None:
    """A flight suit: zip, yoke seams, slanted pockets, name tape and a mission patch."""
    seam = shaded(c.top, 0.70)
    paint.line([(0.0, 1.46), (0.0, 0.90)], shaded(c.top, 0.55), 0.0090)
    paint.line([(0.0, 1.46), (0.0, 0.90)], c.trim, 0.0028)
    paint.line([(-0.16, 1.322), (0.16, 1.322)], seam, 0.0018)
    for s in (-1, 1):
        paint.line([(s * 0.036, 1.215), (s * 0.094, 1.245)], shaded(c.top, 0.55), 0.0042)
    paint.polygon([(-0.098, 1.296), (-0.040, 1.296), (-0.040, 1.272), (-0.098, 1.272)], c.inner)
    paint.line([(-0.090, 1.284), (-0.050, 1.284)], c.trim, 0.0040)
    paint.dot(0.070, 1.286, 0.0240, c.trim)
    paint.dot(0.070, 1.286, 0.0205, c.inner)
    paint.dot(0.064, 1.282, 0.0090, shaded(c.trim, 0.9))
    paint.line([(0.053, 1.272), (0.088, 1.300)], "#f6f6f2", 0.0030)


GOES_ROUND = {"stripes"}
"""Patterns that the back has too."""
PATTERNS: dict[str, Callable[[Painter, Colours], None]] = {
    "field": _field,
    "cardigan": _cardigan,
    "stripes": _stripes,
    "flight-suit": _flight_suit,
}


def paint_garment(person: Person, skeleton: Skeleton) -> bytes:
    """The front of a person's upper garment as JPEG."""
    paint = Painter(person.colours.top)
    PATTERNS[person.clothes.top](paint, person.colours)
    return paint.encoded(folds(person, skeleton), person.clothes.folds)


COLLARS = {"crew": (0.0, 1.12), "band": (0.10, 1.28), "shirt": (0.30, 1.28)}
"""Half the gap at the front (radians) and the width as a factor of the neck's."""


def check_clothes(person: Person) -> None:
    """Raises ValueError, naming what there is, for clothes that do not exist: before minutes are spent on a body for them."""
    for what, name, known in (("top", person.clothes.top, PATTERNS), ("collar", person.clothes.collar, COLLARS)):
        if name not in known:
            raise ValueError(f"{person.name}.toml: clothes.{what} = {name!r} is not one of {', '.join(known)}.")


def build_collar(person: Person, height: float, garment: Field) -> Mesh:
    """The collar dropped from `height` on the garment around the neck, world space."""
    kind = person.clothes.collar
    gap, width = COLLARS[kind]
    r = person.body.neck * width
    angle = np.linspace(gap, 2 * np.pi - gap, 45)
    outward = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], -1)
    base = _lowered(garment, np.array((0, height, -0.016)) + outward * (r * 1.04, 0, r * 1.10))
    if kind == "crew":
        return _rolled(base, linear(person.colours.trim))
    underneath = person.clothes.top == "cardigan"  # then the collar is that of the shirt below
    return _folded(base, outward, linear(person.colours.inner if underneath else person.colours.top), wings=kind == "shirt")


def _rolled(base: Array, colour: Array) -> Mesh:
    """A soft ring along the closed line `base`."""
    closed = np.concatenate([base[-2:-1], base, base[1:2]])
    even = np.ones(len(closed))
    ring = tube(closed, even * 0.0070, even * 0.0085, np.tile((0.0, 1.0, 0.0), (len(closed), 1)), 6)
    ring.colours = np.tile(colour, (len(ring.positions), 1))
    return ring


def _folded(base: Array, outward: Array, colour: Array, wings: bool) -> Mesh:
    """A band standing on the line `base`; with `wings` it folds over and ends in two points."""
    profile = [(0.000, -0.006), (-0.002, 0.016), (0.000, 0.024), (0.004, 0.024)]
    if wings:
        profile += [(0.012, 0.012), (0.020, -0.004)]
    points = np.stack([base + outward * out + np.array((0, up, 0)) for out, up in profile])
    if wings:
        towards_end = np.abs(np.linspace(-1, 1, len(base)))[:, None]
        pointed = np.exp(-(((1 - towards_end) / 0.16) ** 2))
        points[-1] += pointed * (outward * (0.6, 0, 0.2) * 0.016 + (0, -0.026, 0.006))
        points[-2] += pointed * (outward * (0.6, 0, 0.2) * 0.006 + (0, -0.010, 0.003))
    flat = points.reshape(-1, 3)
    collar = shell(flat, turned_out(flat, grid_faces(*points.shape[:2]), shifted(np.tile(outward, (len(profile), 1)), 0, 0.5, 0)))
    collar.colours = colour * np.repeat(np.linspace(0.75, 1.0, len(profile)), len(base))[:, None]
    return collar


def _lowered(garment: Field, points: Array) -> Array:
    """The points dropped straight down until they lie on the garment, and evened out."""
    for _ in range(80):
        points = points - np.array((0.0, 1.0, 0.0)) * np.clip(garment(points), -0.02, 0.02)[:, None] * 0.5
    for _ in range(2):
        points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    return points


RIM = 28
"""Points around a rim of the spectacles."""


def build_spectacles(shape: HeadShape) -> Mesh:
    """Round spectacles in head space: rims, bridge and temples."""
    turn = np.linspace(0, 2 * np.pi, RIM + 1)
    centre = shifted(EYE_CENTRE, 0.0015, -0.004, 0.0385)
    rim = centre + np.stack([0.0300 * np.cos(turn), 0.0265 * np.sin(turn), -0.004 * np.cos(turn) * (np.cos(turn) > 0)], -1)
    thin = np.full(len(turn), 0.0016)
    left = tube(
        np.concatenate([rim[-2:-1], rim[:-1], rim[:2]]),
        np.full(RIM + 3, 0.0017),
        np.full(RIM + 3, 0.0017),
        np.tile((0.0, 0.0, 1.0), (RIM + 3, 1)),
        6,
    )
    hinge = shifted(centre, 0.0300, 0.004, -0.004)
    ear = np.array((0.094 * shape.face.width + 0.004, 0.012, -0.010))
    way = np.linspace(0, 1, 8)[:, None]
    temple = tube(
        hinge + (ear - hinge) * way + np.array((0.004, 0, 0)) * np.sin(np.pi * way),
        thin[:8],
        thin[:8] * 1.3,
        np.tile((0.0, 1.0, 0.0), (8, 1)),
        6,
    )
    inner = rim[RIM // 2]
    across = np.linspace(1, -1, 9)
    bridge = np.stack([inner[0] * across, inner[1] + 0.004 * (1 - across**2) + 0.002, inner[2] + 0.003 * (1 - across**2)], -1)
    middle = tube(bridge, thin[:9], thin[:9], np.tile(unit(np.array((0.0, 0.0, 1.0))), (9, 1)), 6)
    return joined(left, mirror_of(left), temple, mirror_of(temple), middle)
