"""Short hair: overlapping locks planted over the scalp, combed away from one point and tapered towards the hairline."""

import numpy as np

from avatar_assets.builder.geometry.mesh import Mesh, grid_faces, joined, part, polygonize, shell, turned_out
from avatar_assets.builder.geometry.sdf import Array, gradient, settle, smoothstep, unit
from avatar_assets.builder.geometry.shading import linear
from avatar_assets.builder.head.head import SKULL_CENTRE, HeadShape
from avatar_assets.builder.head.paint import above_hairline, scalp_mask
from avatar_assets.builder.person import Crop, Person

FADE = 0.045
"""The hair reaches its full depth this far inside the hairline, metres."""
ALONG = np.array([0.0, 0.3, 0.65, 1.0])
"""Where a lock's rings lie, as parts of its length."""
THICK = np.array([0.80, 1.0, 0.80, 0.22])
"""Its thickness at each ring, as a factor of the full one."""
RIDGE = ((-1.0, -0.10), (0.0, 0.38), (1.0, -0.10))
"""A lock's section, across and up, as factors of half its breadth: a ridge, open below, where it lies on the others."""
ROOT_DEPTH = 0.002
"""Roots go this far into the scalp, metres, so that no lock floats."""


def build_crop(person: Person, crop: Crop, shape: HeadShape, rng: np.random.Generator) -> Mesh:
    """The locks in head space."""

    def surface(p: Array) -> Array:
        """The body of the hair that the locks lie on: deep on top, close at the sides, running out at the hairline."""
        depth = crop.sides + (crop.top - crop.sides) * smoothstep(0.040, 0.105, p[:, 1])
        return shape.distance(p) - depth * 0.001 * 0.5 * smoothstep(-0.002, FADE, above_hairline(person, p)) + 0.0012

    scalp = _planted(person, crop, shape)
    roots = settle(surface, scalp, 3)
    normals = gradient(shape.distance, scalp)
    cap = polygonize(surface, SKULL_CENTRE - 0.14, SKULL_CENTRE + 0.15, 0.006, 900)
    cap = _only_hair(person, cap)
    cap.colours = np.tile(linear(person.colours.hair) * 0.75, (len(cap.positions), 1))
    top = smoothstep(0.050, 0.105, roots[:, 1])  # 0 at the sides and the nape, 1 on top of the head
    away = roots - np.asarray(crop.combed_from) * 0.001 + 0.008 * rng.standard_normal(roots.shape)
    away[:, 1] -= 1.5 * np.clip(-roots[:, 2], 0, None)  # down at the back
    flow = unit(away - (away * normals).sum(1)[:, None] * normals)
    edge = _near_hairline(person, scalp)
    size = (crop.sides + (crop.top - crop.sides) * top) * 0.001 * (1 - 0.45 * edge) * (1 + 0.16 * rng.standard_normal(len(roots)))
    lift = crop.lift * (0.25 + 0.75 * top) * (1 + 0.12 * rng.standard_normal(len(roots))) + 0.55 * edge * top
    colour = linear(person.colours.hair)
    tint = 1 + 0.12 * rng.standard_normal(len(roots))
    locks = [cap]
    for root, normal, forward, length, up, shade in zip(roots, normals, flow, size, lift, tint, strict=True):
        rise = up * (ALONG - 0.42 * up * ALONG**2)  # stands up from the root and bends over towards the tip
        path = root - normal * ROOT_DEPTH + length * (np.outer(ALONG, forward) + np.outer(rise, normal))
        width = crop.width * 0.001 * min(1.0, length / 0.010) * THICK
        lock = _lock(path, width, normal)
        light = np.repeat((0.55, 0.85, 1.0, 1.05), len(RIDGE)) * shade
        lock.colours = np.clip(colour * light[:, None], 0, 1)
        locks.append(lock)
    return joined(*locks)


def _lock(path: Array, width: Array, normal: Array) -> Mesh:
    """A ridge of half-breadth `width` (n,) along `path` (n, 3) on a scalp with the given normal."""
    along = unit(np.gradient(path, axis=0))
    across = unit(np.cross(along, normal))
    lift = np.cross(across, along)
    points = np.stack([path + width[:, None] * (x * across + y * lift) for x, y in RIDGE], 1).reshape(-1, 3)
    outward = unit(np.stack([1.2 * x * across + lift for x, _ in RIDGE], 1).reshape(-1, 3))
    return shell(points, turned_out(points, grid_faces(len(path), len(RIDGE)), outward), outward)


def _planted(person: Person, crop: Crop, shape: HeadShape) -> Array:
    """Where the roots are: evenly spread over the hairy part of the head, front to back."""
    i = np.arange(crop.locks) + 0.5
    polar, turn = np.arccos(1 - 2 * i / crop.locks), np.pi * (1 + 5**0.5) * i
    spread = np.stack([np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)], -1)
    p = shape.cast(unit(spread + SKULL_CENTRE * 4))
    return p[scalp_mask(person, p) > 0.5]


def _only_hair(person: Person, cap: Mesh) -> Mesh:
    """The cap without what lies under the skin of face and neck."""
    height = above_hairline(person, cap.positions)
    return part(cap, np.min(height[cap.faces], axis=1) > -0.004)


def _near_hairline(person: Person, roots: Array) -> Array:
    """1 right at the hairline, 0 from two centimetres inside it."""
    return smoothstep(FADE, 0.0, above_hairline(person, roots))
