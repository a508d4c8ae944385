"""Signed distance functions: the clay that heads, hands and clothes are modelled in.

Points are float64 arrays of shape (n, 3) in metres; distances are (n,), negative inside. The primitives and the polynomial
smooth minimum are the well-known ones collected by Inigo Quilez (https://iquilezles.org/articles/distfunctions).
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Field = Callable[[Array], Array]
Point = Sequence[float] | Array


def snapped(values: Array, bits: int = 20) -> Array:
    """Values on a grid of 2 ** -bits (20: about a micrometre), before something is decided by them or they are written.

    Processors differ in the last bits of a sine or a sum. A decimal grid would not do: what people choose often lies midway on it.
    """
    result: Array = np.round(values * 2.0**bits) / 2.0**bits + 0.0  # never a negative zero
    return result


def length(v: Array) -> Array:
    """Euclidean length over the last axis."""
    result: Array = np.sqrt(np.einsum("...i,...i->...", v, v))
    return result


def unit(v: Array) -> Array:
    """`v` scaled to length one over the last axis; a zero vector stays zero."""
    return v / np.maximum(length(v), 1e-12)[..., None]


def shifted(point: Array, x: float, y: float, z: float) -> Array:
    """`point` moved by (x, y, z)."""
    moved: Array = point + np.array((x, y, z))
    return moved


def smoothstep(start: float, end: float, x: Array) -> Array:
    """Hermite step: 0 at `start`, 1 at `end` (which may lie below `start`)."""
    t: Array = np.clip((x - start) / (end - start), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def bump(x: Array, width: float) -> Array:
    """A Gaussian of height one around x = 0; `width` is where it falls to 1/e."""
    result: Array = np.exp(-((x / width) ** 2))
    return result


def mirrored(p: Array) -> Array:
    """Folds the right half (negative x) onto the left, for parts that come in pairs."""
    return np.stack([np.abs(p[..., 0]), p[..., 1], p[..., 2]], -1)


def sphere(p: Array, centre: Point, radius: float) -> Array:
    """Distance to a sphere."""
    return length(p - np.asarray(centre)) - radius


def ellipsoid(p: Array, centre: Point, radii: Point) -> Array:
    """First-order distance to an ellipsoid: exact on the surface, close to it nearby."""
    r = np.asarray(radii, float)
    q = (p - np.asarray(centre)) / r
    k0, k1 = length(q), length(q / r)
    return k0 * (k0 - 1.0) / np.maximum(k1, 1e-9)


def capsule(p: Array, start: Point, end: Point, radius: float, end_radius: float | None = None) -> Array:
    """Distance to a rod with round ends whose radius may change along the way."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    last = radius if end_radius is None else end_radius
    axis = b - a
    t: Array = np.clip(((p - a) @ axis) / (axis @ axis), 0.0, 1.0)
    return length(p - a - t[..., None] * axis) - (radius + (last - radius) * t)


def union(a: Array, b: Array, blend: float) -> Array:
    """Smooth union; `blend` is the width in metres over which the two surfaces melt together."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend, 0.0, 1.0)
    result: Array = b + (a - b) * h - blend * h * (1.0 - h)
    return result


def intersection(a: Array, b: Array, blend: float) -> Array:
    """Smooth intersection."""
    return -union(-a, -b, blend)


def gradient(field: Field, p: Array, step: float = 4e-4) -> Array:
    """Unit gradient by central differences: on the surface, the outward normal."""
    return unit(np.stack([field(p + d) - field(p - d) for d in np.eye(3) * step], -1))


def settle(field: Field, p: Array, rounds: int = 2) -> Array:
    """Moves points onto the field's zero surface along the gradient."""
    for _ in range(rounds):
        p = p - field(p)[:, None] * gradient(field, p) * 0.9
    return p
