"""Finds what nobody will ever see: half of a head is its back. Without a graphics card a picture is paid for by the triangle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.render.acting import Pose
from avatar_assets.render.figure import Figure
from avatar_assets.render.model import Mesh
from avatar_assets.render.stage import Camera

HERE = Path(__file__).resolve().parent
_SIDEWAYS, _UPRIGHT = (-0.25, -0.12, 0.0, 0.12, 0.25), (-0.2, 0.0, 0.2)
"""How far head and shoulders are turned in the rehearsal, in radians: further than they ever are in a film."""
_FINE = 1152
"""Pixels of the rehearsal's shorter side at least: slits are narrow."""
_RINGS = 2
"""How many times the neighbours of what was seen are kept with it."""
_SHOULDERS = 0.3
"""Their share of the turn."""


def seen(
    gl: Any, figure: Figure, camera: Camera, bones: Any, *, meshes: Sequence[Mesh], size: tuple[int, int], gestures: Sequence[Pose] = ()
) -> list[NDArray[np.bool_]]:
    """Rehearse the turns of the head and the gestures, and note which triangles come into view.

    Parts that change their shape are kept whole, and so are those that can be seen through, and arms that make gestures. Of the
    others, triangles near a seen one are kept with it.

    Args:
        gl: where it is drawn.
        figure: who turns.
        camera: from where it is seen.
        bones: the uniform buffer of the bones, bound to 0.
        meshes: everything that is in the picture.
        size: of the picture, in pixels.
        gestures: what arms do.

    Returns:
        For each mesh, which of its triangles to keep: shape (triangles,).
    """
    program = gl.program(vertex_shader=source("person.vert"), fragment_shader=source("triangle.frag"))
    program["Bones"].binding = 0
    program["to_picture"].write(np.ascontiguousarray(camera.matrix.T, np.float32))
    firsts = np.cumsum([0, *(len(mesh.triangles) for mesh in meshes)])
    scale = -(-_FINE // min(size))
    size = (size[0] * scale, size[1] * scale)
    picture = gl.framebuffer([gl.renderbuffer(size, 4)], gl.depth_renderbuffer(size))
    arrays = [_array(gl, program, mesh) for mesh in meshes]
    noted = np.zeros(firsts[-1] + 1, bool)
    gl.enable(gl.DEPTH_TEST)
    turned = [
        Pose({}, {"Spine2": (0.0, _SHOULDERS * yaw, 0.0), "Head": (pitch, (1 - _SHOULDERS) * yaw, yaw / 2)})
        for yaw, pitch in itertools.product(_SIDEWAYS, _UPRIGHT)
    ]
    for pose in (*turned, *gestures):
        bones.write(figure.bones(figure.stand(pose, camera.place)[0]))
        picture.use()
        picture.clear()
        for mesh, array, first in zip(meshes, arrays, firsts, strict=False):
            if mesh.material.alpha != "OPAQUE":
                continue  # it hides nothing
            (gl.disable if mesh.material.double_sided else gl.enable)(gl.CULL_FACE)
            program["first"] = int(first)
            array.render(gl.TRIANGLES)
        noted[np.frombuffer(picture.read(components=4), "<u4")] = True
    for thing in (picture, program, *arrays):
        thing.release()
    limbs = figure.limbs() if gestures else np.zeros(len(figure.limbs()), bool)
    return [_kept(mesh, noted[first + 1 : first + 1 + len(mesh.triangles)], limbs) for mesh, first in zip(meshes, firsts, strict=False)]


def source(name: str) -> str:
    """The text of a shader."""
    return (HERE / name).read_text(encoding="utf-8")


def _array(gl: Any, program: Any, mesh: Mesh) -> Any:
    parts = [(mesh.shape, "3f 3x4", ("position",)), (mesh.joints, "4u2", ("joints",)), (mesh.weights, "4f", ("weights",))]
    buffers = [(gl.buffer(np.ascontiguousarray(values).tobytes()), form, *names) for values, form, names in parts]
    return gl.vertex_array(program, buffers, gl.buffer(mesh.triangles.tobytes()))


def _kept(mesh: Mesh, noted: NDArray[np.bool_], limbs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if mesh.morphs or mesh.material.alpha != "OPAQUE":
        return np.ones(len(mesh.triangles), bool)
    touched = np.zeros(len(mesh.shape), bool)
    for _ in range(_RINGS):
        touched[mesh.triangles[noted]] = True
        noted = np.asarray(touched[mesh.triangles].any(axis=1))
    moved = (mesh.weights * limbs[mesh.joints]).sum(axis=1) > 0
    return np.asarray(noted | moved[mesh.triangles].any(axis=1))
