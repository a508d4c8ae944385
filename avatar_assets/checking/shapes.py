"""Finds the morph targets that the stage knows under whatever name, and missing visemes. The same steps as `inspect.mjs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avatar_assets.checking.contract import CONTRACT
from avatar_assets.checking.rig import plain_name
from engines.types import VISEME_NAMES

Json = dict[str, Any]

VISEMES = [f"viseme_{viseme}" for viseme in VISEME_NAMES]


@dataclass(frozen=True, slots=True)
class Shapes:
    """The morph targets of a file."""

    present: list[str]
    """Their names in the file, each once."""
    has: set[str]
    """The contract's names that they are read as."""
    renamed: dict[str, str]
    """Name in the file → the contract's, where they differ."""
    vowels: dict[str, str]
    """One of VRM's five vowels → its name in the file."""
    source: str
    """What missing visemes are made of: ``arkit``, ``five`` or ``none``."""

    def recipe(self, viseme: str) -> Mapping[str, float]:
        """What a missing viseme (``aa``) is made of: name in the file, or the contract's if it was renamed → weight."""
        if self.source == "arkit":
            made: Mapping[str, float] = CONTRACT["arkitToViseme"][viseme]
            return made
        if self.source == "none":
            return {}
        five = CONTRACT["vowelsToViseme"][viseme]
        return {self.vowels[vowel]: weight for vowel, weight in five.items() if vowel in self.vowels}


def shapes_of(described: Json) -> Shapes:
    """Look through the meshes of a sound file."""
    present = [name for name in dict.fromkeys(name for mesh in described["meshes"] for name in target_names(mesh)) if name]
    has = {name for name in present if _KNOWN.get(_whole_plain_name(name)) == name}
    renamed: dict[str, str] = {}
    for name in present:
        known = _KNOWN.get(_whole_plain_name(name))
        if known and known not in has:
            renamed[name] = known
            has.add(known)
    vowels: dict[str, str] = {}
    for name in present:
        if vowel := _VOWELS.get(_whole_plain_name(name)):
            vowels.setdefault(vowel, name)
    return Shapes(present, has, renamed, vowels, "arkit" if "jawOpen" in has else "five" if "aa" in vowels else "none")


def target_names(mesh: Json) -> list[str]:
    """The names of a mesh's morph targets; exporters write them in one of two places."""
    first = mesh["primitives"][0]
    names = _entry(mesh.get("extras")).get("targetNames")
    names = _entry(first.get("extras")).get("targetNames") if names is None else names
    names = names if isinstance(names, list) else []
    return [names[i] if i < len(names) and isinstance(names[i], str) else "" for i in range(len(first.get("targets", [])))]


def _entry(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _whole_plain_name(name: str) -> str:
    plain = "".join(plain_name(name.rpartition(".")[2])).lower()
    return plain[max(0, plain.find("fcl")) :]  # VRoid's names begin with those of a mesh


_KNOWN: dict[str, str] = {}
for _name in [*CONTRACT["shapes"], *VISEMES, *CONTRACT["derivedShapes"]]:
    _KNOWN |= dict.fromkeys([_whole_plain_name(_name), *CONTRACT["shapeAliases"].get(_name, [])], _name)
_VOWELS = {called: vowel for vowel, others in CONTRACT["vowelAliases"].items() for called in others}
