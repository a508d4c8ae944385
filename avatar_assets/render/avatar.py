"""Opens the file of a persona, checked and mended as the page does it: a GLB with bones and shapes under whatever name, or a VRM."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.checking.contract import CONTRACT, LIMITS, megabytes
from avatar_assets.checking.person import finding, inspect
from avatar_assets.checking.rig import BONES, along, both_sides, find_bones, judge, turn_of, worlds_of
from avatar_assets.render.face import GlbFace, VrmFace, expressions_in
from avatar_assets.render.gltf import UnfitError, model_of
from avatar_assets.render.model import Model
from engines.errors import InputError

Json = dict[str, Any]
Matrix = NDArray[np.float64]

ENDINGS = ("glb", "vrm")
"""Of a persona's avatar, in the order in which they are looked for."""
UNDERSTOOD = {
    "KHR_mesh_quantization", "KHR_texture_transform", "KHR_materials_unlit", "KHR_materials_emissive_strength", "EXT_texture_webp",
    "KHR_lights_punctual", "VRM", "VRMC_vrm", "VRMC_materials_mtoon", "VRMC_springBone", "VRMC_node_constraint",
    "VRMC_materials_hdr_emissiveMultiplier",
}  # fmt: skip
"""What a file may need without looking otherwise than it should."""
_FINGERS = {"Index": "Index", "Middle": "Middle", "Ring": "Ring", "Little": "Pinky"}
_JOINTS = ("Proximal", "Intermediate", "Distal")
_THUMBS = {"vrm0": _JOINTS, "vrm1": ("Metacarpal", "Proximal", "Distal")}
_HUMAN = {
    "Shoulder": "Shoulder", "UpperArm": "Arm", "LowerArm": "ForeArm", "Hand": "Hand", "Eye": "Eye",
    "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot", "Toes": "ToeBase",
}  # fmt: skip
"""VRM's limbs in the contract's names."""
_SPINE = {"hips": "Hips", "spine": "Spine", "chest": "Spine1", "upperChest": "Spine2", "neck": "Neck", "head": "Head"}


@dataclass(frozen=True, slots=True, eq=False)
class Avatar:
    """A person, ready to be posed."""

    model: Model
    bones: Mapping[str, int]
    """The contract's bone → index in `Model.nodes`."""
    face: GlbFace | VrmFace
    stand: Matrix
    """Shape (4, 4): what scales, turns and moves the whole person so that it stands on the stage, facing the viewer."""
    straight: Mapping[int, Matrix] = field(default_factory=dict)
    """Node → what turns it (3, 3) from where the file has it to a T-pose, in the stage's axes: arms that were drawn hanging."""
    eyes_turn: tuple[float, float] | None = None
    """How far eye bones look at most, and how far they turn for it, in radians; None where the face moves the eyes."""
    notices: tuple[str, ...] = ()
    """What it lacks, in sentences."""


def find(folder: Path, stem: str) -> Path:
    """The file of an avatar.

    Raises:
        InputError: code ``avatar``: there is none.
    """
    for ending in ENDINGS:
        if (path := folder / f"{stem}.{ending}").is_file():
            return path
    names = " and no ".join(f"{folder.name}/{stem}.{ending}" for ending in ENDINGS)
    raise InputError(f"The persona's avatar cannot be drawn: there is no {names}.", code="avatar")


def read(path: Path) -> Avatar:
    """Read the file.

    Raises:
        InputError: code ``avatar``: there is no such file, or it cannot be drawn; the message says why, and what to do.
    """
    try:
        if (size := path.stat().st_size) > LIMITS["bytes"]:
            sentence = finding("too_big", size=megabytes(size), most=LIMITS["bytes"] // 1_000_000).text
            raise InputError(f"The avatar {path.name} cannot be drawn. {sentence}", code="avatar")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The avatar {path.name} cannot be read: {error.strerror}.", code="avatar") from error
    report, file = inspect(path.name, data)
    if file is None:
        raise InputError(f"The avatar {path.name} cannot be drawn. {report.findings[0].text}", code="avatar")
    if packed := [one.text for one in report.findings if one.code.startswith("packed")]:
        raise InputError(f"The avatar {path.name} cannot be drawn. {packed[0]}", code="avatar")
    try:
        _refuse_unknown(file.json)
        face: GlbFace | VrmFace
        vrm = report.kind != "glb"
        face = VrmFace(file.json, expressions_in(file.json, report.kind)) if vrm else GlbFace(file.json)
        model = model_of(file, face.names_of, face.wanted)
        notices = tuple(one.text for one in report.findings if one.level == "missing")
        return (_vrm if vrm else _glb)(file.json, report.kind, model, face, notices)
    except UnfitError as error:
        raise InputError(f"The avatar {path.name} cannot be drawn: {error}.", code="avatar") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error) as error:
        raise InputError(f"The avatar {path.name} cannot be drawn: the file is damaged. Export it again.", code="avatar") from error


def _refuse_unknown(described: Json) -> None:
    required = described.get("extensionsRequired")
    unknown = sorted(set(map(str, required if isinstance(required, list) else ())) - UNDERSTOOD)
    unknown = [name for name in unknown if not name.startswith("KHR_materials_")]
    if unknown:
        raise UnfitError(f"it needs {', '.join(unknown)}, which the film does not know. Export it without")


def _glb(described: Json, _: str, model: Model, face: GlbFace | VrmFace, notices: tuple[str, ...]) -> Avatar:
    """What `repair.mjs` does to bones, done without writing another file."""
    found = find_bones(described)
    rig, worlds = judge(described, found), worlds_of(described["nodes"])
    stand = np.eye(4)
    straight: dict[int, Matrix] = {}
    if not rig.sound:
        stand[:3, :3] = rig.turned * rig.scale
        stand[:3, 3] = np.array([0, CONTRACT["hipsHeight"], 0]) - stand[:3, :3] @ worlds[found["Hips"]][:3, 3]
    turns: dict[str, Matrix] = {}
    for name in both_sides(CONTRACT["limbs"]["arms"]):
        if name in found and found[name] in model.places:
            above, to = BONES[name].parent or "", BONES[name].to
            here = turn_of(worlds[found[name]])
            way = worlds[found[to]][:3, 3] - worlds[found[name]][:3, 3] if to in found else np.zeros(3)
            if rig.sound:
                turns[name] = BONES[name].axes @ here.T
            elif np.linalg.norm(way) > 0:
                turns[name] = BONES[name].axes @ along(name, rig.turned @ way).T
            else:
                turns[name] = turns.get(above, np.eye(3))
            straight[model.places[found[name]]] = turns[name]
    bones = {name: model.places[index] for name, index in found.items() if index in model.places}
    return Avatar(model, bones, face, stand, straight, notices=notices)


def _vrm(described: Json, kind: str, model: Model, face: GlbFace | VrmFace, notices: tuple[str, ...]) -> Avatar:
    """A VRM stands in a T-pose; VRM 0 looks the other way."""
    extension = described["extensions"]["VRM" if kind == "vrm0" else "VRMC_vrm"]
    human = extension["humanoid"]["humanBones"]
    nodes = {bone: entry["node"] for bone, entry in human.items()} if kind == "vrm1" else {entry["bone"]: entry["node"] for entry in human}
    names = dict(_SPINE)
    if "upperChest" not in nodes:
        names["chest"] = "Spine2"
    for side in ("Left", "Right"):
        names |= {f"{side.lower()}{ours}": f"{side}{bone}" for ours, bone in _HUMAN.items()}
        thumbs = [("Thumb", "Thumb", joint, number) for number, joint in enumerate(_THUMBS[kind], 1)]
        others = [(theirs, ours, joint, number) for theirs, ours in _FINGERS.items() for number, joint in enumerate(_JOINTS, 1)]
        names |= {f"{side.lower()}{theirs}{joint}": f"{side}Hand{ours}{number}" for theirs, ours, joint, number in thumbs + others}
    bones = {names[bone]: model.places[node] for bone, node in nodes.items() if bone in names and node in model.places}
    stand = np.diag([-1.0, 1.0, -1.0, 1.0]) if kind == "vrm0" else np.eye(4)
    return Avatar(model, bones, face, stand, {}, _eyes_turn(extension, kind), notices)


def _eyes_turn(extension: Json, kind: str) -> tuple[float, float] | None:
    if kind == "vrm1":
        look = extension.get("lookAt") or {}
        turns, limits = look.get("type") == "bone", look.get("rangeMapHorizontalOuter") or {}
        most, turned = limits.get("inputMaxValue", 90), limits.get("outputScale", 10)
    else:
        look = extension.get("firstPerson") or {}
        turns, limits = look.get("lookAtTypeName") == "Bone", look.get("lookAtHorizontalOuter") or {}
        most, turned = limits.get("xRange", 90), limits.get("yRange", 10)
    return (float(np.radians(max(most, 1))), float(np.radians(turned))) if turns else None
