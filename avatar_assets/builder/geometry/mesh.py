"""Triangle meshes: one container for every part of a person, and the ways to make one."""

from dataclasses import dataclass, field

import fast_simplification
import numpy as np
import numpy.typing as npt
from skimage.measure import marching_cubes

from avatar_assets.builder.geometry.sdf import Array, Field, Ints, gradient, settle, snapped, unit

Skin = tuple[Ints, Array]
"""Joint numbers and weights, (n, 4) each; the weights of a vertex sum to one."""


@dataclass
class Mesh:
    """A part of a person, in world space unless its maker says otherwise.

    positions, normals (n, 3) metres; faces (m, 3), counter-clockwise seen from outside; colours (n, 3) linear RGB, multiplied
    with the material's texture; uv (n, 2) or None; morphs: target name → displacement (n, 3) in metres at weight one.
    """

    positions: Array
    faces: Ints
    normals: Array
    colours: Array
    uv: Array | None = None
    morphs: dict[str, Array] = field(default_factory=dict)

    def placed(self, size: float, offset: Array) -> "Mesh":
        """The same mesh, `size` times as big about the origin and then shifted by `offset` metres."""
        morphs = {name: delta * size for name, delta in self.morphs.items()}
        return Mesh(self.positions * size + offset, self.faces, self.normals, self.colours, self.uv, morphs)


def shell(positions: Array, faces: Ints, normals: Array | None = None, colours: Array | None = None, uv: Array | None = None) -> Mesh:
    """A mesh with what is left out filled in: smooth normals from the faces, white colours."""
    n = vertex_normals(positions, faces) if normals is None else normals
    return Mesh(positions, faces, n, np.ones_like(positions) if colours is None else colours, uv)


def joined(*meshes: Mesh) -> Mesh:
    """One mesh of several; a morph that a part does not have leaves that part still."""
    starts = np.cumsum([0, *[len(m.positions) for m in meshes]])
    names = list(dict.fromkeys(name for m in meshes for name in m.morphs))
    uvs = [m.uv for m in meshes if m.uv is not None]
    return Mesh(
        positions=np.concatenate([m.positions for m in meshes]),
        faces=np.concatenate([m.faces + start for m, start in zip(meshes, starts[:-1], strict=True)]),
        normals=np.concatenate([m.normals for m in meshes]),
        colours=np.concatenate([m.colours for m in meshes]),
        uv=np.concatenate(uvs) if len(uvs) == len(meshes) else None,
        morphs={name: np.concatenate([m.morphs.get(name, np.zeros_like(m.positions)) for m in meshes]) for name in names},
    )


def part(mesh: Mesh, kept: npt.NDArray[np.bool_]) -> Mesh:
    """The faces where `kept` (m,) is true, with the vertices they need."""
    faces = mesh.faces[kept]
    used = np.unique(faces)
    number = np.zeros(len(mesh.positions), np.int64)
    number[used] = np.arange(len(used))
    uv = None if mesh.uv is None else mesh.uv[used]
    morphs = {name: delta[used] for name, delta in mesh.morphs.items()}
    return Mesh(mesh.positions[used], number[faces], mesh.normals[used], mesh.colours[used], uv, morphs)


def seen(mesh: Mesh, cover: Field, depth: float) -> Mesh:
    """The mesh without the faces that lie wholly `depth` metres or more inside `cover`."""
    open_to_view: npt.NDArray[np.bool_] = cover(mesh.positions) >= -depth
    return part(mesh, np.any(open_to_view[mesh.faces], axis=1))


def mirror_of(mesh: Mesh) -> Mesh:
    """The other hand of the pair: `mesh` reflected in the plane x = 0. Morphs and uv are not carried over."""
    flip = np.array([-1.0, 1.0, 1.0])
    return Mesh(mesh.positions * flip, mesh.faces[:, ::-1], mesh.normals * flip, mesh.colours)


def vertex_normals(positions: Array, faces: Ints) -> Array:
    """Area-weighted smooth normals, (n, 3)."""
    a, b, c = (positions[faces[:, k]] for k in range(3))
    weighted = np.cross(b - a, c - a)
    normals = np.zeros_like(positions)
    for k in range(3):
        np.add.at(normals, faces[:, k], weighted)
    return unit(normals)


def facing(positions: Array, faces: Ints, outward: Array) -> Ints:
    """The faces, each turned so that its normal agrees with the per-vertex directions `outward`."""
    a, b, c = (positions[faces[:, k]] for k in range(3))
    wrong = (np.cross(b - a, c - a) * outward[faces].mean(1)).sum(1) < 0
    turned = faces.copy()
    turned[wrong] = turned[wrong][:, ::-1]
    return turned


def turned_out(positions: Array, faces: Ints, outward: Array) -> Ints:
    """Faces of one orientable sheet, all turned over together if most of their area looks against `outward`."""
    a, b, c = (positions[faces[:, k]] for k in range(3))
    agreement = (np.cross(b - a, c - a) * outward[faces].mean(1)).sum()
    return faces if agreement >= 0 else faces[:, ::-1]


def grid_faces(rows: int, columns: int, closed: bool = False) -> Ints:
    """Two triangles per cell of a rows x columns grid of vertices numbered row by row; `closed` joins last column to first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a = (r * columns + c).ravel()
    b = (r * columns + (c + 1) % columns).ravel()
    return np.concatenate([np.stack([a, b, b + columns], -1), np.stack([a, b + columns, a + columns], -1)])


def tube(path: Array, width: Array, height: Array, up: Array, sides: int = 10) -> Mesh:
    """A tapered tube of elliptic section along `path` (n, 3): half-axes `width` across and `height` along `up` (n, 3), metres."""
    along = unit(np.gradient(path, axis=0))
    across = unit(np.cross(along, up))
    lift = np.cross(across, along)
    a = np.arange(sides) / sides * 2 * np.pi
    ring = across[:, None] * np.cos(a)[:, None] * width[:, None, None] + lift[:, None] * np.sin(a)[:, None] * height[:, None, None]
    positions = (path[:, None] + ring).reshape(-1, 3)
    outward = unit(ring.reshape(-1, 3))
    faces = facing(positions, grid_faces(len(path), sides, closed=True), outward)
    return shell(positions, faces)


def polygonize(surface: Field, low: Array, high: Array, step: float, triangles: int) -> Mesh:
    """The zero surface of `surface` inside the box low..high: marching cubes at `step` metres, thinned to about `triangles`.

    Marching cubes: Lewiner et al. 2003 (scikit-image). Thinning: quadric edge collapse (fast-simplification); afterwards the
    vertices are evened out and settled back on the surface, so that nothing of the shape is lost but the count.
    """
    counts = np.ceil((high - low) / step).astype(int) + 1
    axes = [low[i] + step * np.arange(counts[i]) for i in range(3)]
    values = np.empty(counts)
    for i, x in enumerate(axes[0]):
        slab = np.stack(np.meshgrid(np.array([x]), axes[1], axes[2], indexing="ij"), -1).reshape(-1, 3)
        values[i] = snapped(surface(slab), 30).reshape(counts[1:])
    vertices, faces, _, _ = marching_cubes(values, 0.0, spacing=(step, step, step))  # type: ignore[no-untyped-call]
    vertices = snapped(settle(surface, vertices + low))
    faces = faces.astype(np.int64)
    if len(faces) > triangles:
        thin, thin_faces = fast_simplification.simplify(vertices.astype(np.float32), faces.astype(np.int32), 1 - triangles / len(faces))
        vertices, faces = thin.astype(np.float64), thin_faces.astype(np.int64)
        for _ in range(3):
            vertices = settle(surface, vertices + 0.5 * (neighbour_mean(vertices, faces) - vertices))
    normals = gradient(surface, vertices)
    return shell(vertices, facing(vertices, faces, normals), normals)


def neighbour_mean(values: Array, faces: Ints) -> Array:
    """For every vertex the mean of `values` (n, k) over the vertices it shares an edge with."""
    total, count = np.zeros_like(values), np.zeros(len(values))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        for i, j in ((a, b), (b, a)):
            np.add.at(total, faces[:, i], values[faces[:, j]])
            np.add.at(count, faces[:, i], 1.0)
    mean: Array = total / np.maximum(count, 1.0)[:, None]
    return mean


def midpoints(mesh: Mesh) -> Array:
    """The vertices with the middles of all edges and faces: the surface as points, dense enough to measure distances to."""
    a, b, c = (mesh.positions[mesh.faces[:, k]] for k in range(3))
    return np.concatenate([mesh.positions, (a + b) / 2, (b + c) / 2, (c + a) / 2, (a + b + c) / 3])
