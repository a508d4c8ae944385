"""A person's parameters, read from people/NAME.toml: colours, face, body, clothes and hair."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from avatar_assets.builder.geometry.sdf import Array

PEOPLE = files(__package__) / "people"


@dataclass(frozen=True)
class Colours:
    """sRGB as #rrggbb."""

    skin: str
    lips: str
    blush: str
    hair: str
    brows: str
    iris: str
    top: str
    inner: str
    trim: str
    trousers: str
    shoes: str


@dataclass(frozen=True)
class Face:
    """How this face departs from the common one: factors around 1, lengths in millimetres.

    The profile is in millimetres: nose_out, nose_up, where its tip goes; hump, of the nose's back; brow_ridge, forehead, muzzle
    (the lips and what is around them) and chin_out, how far each stands forward.
    """

    width: float
    jaw: float
    chin: float
    chin_width: float
    cheeks: float
    nose: float
    bridge: float
    nose_out: float
    nose_up: float
    hump: float
    brow_ridge: float
    forehead: float
    muzzle: float
    chin_out: float
    eyes: float
    eye_tilt: float
    mouth: float
    lips: float
    brow_thickness: float
    brow_arch: float
    brow_height: float
    lashes: float
    lines: float
    stubble: float


@dataclass(frozen=True)
class Body:
    """Stature and build. TalkingHead holds everybody's hips one metre above the floor, so stature is in trunk, arms and head.

    Factors around 1: torso, length of trunk and arms; head, its size; depth, the trunk's from front to back; hands, size of
    hands and feet; bust, 0 for none. Metres: shoulders, chest, waist and hips, half-widths; neck, arms and legs, radii; slope,
    how far the shoulders fall below the common height; belly, how far it stands out; stoop, how far the head is held forward.
    """

    torso: float
    head: float
    shoulders: float
    slope: float
    chest: float
    waist: float
    hips: float
    depth: float
    belly: float
    stoop: float
    neck: float
    arms: float
    legs: float
    hands: float
    bust: float


@dataclass(frozen=True)
class Clothes:
    """`top` names a pattern in clothes.py; `collar` and `spectacles` what is worn with it; hem: its lower edge's height, metres; folds: how
    strongly its folds are seen, 0..1.
    """

    top: str
    hem: float
    folds: float
    collar: str
    spectacles: bool


@dataclass(frozen=True)
class Sheet:
    """A sheet of combed hair: `strands`, from one edge of the sheet to the other, are lines of points from root to tip.

    strands (s, k, 3) in millimetres of head space; clumps: locks across the sheet; relief: their height in millimetres;
    ragged: how much shorter the shortest lock is, as a part of its length; closed: it goes all around, its last strand is its first.
    """

    strands: Array
    clumps: int
    relief: float
    ragged: float
    closed: bool = False


@dataclass(frozen=True)
class Puff:
    """A ball of curls: centre (3,), radius and size of a curl in millimetres of head space."""

    centre: tuple[float, float, float]
    radius: float
    curl: float


@dataclass(frozen=True)
class Crop:
    """Short hair of `locks` locks for the whole sphere, of which the hairy part is kept.

    top, sides: length of a lock there, width: half of its breadth, millimetres; lift: how steeply the locks on top stand up
    (0 = flat, 1 = as much up as along); combed_from: the point that they all point away from, millimetres of head space.
    """

    locks: int
    top: float
    sides: float
    width: float
    lift: float
    combed_from: tuple[float, float, float]


@dataclass(frozen=True)
class Hair:
    """`hairline` as (height at the forehead, at the temples, behind the ears) in millimetres of head space, and what grows there."""

    hairline: tuple[float, float, float]
    sheets: tuple[Sheet, ...]
    puffs: tuple[Puff, ...]
    crop: Crop | None


@dataclass(frozen=True)
class Person:
    """Everything the builder needs to know about one person."""

    name: str
    seed: int
    colours: Colours
    face: Face
    body: Body
    clothes: Clothes
    hair: Hair


def names() -> list[str]:
    """The people there are, in alphabetical order."""
    return sorted(entry.name.removesuffix(".toml") for entry in PEOPLE.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Person:
    """Reads one person; raises ValueError, naming the file, when it is missing, malformed or has an unknown or missing key."""
    path = PEOPLE / f"{name}.toml"
    if name not in names():
        raise ValueError(f"There is no {name}.toml in {PEOPLE}. People there are: {', '.join(names())}.")
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        hair = data["hair"]
        return Person(
            name=name,
            seed=int(data["seed"]),
            colours=Colours(**data["colours"]),
            face=Face(**data["face"]),
            body=Body(**data["body"]),
            clothes=Clothes(**data["clothes"]),
            hair=Hair(
                hairline=tuple(hair["hairline"]),
                sheets=tuple(_sheet(sheet) for sheet in hair.get("sheets", [])),
                puffs=tuple(Puff(**puff) for puff in hair.get("puffs", [])),
                crop=Crop(**hair["crop"]) if "crop" in hair else None,
            ),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"{path}: {problem}") from problem


def _sheet(data: dict[str, Any]) -> Sheet:
    return Sheet(**{**data, "strands": np.asarray(data["strands"], float)})
