"""Colour and shade: sRGB to linear, and the soft shadows baked into the vertices."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from avatar_assets.builder.geometry.sdf import Array, Field


def linear(colour: str) -> Array:
    """#rrggbb (sRGB) as linear RGB, (3,), 0..1; the transfer curve of IEC 61966-2-1."""
    c = srgb(colour)
    result: Array = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return result


def srgb(colour: str) -> Array:
    """#rrggbb as (3,) floats, 0..1."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0


def distance_to_points(points: Array, thickness: float) -> Field:
    """A field for things that have no distance function of their own, such as hair: how far the nearest of `points` is."""
    tree = cKDTree(points)

    def field(p: Array) -> Array:
        away: Array = tree.query(p)[0] - thickness
        return away

    return field


def occlusion(
    scene: Field, reach: tuple[float, ...] = (0.006, 0.014, 0.028, 0.05, 0.085), depth: float = 1.1
) -> Callable[[Array, Array], Array]:
    """Ambient light left at a surface, 0.3..1, by sampling `scene` along the normal (Evans 2006); `reach` in metres."""

    def shade(positions: Array, normals: Array) -> Array:
        blocked, total = np.zeros(len(positions)), 0.0
        for i, step in enumerate(reach):
            weight = 0.72**i
            blocked += weight * np.clip((step - scene(positions + normals * step)) / step, 0.0, 1.0)
            total += weight
        light: Array = np.clip(1.0 - depth * blocked / total, 0.3, 1.0)
        return light

    return shade


def warm(shade: Array) -> Array:
    """Shade (n,) as a colour factor (n, 3) whose darks lean to red, as light does that has passed through skin."""
    bounce = np.array([1.0, 0.36, 0.22])
    tinted: Array = shade[:, None] + (1.0 - shade)[:, None] * 0.25 * bounce
    return tinted
