"""What is asked of a face, in the morph targets that a file has: ARKit's and Oculus's by their names or summed up, or VRM's expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from avatar_assets.checking.contract import CONTRACT
from avatar_assets.checking.shapes import VISEMES, Shapes, shapes_of, target_names

Json = dict[str, Any]
Weights = dict[str, float]
Recipe = Mapping[str, float]

_LEFT_TO_WORDS = 0.7
"""Expressions that change the mouth leave it to the words: this much of them goes when it is wide open."""
_VRM_WAYS = {"lookUp": "eyeLookUp", "lookDown": "eyeLookDown"}
_VRM0_PRESETS = {
    **CONTRACT["vrm0Mouths"],
    "blink_l": "blinkLeft", "blink_r": "blinkRight", "joy": "happy", "sorrow": "sad", "fun": "relaxed",
    "lookup": "lookUp", "lookdown": "lookDown", "lookleft": "lookLeft", "lookright": "lookRight",
}  # fmt: skip
"""What VRM 0 calls otherwise than VRM 1."""


class GlbFace:
    """Morph targets under the contract's names; what is missing is summed up from others, as `repair.mjs` does, or left out."""

    def __init__(self, described: Json) -> None:
        """Find out what the file has.

        Args:
            described: a sound file.
        """
        shapes = shapes_of(described)
        self._names = [[shapes.renamed.get(name, name) for name in target_names(mesh)] for mesh in described["meshes"]]
        has = {name for names in self._names for name in names}
        self._recipes: dict[str, Recipe] = {name: {name: 1.0} for name in has}
        for name in [*CONTRACT["shapes"], *VISEMES, *CONTRACT["derivedShapes"]]:
            if name not in has:
                self._recipes[name] = {part: weight for part, weight in _recipe(name, shapes).items() if part in has}

    def names_of(self, mesh: int) -> list[str]:
        """What a mesh's morph targets are called here."""
        return self._names[mesh]

    @property
    def wanted(self) -> set[str]:
        """Every morph target that may be asked for."""
        known = {*CONTRACT["shapes"], *VISEMES, *CONTRACT["derivedShapes"]}
        return {part for name in known for part in self._recipes[name]}

    def weights(self, asked: Weights) -> Weights:
        """The file's morph targets for those of a pose."""
        shown: Weights = {}
        for name, weight in asked.items():
            for part, share in self._recipes.get(name, {}).items():
                shown[part] = shown.get(part, 0.0) + share * weight
        return shown


def _recipe(name: str, shapes: Shapes) -> Recipe:
    if name in VISEMES:
        return shapes.recipe(name.removeprefix("viseme_"))
    return dict.fromkeys(CONTRACT["derivedShapes"].get(name, ()), 1.0)


class VrmFace:
    """A VRM's expressions: the fifteen visemes as five mouths, as in `vrm-mouth.mjs`; lids; feelings, as they can be read from a face."""

    def __init__(self, described: Json, expressions: Mapping[str, Recipe]) -> None:
        """Take the expressions of a file.

        Args:
            described: a sound file.
            expressions: by the names of VRM 1, each as morph targets (``mesh.index``) and their weights.
        """
        self._counts = [len(target_names(mesh)) for mesh in described["meshes"]]
        self._expressions = expressions

    def names_of(self, mesh: int) -> list[str]:
        """What a mesh's morph targets are called here: VRM does not go by their names."""
        return [f"{mesh}.{index}" for index in range(self._counts[mesh])]

    @property
    def wanted(self) -> set[str]:
        """Every morph target that may be asked for."""
        return {target for recipe in self._expressions.values() for target in recipe}

    def weights(self, asked: Weights) -> Weights:
        """The file's morph targets for those of a pose."""
        shown: Weights = {}
        for expression, weight in expressions_of(asked, {"blinkLeft", "blinkRight"} <= set(self._expressions)).items():
            for target, share in self._expressions.get(expression, {}).items():
                shown[target] = shown.get(target, 0.0) + share * weight
        return shown


def five_of(visemes: Callable[[str], float]) -> Weights:
    """How far aa, ih, ou, ee and oh are formed, all of them together at most 1: they add up in the mesh. The same as `vrm-mouth.mjs`."""
    five = dict.fromkeys(CONTRACT["vowelAliases"], 0.0)
    for viseme, recipe in CONTRACT["vowelsToViseme"].items():
        for name, weight in recipe.items():
            five[name] += weight * visemes(viseme)
    most = max(1.0, sum(five.values()))
    return {name: weight / most for name, weight in five.items()}


def expressions_of(asked: Weights, each_eye: bool) -> Weights:
    """A pose as VRM's expressions; `each_eye`: its lids close one by one."""

    def of(*names: str) -> float:
        return sum(asked.get(name, 0.0) for name in names) / len(names)

    five = five_of(lambda viseme: asked.get(f"viseme_{viseme}", 0.0))
    quiet = 1 - _LEFT_TO_WORDS * max(five.values())
    smile = max(of("mouthSmile"), of("mouthSmileLeft", "mouthSmileRight"))
    frown, cross = of("mouthFrownLeft", "mouthFrownRight"), of("browDownLeft", "browDownRight")
    feelings = {
        "happy": 1.2 * smile,
        "angry": 0.6 * cross,
        "sad": 0.5 * (frown - cross),
        "surprised": 0.8 * (of("browOuterUpLeft", "browOuterUpRight") - 0.3),
    }
    shown = five | {name: min(max(quiet * weight, 0.0), 1.0) for name, weight in feelings.items()}
    left, right = (max(of(f"eyeBlink{side}"), of("eyesClosed")) for side in ("Left", "Right"))
    shown |= {"blinkLeft": left, "blinkRight": right} if each_eye else {"blink": min(left, right)}
    shown |= {expression: of(f"{shape}Left", f"{shape}Right") for expression, shape in _VRM_WAYS.items()}
    return shown | {"lookLeft": of("eyeLookOutLeft", "eyeLookInRight"), "lookRight": of("eyeLookInLeft", "eyeLookOutRight")}


def expressions_in(described: Json, kind: str) -> dict[str, Recipe]:
    """The expressions of a sound VRM (``vrm0``, ``vrm1``), by the names of VRM 1, as morph targets (``mesh.index``) and their weights."""
    extensions = described["extensions"]
    found: dict[str, Recipe] = {}
    if kind == "vrm1":
        preset = (extensions["VRMC_vrm"].get("expressions") or {}).get("preset") or {}
        for name, expression in preset.items():
            binds = expression.get("morphTargetBinds") or []
            meshes = [described["nodes"][bind["node"]]["mesh"] for bind in binds]
            found[name] = {f"{mesh}.{bind['index']}": bind.get("weight", 1.0) for mesh, bind in zip(meshes, binds, strict=True)}
    else:
        for group in (extensions["VRM"].get("blendShapeMaster") or {}).get("blendShapeGroups") or []:
            name = str(group.get("presetName", "")).lower()
            targets = {f"{bind['mesh']}.{bind['index']}": bind.get("weight", 100) / 100 for bind in group.get("binds") or []}
            found.setdefault(_VRM0_PRESETS.get(name, name), targets)
    return {name: recipe for name, recipe in found.items() if recipe}
