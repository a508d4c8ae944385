"""The face mesh: rings of vertices around mouth and eyes, open skin between them, and the inside of lids and lips.

The head is star-shaped, so a triangulation of directions (their convex hull) is a triangulation of the skin.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from avatar_assets.builder.geometry.mesh import facing, grid_faces
from avatar_assets.builder.geometry.sdf import Array, Ints, bump, smoothstep, snapped, unit
from avatar_assets.builder.head.eyelids import RINGS, Eyelids
from avatar_assets.builder.head.head import EYE_RADIUS, HeadShape, ring_index
from avatar_assets.builder.head.mouth import LipCoordinates, Mouth
from avatar_assets.builder.person import Person
from avatar_assets.builder.skeleton import EYE_CENTRE

MOUTH_RINGS = np.array([0.005, 0.07, 0.14, 0.22, 0.31, 0.41, 0.52, 0.64, 0.78, 0.94, 1.12])
MOUTH_COUNT, EYE_COUNT = 64, 40
SKIN, MOUTH, LEFT_EYE, RIGHT_EYE = range(4)
OPEN_DIRECTIONS, NOSE_DIRECTIONS = 2600, 8500
"""How many directions a whole sphere would have, for the open skin and for the nose."""
NOSE, NOSE_REACH = unit(np.array((0.0, -0.24, 1.0))), 0.21
"""The direction of the nose, and how far around it the denser directions go, radians."""
CLEAR_OF_RINGS = 0.034
"""Directions closer than this (radians) to a ring are left to the ring."""
LIP_DEPTHS = ((1.0, 0.0010, -0.0030), (0.95, 0.0062, -0.0062), (0.5, 0.0120, -0.018), (0.15, 0.0130, -0.044), (0.0, 0.0015, -0.056))
"""Inside of the mouth, from the lips to the throat: share of the lips' movement, height and depth of the ring (metres)."""


@dataclass
class FaceMesh:
    """Rest positions (n, 3) in head space and faces; what each vertex belongs to.

    group: SKIN, MOUTH, LEFT_EYE or RIGHT_EYE; ring: 0 at the opening; angle: around the opening, radians. The first `outer`
    vertices are skin seen from outside; each further one lies inside lids or lips, follows the vertex `source`, and takes the
    part `follow` of its movement. depth: 0 outside, then the number of the inner ring.
    """

    shape: HeadShape
    lids: Eyelids
    mouth: Mouth
    positions: Array
    faces: Ints
    group: Ints
    ring: Ints
    angle: Array
    outer: int
    source: Ints
    follow: Array
    depth: Ints
    lips: LipCoordinates

    def spread(self, skin: Array) -> Array:
        """A displacement (outer, 3) of the skin carried to the inner vertices: (n, 3)."""
        return skin[self.source] * self.follow[:, None]


class _Builder:
    """Collects vertices ring by ring."""

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.group: list[int] = []
        self.ring: list[int] = []
        self.angle: list[float] = []

    def add(self, points: Array, group: int, ring: int, angle: Array) -> int:
        start = len(self.group)
        self.points.append(points)
        self.group += [group] * len(points)
        self.ring += [ring] * len(points)
        self.angle += angle.tolist()
        return start


def build_face(person: Person) -> FaceMesh:
    """The face of one person at rest."""
    shape = HeadShape(person.face)
    lids, mouth = Eyelids(shape), Mouth(person.face)
    made = _Builder()
    faces = _rings(made, shape, lids, mouth)
    rings = unit(np.concatenate(made.points))
    directions = np.concatenate([rings, _open_skin(rings, shape, mouth, lids)])
    rest = len(directions) - len(rings)
    group = np.array(made.group + [SKIN] * rest)
    ring = np.array(made.ring + [0] * rest)
    angle = np.array(made.angle + [0.0] * rest)
    hull = ConvexHull(snapped(directions, 30)).simplices.astype(np.int64)
    inside = np.zeros(len(hull), bool)
    for part in (MOUTH, LEFT_EYE, RIGHT_EYE):
        inside |= (group[hull] == part).all(1)  # the rings bring their own strips of faces
    surface = shape.cast(directions)
    faces = [facing(surface, np.concatenate([hull[~inside], *faces]), directions)]
    lips = _lip_coordinates(mouth, surface, group, ring, angle)
    positions = surface + _lip_relief(lips, mouth, person.face.lips)[:, None] * unit(surface * (0.4, 0.15, 1.0))
    return _with_insides(FaceMesh(
        shape, lids, mouth, positions, faces[0], group, ring, angle, len(positions),
        np.arange(len(positions)), np.ones(len(positions)), np.zeros(len(positions), np.int64), lips,
    ))  # fmt: skip


def _rings(made: _Builder, shape: HeadShape, lids: Eyelids, mouth: Mouth) -> list[Ints]:
    faces = []
    angle = (np.arange(MOUTH_COUNT) + 0.5) / MOUTH_COUNT * 2 * np.pi
    for k, size in enumerate(MOUTH_RINGS):
        made.add(shape.drop(*mouth.ring_points(size, angle)), MOUTH, k, angle)
    faces.append(grid_faces(len(MOUTH_RINGS), MOUTH_COUNT, closed=True))
    angle = np.arange(EYE_COUNT) / EYE_COUNT * 2 * np.pi
    for part, sign in ((LEFT_EYE, 1.0), (RIGHT_EYE, -1.0)):
        start = len(made.group)
        for k, scale in enumerate(RINGS):
            made.add(lids.ring(scale, angle, sign), part, k, angle)
        faces.append(grid_faces(len(RINGS), EYE_COUNT, closed=True) + start)
    return faces


def _open_skin(rings: Array, shape: HeadShape, mouth: Mouth, lids: Eyelids) -> Array:
    """Directions between the rings: denser on the nose, thinned where nothing moves (scalp and back)."""
    d, fine = _lattice(OPEN_DIRECTIONS), _lattice(NOSE_DIRECTIONS)
    number = np.arange(len(d))
    front = d[:, 2] > 0.20
    keep = np.where(front, True, number % 3 == 0)
    keep &= ~(front & (d[:, 1] > 0.60) & (number % 3 != 0))
    keep &= d @ NOSE < np.cos(NOSE_REACH + 0.03)
    d = np.concatenate([d[keep], fine[fine @ NOSE > np.cos(NOSE_REACH)]])
    keep = cKDTree(rings).query(d)[0] > np.where(d @ NOSE > np.cos(NOSE_REACH), 0.6, 1.0) * CLEAR_OF_RINGS
    p = shape.cast(d)
    forward = p[:, 2] > 0.02
    far = MOUTH_RINGS[-1]
    wide, tall = mouth.half_width * np.cosh(far), mouth.half_width * np.sinh(far)
    keep &= ~(forward & ((p[:, 0] / wide) ** 2 + ((p[:, 1] - mouth.line(np.zeros(1))) / tall) ** 2 < 1))
    for sign in (1.0, -1.0):
        across = (p[:, 0] * sign - EYE_CENTRE[0]) / (lids.half_width * RINGS[-1])
        keep &= ~(forward & (across**2 + ((p[:, 1] - EYE_CENTRE[1]) / (lids.above * RINGS[-1])) ** 2 < 1))
    kept: Array = d[keep]
    return kept


def _lattice(count: int) -> Array:
    """Directions spread evenly over the sphere (a Fibonacci lattice), (count, 3)."""
    i = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * i / count), np.pi * (1 + 5**0.5) * i
    directions: Array = np.stack([np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)], -1)
    return directions


def _lip_coordinates(mouth: Mouth, surface: Array, group: Ints, ring: Ints, angle: Array) -> LipCoordinates:
    """Lip coordinates of the skin; the mouth's own rings know theirs exactly, and the lips' edges need that to stay apart."""
    at = mouth.coordinates(surface)
    own = group == MOUTH
    at.ring[own] = MOUTH_RINGS[ring[own]]
    at.angle[own] = angle[own]
    at.height[own] = mouth.half_width * np.sinh(at.ring[own]) * np.sin(at.angle[own])
    return at


def _lip_relief(at: LipCoordinates, mouth: Mouth, fullness: float) -> Array:
    """How far the lips stand out of the face, metres: two cushions, a cupid's bow, a crease, and the dip under the lower lip."""
    within = np.clip(1 - (at.x / (mouth.half_width * 1.06)) ** 2, 0, 1) ** 0.9 * at.front
    y = at.height
    upper = bump(y - 0.0046, 0.0038) * (y > 0) * (1 - 0.28 * bump(at.x, 0.0042))
    lower = bump(y + 0.0062, 0.0048) * (y <= 0)
    corner = bump(np.abs(at.x) - mouth.half_width * 1.03, 0.004) * bump(y, 0.004) * at.front
    dip = bump(y + 0.0175, 0.006) * bump(at.x, 0.018) * at.front
    philtrum = bump(at.x, 0.0035) * smoothstep(0.006, 0.010, y) * smoothstep(0.024, 0.016, y) * at.front
    cushions = within * fullness * (0.0036 * upper + 0.0050 * lower)
    return cushions - 0.0016 * bump(y, 0.0016) * within - 0.0003 * corner - 0.0020 * dip - 0.0010 * philtrum


def _with_insides(face: FaceMesh) -> FaceMesh:
    """Adds the thickness of the lids and the inside of the mouth behind the innermost rings."""
    for part, sign in ((LEFT_EYE, 1.0), (RIGHT_EYE, -1.0)):
        rim = np.nonzero((face.group[: face.outer] == part) & (face.ring[: face.outer] == 0))[0]
        centre = EYE_CENTRE * (sign, 1, 1)
        away = face.positions[rim] - centre
        edge = centre + unit(away * (0.985, 0.985, 1.0)) * (EYE_RADIUS + 0.0007)
        behind = centre + unit(away * (1.05, 1.05, 0.9)) * (EYE_RADIUS - 0.0040)
        _add_inner_rings(face, rim, [(1.0, edge), (0.97, behind)], flip=sign < 0)
    rim = ring_index(0, MOUTH_COUNT)
    at = face.positions[rim]
    side = face.lips.side[rim]
    across = np.sqrt(np.clip(1 - (at[:, 0] / face.mouth.half_width) ** 2, 0, 1))
    rings = []
    for k, (follow, height, depth) in enumerate(LIP_DEPTHS):
        narrow = (-0.03, 0.0, 0.0, -0.20, -0.95)[k] * at[:, 0]
        up = np.where(side > 0, height, -height * (0.70 if 0 < k < 4 else 1.0)) * across
        rings.append((follow, at + np.stack([narrow, up, np.full(len(at), depth)], -1)))
    _add_inner_rings(face, rim, rings, flip=False)
    throat = ring_index(len(face.positions) - MOUTH_COUNT, MOUTH_COUNT)
    closing = np.stack([np.full(MOUTH_COUNT - 2, throat[0]), throat[1:-1], throat[2:]], -1)
    face.faces = np.concatenate([face.faces, closing])
    return face


def _add_inner_rings(face: FaceMesh, rim: Ints, rings: list[tuple[float, Array]], flip: bool) -> None:
    last = rim
    for k, (follow, points) in enumerate(rings, start=1):
        new = ring_index(len(face.positions), len(rim))
        numbers = np.concatenate([last, new])
        strip = numbers[grid_faces(2, len(rim), closed=True)]
        face.faces = np.concatenate([face.faces, strip[:, ::-1] if flip else strip])
        face.positions = np.concatenate([face.positions, points])
        face.group = np.concatenate([face.group, face.group[rim]])
        face.ring = np.concatenate([face.ring, face.ring[rim]])
        face.angle = np.concatenate([face.angle, face.angle[rim]])
        face.source = np.concatenate([face.source, rim])
        face.follow = np.concatenate([face.follow, np.full(len(rim), follow)])
        face.depth = np.concatenate([face.depth, np.full(len(rim), k)])
        last = new
