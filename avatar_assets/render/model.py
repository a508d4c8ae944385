"""What a person is made of, once the file is read: meshes with their morphs, nodes, materials, pictures.

Lengths are metres, angles radians, colours linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Toon:
    """How VRM's MToon shades a surface: lit or in the shade, with little between."""

    shade: tuple[float, float, float]
    """The base colour in the shade, linear."""
    shift: float
    """Where the shade begins, -1 to 1."""
    toony: float
    """How sharp its edge is, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface takes the light."""

    colour: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """Linear, and how opaque it is."""
    roughness: float = 1.0
    picture: int | None = None
    """Index into `Model.pictures`."""
    double_sided: bool = False
    unlit: bool = False
    alpha: str = "OPAQUE"
    """``OPAQUE``, ``MASK`` (there or not, by `cutoff`) or ``BLEND``."""
    cutoff: float = 0.5
    repeats: tuple[bool, bool] = (True, True)
    """Whether the picture begins anew beyond its edges, across and down."""
    toon: Toon | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Morph:
    """The vertices that a morph target moves."""

    vertices: NDArray[np.int64]
    """Shape (k,): which."""
    deltas: Array
    """Shape (k, 6): displacement of position and of normal at weight one."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """One drawable part."""

    name: str
    shape: Array
    """Shape (n, 6): position and normal."""
    colours: Array
    """Shape (n, 3), linear."""
    uv: Array
    """Shape (n, 2)."""
    joints: NDArray[np.uint16]
    """Shape (n, 4): indices into `Model.joints`."""
    weights: Array
    """Shape (n, 4), each row sums to 1."""
    triangles: NDArray[np.uint32]
    """Shape (m, 3)."""
    material: Material
    morphs: dict[str, Morph] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One bone or group, in its parent's axes."""

    name: str
    parent: int | None
    """Index of a node that stands earlier in `Model.nodes`."""
    matrix: NDArray[np.float64]
    """Shape (4, 4): the resting transformation."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A person."""

    nodes: tuple[Node, ...]
    joints: tuple[tuple[int, NDArray[np.float64]], ...]
    """Nodes that move vertices, each with its inverse bind matrix (4, 4)."""
    meshes: tuple[Mesh, ...]
    pictures: tuple[bytes, ...]
    """Encoded images (PNG, JPEG, WebP)."""
    places: dict[int, int]
    """Number of a node in the file → its index in `nodes`."""
