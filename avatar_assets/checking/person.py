"""What a file of an avatar has, lacks and can be helped with, in the contract's sentences. The same steps as `inspect.mjs`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from avatar_assets.checking import container, packing
from avatar_assets.checking.contract import CONTRACT, LIMITS, RefusedError, megabytes, shown
from avatar_assets.checking.rig import BONES, Rig, both_sides, find_bones, judge
from avatar_assets.checking.shapes import VISEMES, shapes_of, target_names
from avatar_assets.checking.soundness import is_index

Json = dict[str, Any]
Say = Callable[..., None]

_LISTED = 4
_GAZE = [f"eyeLook{way}{side}" for way in ("In", "Out", "Up", "Down") for side in ("Left", "Right")]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    code: str
    level: str
    """``refused``, ``missing``, ``mended`` or ``note``."""
    text: str
    """A plain sentence: what it is, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that can be said about a file."""

    file: str
    kind: str = ""
    """``glb``, ``vrm0``, ``vrm1``; empty where it is none of these."""
    verdict: str = "refused"
    """``ready``, ``mended``, ``partly`` or ``refused``."""
    licence: str = ""
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> Json:
        """The same as plain values."""
        return asdict(self)


def finding(code: str, **values: object) -> Finding:
    """A finding in its sentence."""
    level, sentence = CONTRACT["findings"][code]
    return Finding(code, level, re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), sentence))


def check(name: str, data: bytes) -> Report:
    """Look at a file's bytes; nothing is written, nothing else is opened."""
    return inspect(name, data)[0]


def inspect(name: str, data: bytes) -> tuple[Report, container.Glb | None]:
    """The same, and the file as it was read, where it can be shown."""
    findings: list[Finding] = []

    def say(code: str, **values: object) -> None:
        findings.append(finding(code, **values))

    kind = ""
    try:
        file = container.read(data)
        described = file.json
        kind = _kind(described)
        if not described["meshes"] or not any("mesh" in node for node in described["nodes"]):
            raise RefusedError("no_mesh")
        if kind == "glb":
            _check_glb(described, say)
        else:
            _check_vrm(described, kind, say)
        _also_good_to_know(described, kind, len(data), say)
    except RefusedError as error:
        return Report(shown(name), kind, findings=[finding(error.code, **error.values)]), None
    levels = {one.level for one in findings}
    verdict = "partly" if "missing" in levels else "mended" if "mended" in levels else "ready"
    return Report(shown(name), kind, verdict, _licence(described, kind), findings), file


def _entry(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _entries(value: Any) -> list[Json]:
    return [_entry(one) for one in value] if isinstance(value, list) else []


def _kind(described: Json) -> str:
    extensions = _entry(described.get("extensions"))
    return "vrm1" if "VRMC_vrm" in extensions else "vrm0" if "VRM" in extensions else "glb"


def _some(names: Iterable[str]) -> str:
    """Some of many names, as a sentence shows them."""
    all_of_them = list(names)
    more = f" and {len(all_of_them) - _LISTED} more" if len(all_of_them) > _LISTED else ""
    return ", ".join(map(shown, all_of_them[:_LISTED])) + more


def _check_glb(described: Json, say: Say) -> None:
    bones = find_bones(described)
    lacking = [bone for bone in CONTRACT["requiredBones"] if bone not in bones]
    if not described["skins"] or lacking:
        raise RefusedError("no_skeleton", missing=f"no {', '.join(lacking)}" if lacking else "the mesh is tied to none")
    _say_of_rig(described, bones, judge(described, bones), say)
    nodes = described["nodes"]
    clashes = [node for index, node in enumerate(nodes) if _bone_name(node) and bones.get(node["name"]) != index]
    clashes += [mesh for mesh in described["meshes"] if _bone_name(mesh)]
    if clashes:
        say("names_clash", names=_some(one["name"] for one in clashes))
    _check_shapes(described, say)


def _bone_name(one: Json) -> bool:
    return isinstance(one.get("name"), str) and one["name"] in BONES


def _say_of_rig(described: Json, bones: dict[str, int], rig: Rig, say: Say) -> None:
    nodes = described["nodes"]
    others = [(nodes[index]["name"], name) for name, index in bones.items() if nodes[index]["name"] != name]
    if others:
        say("bones_renamed", count=len(others), example=f"{shown(others[0][0])} → {others[0][1]}")
    missing = {limb: [name for name in both_sides(names) if name in rig.missing] for limb, names in CONTRACT["limbs"].items()}
    for limb in ("arms", "legs"):
        if missing[limb]:
            say(limb, bones=f"no {_some(missing[limb])}")
    if added := missing["back"] + missing["eyes"] + missing["fingers"]:
        say("bones_added", count=len(added), bones=_some(added))
    if rig.root:
        say("root")
    if not rig.standing:
        say("standing")
    if rig.size:
        expected, usual = CONTRACT["hipsHeight"], CONTRACT["hipsToHead"]
        say("size", height=_metres(rig.height), length=_metres(rig.length), expected=_metres(expected), usual=_metres(usual))
    if rig.axes:
        say("axes", bones=_some(rig.axes))
    if rig.order:
        say("order", bones=_some(rig.order))


def _metres(value: float) -> str:
    return f"{value:.2f}"


def _check_shapes(described: Json, say: Say) -> None:
    shapes = shapes_of(described)
    if shapes.renamed:
        first = next(iter(shapes.renamed))
        say("shapes_renamed", count=len(shapes.renamed), example=_some([f"{shown(first)} → {shapes.renamed[first]}"]))
    visemes = [name for name in VISEMES if name not in shapes.has]
    if not shapes.present:
        say("no_shapes")
    elif [name for name in visemes if name != "viseme_sil"]:
        none = shapes.source == "none"
        say(*(["no_visemes"] if none else [f"visemes_{shapes.source}"]), **({} if none else {"count": len(visemes)}))
    if shapes.present:
        _say_of_missing_shapes(shapes.has, say)


def _say_of_missing_shapes(has: set[str], say: Say) -> None:
    blinks = [name for name in ("eyeBlinkLeft", "eyeBlinkRight") if name not in has]
    gaze = [name for name in _GAZE if name not in has]
    others = [name for name in CONTRACT["shapes"] if name not in has and name not in blinks and name not in gaze]
    if blinks:
        say("no_blink", names=", ".join(blinks))
    if gaze:
        say("no_gaze")
    if others:
        say("shapes_added", count=len(others), names=_some(others))


def _check_vrm(described: Json, kind: str, say: Say) -> None:
    extensions = described["extensions"]
    bones, mouths, blinks = _vrm1(_entry(extensions["VRMC_vrm"])) if kind == "vrm1" else _vrm0(_entry(extensions["VRM"]))
    lacking = [bone for bone in CONTRACT["vrmBones"][kind[-1]] if not is_index(bones.get(bone), described["nodes"])]
    if lacking:
        raise RefusedError("vrm_bones", bones=_some(lacking))
    silent = [mouth for mouth in CONTRACT["vowelAliases"] if mouth not in mouths]
    if silent:
        say("vrm_mouths", names=", ".join(silent))
    if len(silent) < len(CONTRACT["vowelAliases"]):
        say("visemes_vrm")
    if not blinks:
        say("no_blink", names="blink")


def _vrm1(extension: Json) -> tuple[Json, set[str], bool]:
    preset = _entry(_entry(extension.get("expressions")).get("preset"))
    mouths = {name for name in CONTRACT["vowelAliases"] if any(part.endswith("Binds") for part in _entry(preset.get(name)))}
    bones = _entry(_entry(extension.get("humanoid")).get("humanBones"))
    return {name: _entry(bone).get("node") for name, bone in bones.items()}, mouths, "blink" in preset


def _vrm0(extension: Json) -> tuple[Json, set[str], bool]:
    groups = _entries(_entry(extension.get("blendShapeMaster")).get("blendShapeGroups"))
    named = {
        group["presetName"].lower()
        for group in groups
        if isinstance(group.get("presetName"), str) and (_entries(group.get("binds")) or _entries(group.get("materialValues")))
    }
    bones = _entries(_entry(extension.get("humanoid")).get("humanBones"))
    mouths = {mouth for preset, mouth in CONTRACT["vrm0Mouths"].items() if preset in named}
    return {bone["bone"]: bone.get("node") for bone in bones if isinstance(bone.get("bone"), str)}, mouths, "blink" in named


def _also_good_to_know(described: Json, kind: str, size: int, say: Say) -> None:
    if packings := packing.packings(described):
        which = " and ".join(CONTRACT["packings"][name] for name in packings)
        command = "ktxdecompress" if packing.BASIS in packings else "copy"
        say("packed" if kind == "glb" else "packed_vrm", which=which, command=command)
    if licence := _licence(described, kind):
        say("licence", licence=licence)
    else:
        say("no_licence")
    parts = [part for mesh in described["meshes"] for part in mesh["primitives"]]
    triangles = sum(described["accessors"][part.get("indices", part["attributes"]["POSITION"])]["count"] // 3 for part in parts)
    if size > LIMITS["heavyBytes"] or triangles > LIMITS["heavyTriangles"]:
        say("heavy", size=megabytes(size), triangles=triangles)
    names = [one.get("name") for group in ("nodes", "meshes", "materials") for one in described[group]]
    names += [name for mesh in described["meshes"] for name in target_names(mesh)]
    odd = [name for name in names if isinstance(name, str) and re.search(r"<|javascript:|\$\{|\{\{", name, re.IGNORECASE)]
    if odd:
        say("markup", example=shown(odd[0]))
    required = described.get("extensionsRequired")
    families = tuple(CONTRACT["extensionFamilies"])
    unknown = [str(name) for name in (required if isinstance(required, list) else [])]
    unknown = [name for name in unknown if name not in CONTRACT["extensions"] and not name.startswith(families)]
    if unknown:
        say("extension", names=_some(unknown))


def _licence(described: Json, kind: str) -> str:
    """What the file says of its licence; the first of the usual places that says something."""
    asset = _entry(described.get("asset"))
    extras = _entry(asset.get("extras"))
    extensions = _entry(described.get("extensions"))
    meta = _entry(_entry(extensions.get("VRMC_vrm" if kind == "vrm1" else "VRM")).get("meta"))
    said = [meta.get(name) for name in ("licenseName", "otherLicenseUrl", "licenseUrl")]
    said += [extras.get("license"), extras.get("licence"), asset.get("copyright")]
    return next((shown(value.strip()) for value in said if isinstance(value, str) and value.strip()), "")
