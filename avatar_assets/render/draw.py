"""Draws a person into pixels with OpenGL, without a window: a graphics card where there is one, else the processor (Mesa's llvmpipe)."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.render import stage
from avatar_assets.render.acting import Pose
from avatar_assets.render.avatar import Avatar
from avatar_assets.render.figure import Figure
from avatar_assets.render.gltf import MOST_JOINTS
from avatar_assets.render.model import Material, Mesh, Toon
from avatar_assets.render.unseen import seen, source
from engines.errors import EngineError, InputError, MissingDependency

INSTALL = "pip install moderngl"
WITHOUT_EGL = "Drawing without a window needs EGL, which does not work here"
EGL_PACKAGES = "apt-get install libegl1 libgl1 libgl1-mesa-dri"

_EGL_DEVICES = 8
"""More than any machine names."""
_SRGB8, _SRGB8_ALPHA8 = 0x8C41, 0x8C43
"""OpenGL's names for pictures in sRGB, which it turns into linear light."""
_ORDER = ("OPAQUE", "MASK", "BLEND")
"""What can be seen through comes last."""
_SMALLEST_WEIGHT = 1e-4
_SMOOTHEST = 0.0525
"""three's least roughness: below it, highlights are smaller than a pixel."""


def context() -> Any:
    """A drawing context of moderngl (OpenGL 3.3), to be released by whoever asked for it.

    Raises:
        MissingDependency: moderngl is not installed.
        EngineError: code ``no_egl``: there is no way to draw here; says what to install.
    """
    moderngl = _moderngl()
    if not sys.platform.startswith("linux"):
        try:
            return moderngl.create_context(standalone=True, require=330)
        except Exception as error:  # moderngl raises plain ones
            raise EngineError(f"This machine offers no OpenGL 3.3 to draw with ({_reason(error)}).", code="no_egl") from error
    problem: Exception | None = None
    for device in range(_EGL_DEVICES):  # the first may be a card that belongs to somebody else; the processor comes last
        try:
            return moderngl.create_context(standalone=True, require=330, backend="egl", device_index=device)
        except Exception as error:
            problem = problem or error
    raise EngineError(f"{WITHOUT_EGL} ({_reason(problem)}). On Debian and Ubuntu: {EGL_PACKAGES}", code="no_egl") from problem


def _reason(error: Exception | None) -> str:
    return str(error).strip().rstrip(".")


class Painter:
    """Draws one person again and again, in any pose. To be used by one thread, and closed."""

    def __init__(self, avatar: Avatar, room: NDArray[np.uint8], view: str = stage.FIRST_VIEW, gestures: Sequence[Pose] = ()) -> None:
        """Bring everything to where it is drawn.

        Edges are not smoothed: draw larger than needed and scale down, which a film does anyway when it changes the colours' form.

        Args:
            avatar: the person.
            room: what is behind the person, shape (height, width, 3), sRGB, top row first; the picture has its size.
            view: one of `stage.VIEWS`.
            gestures: what the arms will do, as samples.

        Raises:
            EngineError: what `context` raises; InputError with code ``avatar`` where the avatar cannot be drawn.
        """
        self._figure = Figure(avatar)
        height, width, _ = room.shape
        self._camera = stage.camera(view, self._figure.eyes, width, height)
        self._gl = context()
        try:
            with self._gl:  # there may be other contexts in this process
                self._prepare(avatar, room, gestures)
        except BaseException:
            self.close()
            raise

    @property
    def renderer(self) -> str:
        """What draws: the name of the card, or llvmpipe."""
        return str(self._gl.info["GL_RENDERER"])

    def draw(self, pose: Pose) -> NDArray[np.uint8]:
        """The picture, shape (height, width, 3), sRGB, top row first."""
        joints, weights = self._figure.stand(pose, self._camera.place)
        with self._gl:
            self._bones.write(self._figure.bones(joints))
            self._gl.copy_framebuffer(self._canvas, self._room)
            self._canvas.use()
            self._canvas.depth_mask = True
            for part in self._parts:
                if part.blends:
                    self._canvas.depth_mask = False
                part.draw(weights)
            data = self._canvas.read(components=3, alignment=1)
        width, height = self._canvas.size
        return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1])

    def close(self) -> None:
        """Give everything back."""
        self._gl.release()

    def __enter__(self) -> Painter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _prepare(self, avatar: Avatar, room: NDArray[np.uint8], gestures: Sequence[Pose]) -> None:
        gl, size, model = self._gl, room.shape[1::-1], avatar.model
        self._canvas = gl.framebuffer([gl.renderbuffer(size, 4)], gl.depth_renderbuffer(size))
        behind = gl.texture(size, 4)
        self._room = gl.framebuffer([behind], gl.depth_renderbuffer(size))
        self._room.clear()  # nothing is near
        behind.write(np.dstack([room[::-1], np.full(room.shape[:2], 255, np.uint8)]).tobytes())
        gl.enable(gl.DEPTH_TEST)
        self._bones = gl.buffer(reserve=MOST_JOINTS * 64)
        self._bones.bind_to_uniform_block(0)
        kept = seen(gl, self._figure, self._camera, self._bones, meshes=model.meshes, size=size, gestures=gestures)
        shown = [(mesh, mesh.triangles[keep]) for mesh, keep in zip(model.meshes, kept, strict=True) if keep.any()]
        shown.sort(key=lambda one: _ORDER.index(one[0].material.alpha))
        programs = {kind: self._program(*kind) for kind in {_kind(mesh.material) for mesh, _ in shown}}
        textures: dict[tuple[int, tuple[bool, bool]], Any] = {}
        self._parts = []
        for mesh, triangles in shown:
            material, texture = mesh.material, None
            if material.picture is not None:
                key = (material.picture, material.repeats)
                if key not in textures:
                    textures[key] = self._texture(model.pictures[material.picture], material.repeats)
                texture = textures[key]
            self._parts.append(_Part(gl, programs[_kind(material)], mesh, triangles, texture))

    def _program(self, *kinds: str) -> Any:
        """The surface shader under the stage's light, for surfaces that need no more than these kinds: everything costs time."""
        _, version, pixel = source("person.frag").partition("#version 330\n")
        defined = "".join(f"#define {kind}\n" for kind in kinds)
        program = self._gl.program(vertex_shader=source("person.vert"), fragment_shader=version + defined + pixel)
        direction, strength = stage.light()
        program["to_picture"].write(np.ascontiguousarray(self._camera.matrix.T, np.float32))
        for name, value in {
            "camera": tuple(self._camera.place),
            "light_from": direction,
            "light": strength,
            "ambient": stage.AMBIENT,
            "environment": stage.ENVIRONMENT,
            "room": stage.ROOM,
            "toon_light": stage.TOON_LIGHT,
        }.items():
            if name in program:
                program[name] = value
        program["Bones"].binding = 0
        return program

    def _texture(self, picture: bytes, repeats: tuple[bool, bool]) -> Any:
        pixels = _decoded(picture)
        texture = self._gl.texture(pixels.shape[1::-1], 4, pixels.tobytes(), alignment=1, internal_format=_SRGB8_ALPHA8)
        texture.build_mipmaps()
        texture.filter = self._gl.LINEAR_MIPMAP_NEAREST, self._gl.LINEAR
        texture.repeat_x, texture.repeat_y = repeats
        return texture


class _Part:
    """One mesh where it is drawn."""

    def __init__(self, gl: Any, program: Any, mesh: Mesh, triangles: NDArray[np.uint32], texture: Any) -> None:
        self._gl, self._program, self._mesh, self._texture = gl, program, mesh, texture
        self.blends = mesh.material.alpha == "BLEND"
        self._settings = {name: value for name, value in _settings(mesh.material, texture is not None).items() if name in program}
        self.triangles = len(triangles)
        self._shape = gl.buffer(mesh.shape.astype(np.float32).tobytes())
        self._weights: dict[str, float] = {}
        still = [
            (mesh.colours.astype(np.float32), "3f", "colour"),
            (mesh.uv.astype(np.float32), "2f", "uv"),
            (mesh.joints, "4u2", "joints"),
            (mesh.weights.astype(np.float32), "4f", "weights"),
        ]
        buffers = [(gl.buffer(np.ascontiguousarray(values).tobytes()), kind, name) for values, kind, name in still]
        self._array = gl.vertex_array(
            program,
            [(self._shape, "3f 3f", "position", "normal"), *buffers],
            gl.buffer(np.ascontiguousarray(triangles).tobytes()),
            skip_errors=True,
        )

    def draw(self, weights: dict[str, float]) -> None:
        self._bend({name: weights[name] for name in self._mesh.morphs.keys() & weights.keys() if abs(weights[name]) > _SMALLEST_WEIGHT})
        material = self._mesh.material
        if self._texture is not None:
            self._texture.use(0)
        for name, value in self._settings.items():
            self._program[name] = value
        (self._gl.enable if self.blends else self._gl.disable)(self._gl.BLEND)
        (self._gl.disable if material.double_sided else self._gl.enable)(self._gl.CULL_FACE)
        self._array.render(self._gl.TRIANGLES)

    def _bend(self, weights: dict[str, float]) -> None:
        """Move the vertices to where the morphs want them."""
        if weights == self._weights:
            return
        self._weights = weights
        shape = self._mesh.shape.copy()
        for name in sorted(weights):  # in one order: sums of floats depend on it
            morph = self._mesh.morphs[name]
            shape[morph.vertices] += np.float32(weights[name]) * morph.deltas
        self._shape.write(shape)


def _kind(material: Material) -> tuple[str, ...]:
    """What `person.frag` has to do for a surface beyond the usual."""
    return ("SEE_THROUGH",) * (material.alpha != "OPAQUE") + ("TOON",) * (material.toon is not None)


def _settings(material: Material, pictured: bool) -> dict[str, Any]:
    """A surface in the shader's terms."""
    toon = material.toon or Toon((0.0, 0.0, 0.0), 0.0, 0.0)
    return {
        "pictured": pictured,
        "colour_factor": material.colour[:3],
        "roughness": max(material.roughness, _SMOOTHEST),
        "unlit": material.unlit,
        "alpha_factor": material.colour[3],
        "cutoff": material.cutoff if material.alpha == "MASK" else 0.0,
        "shade": toon.shade,
        "shade_edge": (toon.shift, toon.toony),
    }


def _decoded(picture: bytes) -> NDArray[np.uint8]:
    """A PNG, JPEG or WebP, shape (height, width, 4), top row first."""
    import av  # noqa: PLC0415 - heavy

    try:
        with av.open(io.BytesIO(picture), "r") as file:
            return np.asarray(next(file.decode(video=0)).to_ndarray(format="rgba"), np.uint8)
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise InputError("The avatar cannot be drawn: a picture in it is damaged.", code="avatar") from error


def _moderngl() -> ModuleType:
    try:
        import moderngl  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingDependency("Drawing a film", INSTALL) from error
    return moderngl
