"""The painted skin of the face: lips, brows, blush, nostrils, lines of age and the soft edge of the hair."""

import io

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

from avatar_assets.builder.geometry.sdf import Array, bump, smoothstep, snapped
from avatar_assets.builder.geometry.shading import linear
from avatar_assets.builder.head.face import FaceMesh
from avatar_assets.builder.head.head import SKULL_CENTRE
from avatar_assets.builder.person import Person

SIZE = 1024
COARSE = 128
"""The surface is found on this many points each way and interpolated for the painting."""
TURN = 1.75
"""The painting reaches this far to each side of the face, radians."""
TOP, BOTTOM = 0.145, -0.135
"""Heights of its upper and lower edge in head space, metres."""


def face_uv(face: FaceMesh) -> Array:
    """Texture coordinates of the face: unrolled around the vertical axis; the back of the head takes the plain lower edge."""
    p = face.positions
    turn = np.arctan2(p[:, 0], p[:, 2])
    down = np.clip((TOP - p[:, 1]) / (TOP - BOTTOM), 0.004, 0.996)
    behind = smoothstep(TURN - 0.1, TURN + 0.35, np.abs(turn))
    return np.stack([np.clip(0.5 + turn / (2 * TURN), 0, 1), down + (0.998 - down) * behind], -1)


def paint_face(person: Person, face: FaceMesh) -> bytes:
    """The face's texture as JPEG (sRGB, SIZE x SIZE)."""
    p = _surface(face)
    colours, f = person.colours, person.face
    skin, lips, blush, brow = (linear(c) for c in (colours.skin, colours.lips, colours.blush, colours.brows))
    x, y = p[..., 0], p[..., 1]
    image = np.broadcast_to(skin, p.shape).copy()
    image = _over(image, blush, _blush(x, y, f.width))
    image = _over(image, skin * (0.50, 0.34, 0.30), 0.55 * _lines(x, y, face) * f.lines + _lid_crease(x, y, face))
    image = _over(image, skin * (0.30, 0.14, 0.12), _nostrils(x, y - 0.0005 * f.nose_up, f.nose))
    image = _over(image, 0.5 * (skin + brow), f.stubble * _stubble(p))
    red, line = _lips(p, face, f.lips)
    image = _over(image, lips, red)
    image = _over(image, lips * 0.25, line)
    image = _over(image, brow, _brows(x, y, person))
    image = _over(image, linear(colours.hair), _hairline(p, person))
    edge = np.zeros(p.shape[:2])
    edge[-8:] = edge[:, :4] = edge[:, -4:] = 1.0
    image = _over(image, skin, edge)
    srgb = np.where(image <= 0.0031308, image * 12.92, 1.055 * np.clip(image, 1e-6, 1) ** (1 / 2.4) - 0.055)
    out = io.BytesIO()
    Image.fromarray(snapped(np.clip(srgb, 0, 1) * 255).round().astype(np.uint8)).save(out, "JPEG", quality=90, subsampling=0, optimize=True)
    return out.getvalue()


def above_hairline(person: Person, p: Array) -> Array:
    """How far points p (n, 3) of the head lie above the hairline, metres."""
    forehead, temple, nape = (v * 0.001 for v in person.hair.hairline)
    turn = np.abs(np.arctan2(p[:, 0], p[:, 2] - SKULL_CENTRE[2]))
    edge = np.interp(
        turn,
        [0.0, 0.45, 0.85, 1.15, 1.45, 1.80, 2.2, 3.15],
        [forehead, forehead - 0.004, (forehead + temple) / 2, temple, temple - 0.010, nape + 0.03, nape, nape],
    )
    above: Array = p[:, 1] - edge
    return above


def scalp_mask(person: Person, p: Array) -> Array:
    """How much of the head at p (n, 3) is covered by hair, 0..1."""
    return smoothstep(-0.004, 0.004, above_hairline(person, p))


def _surface(face: FaceMesh) -> Array:
    """The point of the skin under every pixel, (SIZE, SIZE, 3)."""
    turn = np.linspace(-TURN, TURN, COARSE)
    height = np.linspace(TOP, BOTTOM, COARSE)
    a, h = np.meshgrid(turn, height)
    coarse = face.shape.wrap(a.ravel(), h.ravel()).reshape(COARSE, COARSE, 3)
    return np.stack([zoom(coarse[..., k], SIZE / COARSE, order=1, grid_mode=False) for k in range(3)], -1)


def _over(image: Array, colour: Array, share: Array) -> Array:
    return image + (colour - image) * np.clip(share, 0, 1)[..., None]


def _blush(x: Array, y: Array, width: float) -> Array:
    cheeks = 0.46 * bump(np.abs(x) - 0.054 * width, 0.021) * bump(y + 0.034, 0.016)
    return cheeks + 0.26 * bump(x, 0.014) * bump(y + 0.033, 0.011)


def _nostrils(x: Array, y: Array, nose: float) -> Array:
    return 0.85 * smoothstep(1.3, 0.5, np.hypot((np.abs(x) - 0.0068 * nose) / 0.0040, (y + 0.0415 + 0.0012 * (nose - 1)) / 0.0017))


def _lines(x: Array, y: Array, face: FaceMesh) -> Array:
    """Folds from the nose to the corners of the mouth, crow's feet, the forehead's lines and bags under the eyes."""
    t = np.clip((-0.036 - y) / 0.026, 0, 1)
    fold = bump(np.abs(x) - (0.0175 + 0.0150 * t**1.3), 0.0016) * smoothstep(0, 0.25, t) * smoothstep(1, 0.7, t) * (t > 0)
    outer_x, outer_y = 0.0375 + face.lids.half_width, 0.004 + face.shape.face.eye_tilt * face.lids.half_width
    feet = np.zeros_like(x)
    for slope in (0.45, 0.0, -0.45):
        along = (np.abs(x) - outer_x - 0.004) / 0.010
        feet += bump(y - outer_y - slope * (np.abs(x) - outer_x), 0.0008) * smoothstep(0, 0.3, along) * smoothstep(1, 0.5, along)
    forehead = np.zeros_like(x)
    for height, width in ((0.062, 0.030), (0.072, 0.036), (0.082, 0.030)):
        arch = 0.004 * np.cos(x / 0.034 * np.pi) * bump(x, 0.05)
        forehead += bump(y - height - arch, 0.0009) * smoothstep(width, width * 0.6, np.abs(x))
    u = np.clip((np.abs(x) - 0.0370) / (face.lids.half_width * 0.9), -1, 1)
    bags = bump(y - 0.004 + face.lids.below * (1.30 + 0.32 * np.sqrt(1 - u**2)), 0.0012) * smoothstep(1, 0.6, np.abs(u))
    lines: Array = fold + 0.6 * feet + 0.40 * forehead + 0.45 * bags
    return lines


def _stubble(p: Array) -> Array:
    """Where a beard would grow: from the sideburns along the jaw to chin and upper lip; finely grained."""
    x, y = np.abs(p[..., 0]), p[..., 1]
    turn = np.abs(np.arctan2(p[..., 0], p[..., 2]))
    edge = np.interp(turn, [0.0, 0.24, 0.36, 0.55, 0.80, 1.10, 1.30, 1.55], [-0.046, -0.046, -0.056, -0.064, -0.058, -0.040, -0.005, 0.030])
    grain = 0.5 + 0.5 * np.sin(p[..., 0] * 5200 + 3 * np.sin(y * 2100)) * np.sin(y * 5600 + 3 * np.sin(p[..., 0] * 1900))
    beside_chin = 1 - 0.5 * bump(x - 0.016, 0.008) * bump(y + 0.087, 0.008)  # thinner beside the middle of the lower lip
    beard: Array = smoothstep(0.006, -0.008, y - edge) * smoothstep(1.62, 1.45, turn) * beside_chin * (0.62 + 0.38 * grain)
    return beard


def _lid_crease(x: Array, y: Array, face: FaceMesh) -> Array:
    """The fold above the upper lid."""
    u = np.clip((np.abs(x) - 0.0375) / (face.lids.half_width * 1.08), -1, 1)
    crease = 0.004 + face.lids.above * 1.26 * np.sqrt(1 - u**2) ** 0.9 + face.shape.face.eye_tilt * u * face.lids.half_width
    return 0.55 * bump(y - crease, 0.0010) * smoothstep(1, 0.8, np.abs(u))


def _lips(p: Array, face: FaceMesh, fullness: float) -> tuple[Array, Array]:
    """The red of the lips, and the dark line between them."""
    x, half = p[..., 0], face.mouth.half_width * 1.03
    y = p[..., 1] - face.mouth.line(x)
    u = np.clip(np.abs(x) / half, 0, 1)
    bow = 1 - 0.22 * bump(x, 0.0036) + 0.06 * bump(np.abs(x) - 0.0062, 0.004)
    above = 0.0088 * fullness * (1 - u**1.7) * bow
    below = 0.0106 * fullness * (1 - u**2.2) ** 0.85
    soft = 0.0007
    red = np.where(y > 0, smoothstep(soft, -soft, y - above), smoothstep(soft, -soft, -y - below))
    inside = (np.abs(x) < half) & (p[..., 2] > 0.05)
    return 0.92 * red * inside, 0.75 * bump(y, 0.0008) * smoothstep(1.0, 0.9, np.abs(x) / half) * inside


def _brows(x: Array, y: Array, person: Person) -> Array:
    """Tapered brows, a little softer at the inner end, with the direction of the hair just visible."""
    f = person.face
    u = (np.abs(x) - 0.0150) / 0.0455
    inside = np.clip(u, 0, 1)
    rise = 0.0064 * np.sin(np.pi * np.clip(inside * 0.84 + 0.15, 0, 1)) - 0.0022 * inside
    middle = 0.0402 + f.brow_height * 0.001 + f.brow_arch * rise
    half = 0.0042 * f.brow_thickness * (0.72 + 0.28 * smoothstep(0, 0.25, inside)) * (1 - 0.72 * smoothstep(0.35, 1.0, inside))
    over = (y - middle) / half
    body = smoothstep(1.15, 0.75, np.abs(over)) * smoothstep(-0.04, 0.06, u) * smoothstep(1.02, 0.96, u)
    hairs = 0.5 + 0.5 * np.sin((np.abs(x) * 0.9 - y * (0.9 - 1.1 * inside)) * 3800)
    return body * (0.97 - 0.22 * hairs * smoothstep(0.15, 0.9, np.abs(over)) - 0.16 * hairs * smoothstep(0.3, 0.0, inside))


def _hairline(p: Array, person: Person) -> Array:
    """Where the scalp's hair begins: a soft edge, broken into fine strands."""
    strands = 0.0022 * np.sin(np.arctan2(p[..., 0], p[..., 2]) * 210) * np.sin(np.arctan2(p[..., 0], p[..., 2]) * 47)
    shifted = p + np.stack([np.zeros_like(strands), strands, np.zeros_like(strands)], -1)
    return 0.94 * scalp_mask(person, shifted.reshape(-1, 3)).reshape(p.shape[:2])
