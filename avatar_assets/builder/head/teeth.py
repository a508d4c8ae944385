"""Inside the mouth: two rows of teeth and a tongue that moves with the visemes."""

import numpy as np
from scipy.spatial import ConvexHull

from avatar_assets.builder.geometry.mesh import Mesh, facing, grid_faces, joined, shell
from avatar_assets.builder.geometry.sdf import Array, smoothstep, snapped, unit
from avatar_assets.builder.geometry.shading import linear
from avatar_assets.builder.head.expressions import MOUTH_SHAPES
from avatar_assets.builder.head.face import FaceMesh
from avatar_assets.builder.head.head import MOUTH_HEIGHT
from avatar_assets.builder.head.mouth import MouthPose, jaw_turn

TOOTH, GUM, TONGUE = linear("#f7f2ea"), linear("#b9625f"), linear("#cd6b68")
ARCH_WIDTH, ARCH_DEPTH = 0.0205, 0.0130
"""Half-width of the dental arch and how far its ends lie behind its middle, metres."""
TEETH_PER_ROW = 8
COLUMNS, ROWS = TEETH_PER_ROW * 4 + 1, 5
ROW_VERTICES = COLUMNS * ROWS
"""Vertices of one row of teeth; in the mesh the upper row comes first, then the lower, then the tongue."""
TONGUE_SIZE = np.array([0.0150, 0.0046, 0.0230])
TONGUE_OUT = MouthPose(tongue_forward=30.0, tongue_up=-3.0)


def build_mouth_inside(face: FaceMesh) -> Mesh:
    """Teeth and tongue in head space, with the morphs that move them."""
    front = float(face.positions[np.argmin(np.abs(face.positions[:64, 0]))][2])
    upper = _row(MOUTH_HEIGHT + 0.0008, MOUTH_HEIGHT + 0.0100, front - 0.0098)
    lower = _row(MOUTH_HEIGHT - 0.0012, MOUTH_HEIGHT - 0.0092, front - 0.0128)
    tongue = _tongue(np.array([0.0, MOUTH_HEIGHT - 0.0070, front - 0.0360]))
    shade = [0.35 + 0.65 * smoothstep(front - 0.040, front - 0.008, part.positions[:, 2]) for part in (upper, lower, tongue)]
    for part, dark in zip((upper, lower, tongue), shade, strict=True):
        part.colours = part.colours * dark[:, None]
    whole = joined(upper, lower, tongue)
    with_jaw = np.r_[np.zeros(len(upper.positions)), np.ones(len(lower.positions)), np.full(len(tongue.positions), 0.92)]
    is_tongue = np.r_[np.zeros(len(upper.positions) + len(lower.positions)), np.ones(len(tongue.positions))]
    for name, pose in {**MOUTH_SHAPES, "tongueOut": TONGUE_OUT}.items():
        moved = with_jaw[:, None] * jaw_turn(whole.positions, pose.jaw) + _tongue_moved(whole.positions, front, pose) * is_tongue[:, None]
        moved = (
            moved
            + (1 - is_tongue)[:, None]
            * np.stack([np.zeros_like(with_jaw), 1 - 2 * with_jaw, np.full_like(with_jaw, -1.0)], -1)
            * pose.teeth_back
            * 0.001
        )
        if np.abs(moved).max() > 1e-6:
            whole.morphs[name] = moved
    whole.morphs["jawForward"] = with_jaw[:, None] * (0, 0, 0.008)
    whole.morphs["jawLeft"] = with_jaw[:, None] * (0.010, 0, -0.001)
    whole.morphs["jawRight"] = with_jaw[:, None] * (-0.010, 0, -0.001)
    return whole


def _row(edge: float, gum: float, depth: float) -> Mesh:
    """A row of teeth as a scalloped band from the cutting `edge` to the `gum` (heights), its middle at `depth`."""
    across = np.linspace(-1, 1, COLUMNS)
    down = np.linspace(0, 1, ROWS)
    tooth = np.abs(np.sin((across + 1) / 2 * TEETH_PER_ROW * np.pi))  # 0 in the gaps, 1 in a tooth's middle
    gap = 1 - np.clip(tooth / 0.35, 0, 1)
    edge_y = edge + (gum - edge) * (0.05 * gap + 0.16 * across**2)
    x = np.repeat((ARCH_WIDTH * across)[None], len(down), 0)
    y = edge_y + (gum - edge_y) * down[:, None]
    bulge = 0.0015 * np.sqrt(np.clip(1 - (2 * down[:, None] - 0.9) ** 2, 0, 1))
    z = depth - ARCH_DEPTH * across**2 + bulge - 0.0007 * gap
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    faces = facing(points, grid_faces(ROWS, COLUMNS), np.tile((0.0, 0.0, 1.0), (len(points), 1)))
    row = shell(points, faces)
    pink = smoothstep(0.72, 0.86, np.repeat(down, COLUMNS) + 0.10 * np.tile(gap, len(down)))
    enamel = TOOTH * (1 - 0.22 * np.tile(gap, len(down)))[:, None]
    row.colours = enamel + (GUM - enamel) * pink[:, None]
    return row


def _tongue(centre: Array) -> Mesh:
    polar, turn = np.linspace(0, np.pi, 11)[1:-1], np.arange(14) / 14 * 2 * np.pi
    ring = np.stack(
        [np.outer(np.sin(polar), np.sin(turn)), np.outer(np.sin(polar), np.cos(turn)), np.repeat(np.cos(polar)[:, None], 14, 1)], -1
    ).reshape(-1, 3)
    ball = np.concatenate([[[0, 0, 1.0]], ring, [[0, 0, -1.0]]])
    points = ball * TONGUE_SIZE
    points[:, 1] -= 0.0012 * np.exp(-((points[:, 0] / 0.004) ** 2)) * (ball[:, 1] > 0)  # the furrow
    faces = facing(points, ConvexHull(snapped(ball, 30)).simplices.astype(np.int64), unit(ball / TONGUE_SIZE))
    tongue = shell(points + centre, faces)
    tongue.colours = np.tile(TONGUE, (len(points), 1))
    return tongue


def _tongue_moved(p: Array, front: float, pose: MouthPose) -> Array:
    """The tip goes where the pose says, the root stays; the back may rise."""
    tip = smoothstep(front - 0.050, front - 0.012, p[:, 2])
    back = smoothstep(front - 0.018, front - 0.036, p[:, 2])
    up = pose.tongue_up * tip**1.5 + pose.tongue_back * back
    return np.stack([np.zeros(len(p)), up * 0.001, pose.tongue_forward * 0.001 * tip], -1)
