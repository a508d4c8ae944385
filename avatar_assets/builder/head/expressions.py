"""The morph targets of the skin: the 52 ARKit shapes and the ones TalkingHead adds (names: Apple, ARFaceAnchor.BlendShapeLocation)."""

import numpy as np

from avatar_assets.builder.geometry.sdf import Array, bump, smoothstep, unit
from avatar_assets.builder.head.eyelids import LidTravel
from avatar_assets.builder.head.face import LEFT_EYE, MOUTH, RIGHT_EYE, FaceMesh
from avatar_assets.builder.head.mouth import MouthPose, jaw_share, jaw_turn
from avatar_assets.builder.head.visemes import VISEME_POSES
from avatar_assets.builder.skeleton import SIDES

JAW_OPEN = 14.0
"""Degrees of jawOpen at weight one."""
MOUTH_SHAPES: dict[str, MouthPose] = {
    "jawOpen": MouthPose(jaw=JAW_OPEN, upper=0.8, lower=19.0, round=0.4, width=0.95),
    "mouthFunnel": MouthPose(width=0.66, upper=3.2, lower=4.6, round=1.0, forward=8.0, teeth_back=3.6),
    "mouthPucker": MouthPose(width=0.58, upper=0.4, lower=0.6, forward=9.5, teeth_back=4.3),
    "mouthRollUpper": MouthPose(tuck_upper=5.5),
    "mouthRollLower": MouthPose(tuck_lower=5.5),
    "mouthOpen": MouthPose(jaw=JAW_OPEN / 2, upper=0.5, lower=9.0, round=0.4),
    **VISEME_POSES,
}
LIDS: dict[str, LidTravel] = {
    "eyeBlink": LidTravel(1.0, 1.0, 0.0040),
    "eyeSquint": LidTravel(0.04, 0.50, 0.0026),
    "eyeWide": LidTravel(-0.16, -0.08, 0.0016),
    "eyeLookDown": LidTravel(0.16, -0.08, 0.0024),
    "eyeLookUp": LidTravel(-0.13, 0.05, 0.0018),
    "browDown": LidTravel(-0.20, 0.0, 0.0016),  # TalkingHead adds half of browDown to the blink; this keeps a frown awake
    "eyeLookIn": LidTravel(0.0, 0.0, 0.0016),
    "eyeLookOut": LidTravel(0.0, 0.0, 0.0016),
}
SUMS: dict[str, dict[str, float]] = {
    "mouthSmile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
    "eyesClosed": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "eyesLookUp": {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0},
    "eyesLookDown": {"eyeLookDownLeft": 1.0, "eyeLookDownRight": 1.0},
}
"""Shapes that are other shapes together."""


def expressions(face: FaceMesh) -> dict[str, Array]:
    """Target name → displacement (n, 3) of every vertex of the face, metres at weight one."""
    skin: dict[str, Array] = {}
    for name, pose in MOUTH_SHAPES.items():
        skin[name] = face.mouth.displacement(face.lips, face.positions[: face.outer], pose)
    skin |= _jaw(face) | _middle(face)
    for side, sign in SIDES:
        skin |= {f"{name}{side}": delta for name, delta in (_corner(face, sign) | _brow_and_cheek(face, sign)).items()}
        for name, travel in LIDS.items():
            target = f"{name}{side}"
            skin[target] = skin.get(target, 0.0) + _lids(face, sign, travel)
    skin["tongueOut"] = np.zeros((face.outer, 3))
    jaws = {"jawForward": (0, 0, 0.008), "jawLeft": (0.010, 0, -0.001), "jawRight": (-0.010, 0, -0.001)}
    full = {name: face.spread(delta) for name, delta in skin.items()}
    for name, pose in MOUTH_SHAPES.items():
        full[name] += _mouth_floor(face, full[name], jaw_turn(face.positions, pose.jaw))
    for name, shift in jaws.items():
        full[name] += _mouth_floor(face, full[name], np.tile(np.array(shift), (len(face.positions), 1)))
    for name, parts in SUMS.items():
        full[name] = sum((full[part] * weight for part, weight in parts.items()), np.zeros_like(face.positions))
    return full


def _mouth_floor(face: FaceMesh, moved: Array, jaw: Array) -> Array:
    """What to add to the lower inside of the mouth so that it goes with the jaw and not with the lips."""
    lower = (face.group == MOUTH) & (face.lips.side[face.source] < 0)
    share = np.select([face.depth == 3, face.depth == 4, face.depth == 5], [1.0, 0.8, 0.35], 0.0) * lower
    touched = share > 0
    result: Array = np.where(touched[:, None], share[:, None] * jaw - moved, 0.0)
    return result


def _jaw(face: FaceMesh) -> dict[str, Array]:
    share = jaw_share(face.lips, face.positions[: face.outer])[:, None]
    return {
        "jawForward": share * (0, 0, 0.008),
        "jawLeft": share * (0.010, 0, -0.001),
        "jawRight": share * (-0.010, 0, -0.001),
    }


def _parts(face: FaceMesh) -> tuple[Array, Array, Array, Array, Array]:
    """x, y, front of the skin, and masks of the upper and the lower lip."""
    p, high = face.positions[: face.outer], np.abs(np.sin(face.lips.angle))
    upper = np.where(face.lips.side > 0, high**0.55, 0.0)
    lower = np.where(face.lips.side < 0, high**0.55, 0.0)
    return p[:, 0], p[:, 1], face.lips.front, upper, lower


def _stack(x: Array | float, y: Array | float, z: Array | float) -> Array:
    return np.stack(np.broadcast_arrays(x, y, z), -1).astype(np.float64)


def _middle(face: FaceMesh) -> dict[str, Array]:
    """Shapes that have no left and right."""
    x, y, front, upper, lower = _parts(face)
    ring = face.lips.ring
    near, wide = bump(ring, 0.55) * front, bump(ring, 1.0) * front
    inner_brow = bump(x, 0.026) * bump(y - 0.046, 0.020) * front
    puff = bump(np.abs(x) - 0.043, 0.021) * bump(y + 0.062, 0.022) * front
    closing = MouthPose(jaw=0.0, upper=-0.6, lower=-18.0)
    return {
        "mouthClose": face.mouth.displacement(face.lips, face.positions[: face.outer], closing),
        "mouthLeft": _stack(0.008 * wide, 0, 0),
        "mouthRight": _stack(-0.008 * wide, 0, 0),
        "mouthShrugLower": _stack(0, 0.0042 * lower * bump(ring, 0.9) * front, 0.0020 * lower * near),
        "mouthShrugUpper": _stack(0, 0.0034 * upper * bump(ring, 0.8) * front, 0.0014 * upper * near),
        "browInnerUp": _stack(0, 0.0070 * inner_brow, 0),
        "cheekPuff": puff[:, None] * unit(face.positions[: face.outer] * (1, 0.3, 1)) * 0.010,
    }


def _corner(face: FaceMesh, s: float) -> dict[str, Array]:
    """Shapes of one half of the mouth; `s` is +1 on the left."""
    x, y, front, upper, lower = _parts(face)
    ring, height = face.lips.ring, face.lips.height
    near = bump(ring, 0.55) * front
    corner_x = s * face.mouth.half_width * 1.02
    tight = bump(x - corner_x, 0.020) * bump(height, 0.018) * front
    loose = bump(x - corner_x, 0.030) * bump(height, 0.027) * front
    cheek = bump(x - s * 0.050, 0.022) * bump(y + 0.030, 0.020) * front
    half, third = smoothstep(-0.012, 0.012, s * x), bump(x - s * 0.011, 0.014)
    smile = _stack(
        s * (0.0080 * tight + 0.0025 * loose), 0.0082 * tight + 0.0022 * loose + 0.0030 * cheek, -0.0045 * tight + 0.0042 * cheek
    )
    smile += _stack(0, -0.0010 * half * near * upper, -0.0015 * half * near)
    wing = bump(x - s * 0.014, 0.011)
    return {
        "mouthSmile": smile,
        "mouthFrown": _stack(s * 0.0015 * tight, -0.0070 * tight - 0.0012 * loose, -0.0015 * tight),
        "mouthDimple": _stack(s * 0.0045 * tight, 0.0010 * tight, -0.0040 * tight),
        "mouthStretch": _stack(s * (0.0080 * tight + 0.0020 * loose), -0.0012 * tight, -0.0040 * tight),
        "mouthPress": _stack(0, (-0.0010 * upper + 0.0016 * lower) * near * third, -0.0018 * near * third),
        "mouthLowerDown": _stack(0, -0.0070 * lower * near * third, -0.0010 * lower * near * third),
        "mouthUpperUp": _stack(0, 0.0060 * upper * bump(ring, 0.8) * front * third, 0.0006 * upper * near * third),
        "noseSneer": _stack(s * 0.0010 * wing * bump(y + 0.036, 0.012) * front, 0.0042 * wing * bump(y + 0.030, 0.018) * front, 0),
    }


def _brow_and_cheek(face: FaceMesh, s: float) -> dict[str, Array]:
    x, y, front, _, _ = _parts(face)
    cheek = bump(x - s * 0.050, 0.022) * bump(y + 0.030, 0.020) * front
    whole = bump(x - s * 0.034, 0.028) * bump(y - 0.045, 0.019) * front
    inner = bump(x - s * 0.018, 0.020) * bump(y - 0.043, 0.019) * front
    outer = bump(x - s * 0.050, 0.022) * bump(y - 0.048, 0.020) * front
    return {
        "cheekSquint": _stack(0, 0.0042 * cheek, 0.0022 * cheek),
        "browDown": _stack(-s * 0.0022 * inner, -0.0042 * whole - 0.0026 * inner, 0.0012 * whole),
        "browOuterUp": _stack(0, 0.0066 * outer, 0),
    }


def _lids(face: FaceMesh, sign: float, travel: LidTravel) -> Array:
    moved = np.zeros((face.outer, 3))
    mine = np.nonzero(face.group[: face.outer] == (LEFT_EYE if sign > 0 else RIGHT_EYE))[0]
    moved[mine] = face.lids.displacement(face.ring[mine], face.angle[mine], sign, travel)
    return moved
