"""Eyeballs with painted irises, and the catch lights that make them look alive."""

import io

import numpy as np
from PIL import Image

from avatar_assets.builder.geometry.mesh import Mesh, facing, joined, shell
from avatar_assets.builder.geometry.sdf import Array, smoothstep, snapped, unit
from avatar_assets.builder.geometry.shading import srgb
from avatar_assets.builder.head.head import EYE_RADIUS
from avatar_assets.builder.skeleton import EYE_CENTRE, SIDES, turn_x, turn_y

LOOK = np.radians(24)
"""How far eyeLookIn and eyeLookOut turn the eye at weight one; up and down three quarters of it."""
TEXTURE_SIZE = 256
TEXTURE_REACH = 0.84
"""The texture covers this part of the eyeball's radius to each side of its middle."""
IRIS, PUPIL = 0.65, 0.29
"""Radii as parts of the texture's half-width."""


def build_eyes() -> Mesh:
    """Both eyeballs in head space; gaze is in the eyeLook morphs."""
    eyes = []
    for side, sign in SIDES:
        ball, faces = _cap(segments=24, rings=9, reach=0.62 * np.pi)
        eye = shell(ball * EYE_RADIUS + EYE_CENTRE * (sign, 1, 1), faces, ball)
        eye.uv = np.stack([0.5 + ball[:, 0] * 0.5 / TEXTURE_REACH, 0.5 - ball[:, 1] * 0.5 / TEXTURE_REACH], -1)
        turns = {"In": turn_y(-LOOK * sign), "Out": turn_y(LOOK * sign), "Up": turn_x(-LOOK * 0.75), "Down": turn_x(LOOK * 0.75)}
        eye.morphs = {f"eyeLook{way}{side}": (ball @ turn.T - ball) * EYE_RADIUS for way, turn in turns.items()}
        eyes.append(eye)
    both = joined(*eyes)
    for way in ("Up", "Down"):
        both.morphs[f"eyesLook{way}"] = both.morphs[f"eyeLook{way}Left"] + both.morphs[f"eyeLook{way}Right"]
    return both


def _cap(segments: int, rings: int, reach: float) -> tuple[Array, np.typing.NDArray[np.int64]]:
    """The front of a unit sphere about +z, down to the polar angle `reach`."""
    polar = np.linspace(0, reach, rings)[1:]
    turn = np.arange(segments) / segments * 2 * np.pi
    ring = np.stack(
        [np.outer(np.sin(polar), np.cos(turn)), np.outer(np.sin(polar), np.sin(turn)), np.repeat(np.cos(polar)[:, None], segments, 1)], -1
    )
    points = np.concatenate([[[0, 0, 1.0]], ring.reshape(-1, 3)])
    i = np.arange(segments)
    fan = np.stack([np.zeros_like(i), 1 + i, 1 + (i + 1) % segments], -1)
    strips = [fan]
    for k in range(rings - 2):
        a, b = 1 + k * segments + i, 1 + k * segments + (i + 1) % segments
        strips += [np.stack([a, a + segments, b + segments], -1), np.stack([a, b + segments, b], -1)]
    return points, facing(points, np.concatenate(strips).astype(np.int64), points)


def paint_eye(iris: str) -> bytes:
    """The eyeball's texture as JPEG: white, iris with rays and a dark rim, pupil, the upper lid's soft shadow."""
    size = TEXTURE_SIZE * 2
    v, u = np.mgrid[0:size, 0:size] / (size / 2) - 1.0
    r, angle = np.hypot(u, v), np.arctan2(v, u)
    image = np.array([0.965, 0.955, 0.945]) * (1 - 0.10 * smoothstep(0.55, 1.0, r))[..., None]
    depth = np.clip((r - PUPIL) / (IRIS - PUPIL), 0, 1)
    rays = 0.5 + 0.5 * np.sin(angle * 37 + 2 * np.sin(angle * 11))
    glow = (0.66 + 0.85 * np.clip(v * 0.9 + 0.45, 0, 1)) * (0.84 + 0.16 * rays * (1 - depth)) * (1 - 0.66 * smoothstep(0.76, 1.0, depth))
    image = _over(
        image, srgb(iris) * glow[..., None] + 0.08 * ((1 - depth) * (v > 0))[..., None], smoothstep(IRIS + 0.012, IRIS - 0.012, r)
    )
    image = _over(image, np.array([0.03, 0.022, 0.025]), smoothstep(PUPIL + 0.012, PUPIL - 0.012, r))
    image = image * (1 - 0.34 * smoothstep(-0.15, -0.75, v))[..., None]
    pixels = snapped(np.clip(image, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(pixels).resize((TEXTURE_SIZE, TEXTURE_SIZE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=93, subsampling=0, optimize=True)
    return out.getvalue()


def _over(below: Array, above: Array, share: Array) -> Array:
    return below * (1 - share)[..., None] + above * share[..., None]


def build_catch_lights() -> Mesh:
    """Two small bright discs per eye, just over the cornea; a blink takes them away."""
    lights = []
    for side, sign in SIDES:
        for x, y, radius in ((-0.0050, 0.0060, 0.0031), (0.0046, -0.0050, 0.0014)):
            light = _disc(EYE_CENTRE * (sign, 1, 1), unit(np.array([x, y, EYE_RADIUS])), radius)
            light.morphs[f"eyeBlink{side}"] = np.tile((0.0, -0.004, -0.012), (len(light.positions), 1))
            light.morphs["eyesClosed"] = light.morphs[f"eyeBlink{side}"]
            lights.append(light)
    return joined(*lights)


def _disc(centre: Array, direction: Array, radius: float, sides: int = 10) -> Mesh:
    across = unit(np.cross((0.0, 1.0, 0.0), direction))
    up = np.cross(direction, across)
    a = np.arange(sides) / sides * 2 * np.pi
    rim = direction * EYE_RADIUS + (np.outer(np.cos(a), across) + np.outer(np.sin(a), up)) * radius
    points = centre + unit(np.concatenate([[direction], rim])) * (EYE_RADIUS + 0.0007)
    i = np.arange(sides)
    faces = np.stack([np.zeros_like(i), 1 + i, 1 + (i + 1) % sides], -1)
    return shell(points, faces, np.tile(direction, (len(points), 1)))
