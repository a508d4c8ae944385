"""Hair: sheets of strands combed between guide strands, with locks in relief and ragged tips; balls of curls; short crops."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from avatar_assets.builder.geometry.mesh import Mesh, grid_faces, joined, part, polygonize, shell, turned_out
from avatar_assets.builder.geometry.sdf import Array, Field, gradient, length, smoothstep, sphere, union, unit
from avatar_assets.builder.geometry.shading import linear
from avatar_assets.builder.head.crop import build_crop
from avatar_assets.builder.head.head import SKULL_CENTRE, HeadShape
from avatar_assets.builder.person import Person, Puff, Sheet

CURL = np.array([0.0, 0.5, 0.0])
"""The tips go up a little as they go in."""
SAMPLES_PER_CLUMP, ROWS = 4, 13
CLEARANCE, CLEARANCE_AT_ROOT = 0.0045, 0.0006
"""Hair never lies closer to the head than this, metres."""
LINING = 4
"""The dark inner side of a sheet takes every fourth point of the outer one."""
DARK = 0.25
"""The inside of the hair gets no light; it keeps this part of its colour."""
TURNED_IN = (0.004, 0.010, 0.020)
"""How far the rows behind a sheet's edges go inward, metres: that is what gives the hair its visible thickness."""


def build_hair(person: Person, shape: HeadShape) -> tuple[Mesh, Mesh | None]:
    """All of a person's hair in head space, and the dark inside of its sheets, if it has any."""
    rng = np.random.default_rng(person.seed)
    colour = linear(person.colours.hair)
    combed = [_sheet(sheet, shape.distance, colour, rng) for sheet in person.hair.sheets]
    sheets, linings = [outside for outside, _ in combed], [inside for _, inside in combed]
    crops = [build_crop(person, person.hair.crop, shape, rng)] if person.hair.crop else []
    hair = joined(*sheets, *(_puff(puff, colour, rng) for puff in person.hair.puffs), *crops)
    return hair, joined(*linings) if linings else None


def _sheet(sheet: Sheet, head: Field, colour: Array, rng: np.random.Generator) -> tuple[Mesh, Mesh]:
    columns = sheet.clumps * SAMPLES_PER_CLUMP + 1
    across, along = np.linspace(0, 1, columns), np.linspace(0, 1, ROWS)
    ridge, clump = _locks(sheet, across, along, rng)
    kept = 1 - sheet.ragged * (1 - ridge[-1]) - 0.6 * sheet.ragged * rng.random(sheet.clumps + 2)[clump]
    points = _combed(sheet.strands * 0.001, across, along, kept)
    clearance = CLEARANCE_AT_ROOT + (CLEARANCE - CLEARANCE_AT_ROOT) * smoothstep(0, 0.15, along)
    points = _clear_of(head, points.reshape(-1, 3), np.repeat(clearance, columns)).reshape(ROWS, columns, 3)
    faces = grid_faces(ROWS, columns)
    flat = points.reshape(-1, 3)
    base = shell(flat, turned_out(flat, faces, -_inward(flat)))
    rising = smoothstep(0.0, 0.12, along)[:, None] * smoothstep(0, 0.06, across) * smoothstep(1, 0.94, across)
    lifted = points + base.normals.reshape(points.shape) * ((ridge - 0.5) * rising * sheet.relief * 0.001)[..., None]
    tint = 1 + 0.10 * rng.standard_normal(sheet.clumps + 2)[clump]
    sheen = 1 + 0.45 * np.exp(-(((along - 0.30) / 0.16) ** 2))[:, None]  # a band of light where the hair bends over the head
    shade = (0.50 + 0.50 * ridge) * tint * sheen * (0.72 + 0.28 * smoothstep(0, 0.15, along)[:, None])
    outside, hem = _hemmed(lifted, np.clip(colour * shade[..., None], 0, 1), sheet.closed)
    hem.colours = np.tile(colour * DARK, (len(hem.positions), 1))
    return outside, joined(_lining(points, colour), hem)


def _locks(sheet: Sheet, across: Array, along: Array, rng: np.random.Generator) -> tuple[Array, np.typing.NDArray[np.int64]]:
    """Height 0..1 of the relief on the grid (rows, columns), and the number of the lock that each column belongs to."""
    phase = rng.random(4) * 2 * np.pi
    position = (
        across * sheet.clumps
        + 0.35 * np.sin(across * sheet.clumps * 1.7 + phase[0])
        + 0.25 * np.sin(across * sheet.clumps * 0.7 + phase[1])
    )
    wander = 0.22 * np.sin(2 * np.pi * along * 1.1 + phase[2])[:, None] * np.sin(across * sheet.clumps * 0.9 + phase[3])
    here = position + wander
    broad = np.abs(np.sin(np.pi * here)) ** 0.7
    fine = np.abs(np.sin(np.pi * here * 2.6 + phase[2]))
    clump = np.clip(np.floor(position), 0, sheet.clumps + 1).astype(np.int64)
    return 0.78 * broad + 0.22 * fine, clump


def _combed(strands: Array, across: Array, along: Array, kept: Array) -> Array:
    """Points (rows, columns, 3) between the guide strands (s, k, 3); each column keeps its part `kept` of the whole."""
    guides = PchipInterpolator(np.linspace(0, 1, len(strands)), strands, axis=0)(across)
    knots = np.linspace(0, 1, strands.shape[1])
    points = np.empty((len(along), len(across), 3))
    for i, guide in enumerate(guides):
        points[:, i] = PchipInterpolator(knots, guide, axis=0)(along * min(kept[i], 1.0))
    return points


def _clear_of(head: Field, points: Array, clearance: Array) -> Array:
    """Points (n, 3) that would lie in or on the head, moved out to their clearance (n,)."""
    for _ in range(3):
        missing = np.clip(clearance - head(points), 0, None)
        if missing.max() > 0:
            points = points + missing[:, None] * gradient(head, points)
    return points


def _hemmed(points: Array, colours: Array, closed: bool) -> tuple[Mesh, Mesh]:
    """The sheet with its tips and side edges beginning to turn in towards the head, and the rest of what is turned in."""
    for inward in TURNED_IN:
        points = np.concatenate([points, (points[-1] + (_inward(points[-1]) + CURL) * inward)[None]])
        colours = np.concatenate([colours, colours[-1:] * 0.55])
    for inward in () if closed else TURNED_IN:
        left, right = (edge + _inward(edge) * inward for edge in (points[:, 0], points[:, -1]))
        points = np.concatenate([left[:, None], points, right[:, None]], 1)
        colours = np.concatenate([colours[:, :1] * 0.6, colours, colours[:, -1:] * 0.6], 1)
    flat, rows, columns = points.reshape(-1, 3), *points.shape[:2]
    hemmed = shell(flat, turned_out(flat, grid_faces(rows, columns), -_inward(flat)), colours=colours.reshape(-1, 3))
    row, column = np.divmod(np.arange(len(flat)), columns)
    beyond = len(TURNED_IN) - 1  # the first row of the hem belongs to the rounded edge
    hidden = row > rows - 1 - beyond
    if closed:
        first, last = np.nonzero(column == 0)[0], np.nonzero(column == columns - 1)[0]
        hemmed.normals[first] = hemmed.normals[last] = unit(hemmed.normals[first] + hemmed.normals[last])
    else:
        hidden |= (column < beyond) | (column > columns - 1 - beyond)
    inner = hidden[hemmed.faces].any(1)
    return part(hemmed, ~inner), part(hemmed, inner)


def _lining(points: Array, colour: Array) -> Mesh:
    """The inner side of a sheet: plain and dark, so that no light shines out from under the hair."""
    coarse = points[::LINING, ::LINING]
    flat = coarse.reshape(-1, 3)
    flat = flat + _inward(flat) * TURNED_IN[0]
    faces = turned_out(flat, grid_faces(*coarse.shape[:2]), _inward(flat))
    return shell(flat, faces, colours=np.tile(colour * DARK, (len(flat), 1)))


def _puff(puff: Puff, colour: Array, rng: np.random.Generator) -> Mesh:
    """A ball of curls: many small balls melted together."""
    centre, radius, curl = np.asarray(puff.centre) * 0.001, puff.radius * 0.001, puff.curl * 0.001
    count = round(3.2 * (radius / curl) ** 2)
    i = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * i / count), np.pi * (1 + 5**0.5) * i
    around = np.stack([np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)], -1)
    middles = around * (radius - curl * 0.6) * (1 + 0.06 * rng.standard_normal(count))[:, None]
    sizes = curl * (1 + 0.2 * rng.random(count))

    def surface(p: Array) -> Array:
        d = sphere(p, centre, radius - curl)
        for middle, size in zip(middles, sizes, strict=True):
            d = union(d, sphere(p, centre + middle, size), 0.004)
        return d

    reach = radius + curl * 1.5
    ball = polygonize(surface, centre - reach, centre + reach, radius / 12, 1900)
    height = (length(ball.positions - centre) - radius + curl) / (1.6 * curl)
    ball.colours = colour * (0.55 + 0.75 * smoothstep(0.0, 1.0, height))[:, None]
    return ball


def _inward(points: Array) -> Array:
    """Unit directions (n, 3) towards the middle of the skull, level below it."""
    middle = np.broadcast_to(SKULL_CENTRE, points.shape).copy()
    middle[:, 1] = np.minimum(points[:, 1], SKULL_CENTRE[1])
    return unit(middle - points)
