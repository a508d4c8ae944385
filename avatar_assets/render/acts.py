"""What face and head do at a stage direction: the table of `acts.mjs` in Python, number for number; a test holds the two together.

Hands are in `gestures.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from engines.types import Cue

Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is acted."""

    dt: tuple[int, ...]
    """How long each stretch lasts, in ms."""
    values: dict[str, Values] = field(default_factory=dict)
    """What is reached at the end of each stretch, from nothing: morph targets, and turns of head (radians) and eyes."""
    mood: str | None = None
    """The face at rest from now on."""


def _pair(name: str, *values: float) -> dict[str, Values]:
    return {f"{name}Left": values, f"{name}Right": values}


ACTS: dict[str, Act] = {
    "smile": Act(
        (350, 1600, 700),
        {**_pair("mouthSmile", 0.45, 0.4, 0), **_pair("cheekSquint", 0.5, 0.4, 0), "headRotateZ": (0.05, 0.04, 0)},
        "happy",
    ),
    "laugh": Act(
        (220, 260, 260, 260, 700),
        {
            **_pair("mouthSmile", 0.7, 0.65, 0.7, 0.6, 0),
            "jawOpen": (0.22, 0.1, 0.2, 0.1, 0),
            **_pair("eyeSquint", 0.7, 0.6, 0.7, 0.6, 0),
            **_pair("cheekSquint", 0.8, 0.7, 0.8, 0.7, 0),
            "headRotateX": (-0.08, 0.02, -0.08, 0.02, 0),
        },
        "happy",
    ),
    "sad": Act((600, 1800, 800), {"browInnerUp": (0.7, 0.6, 0), **_pair("mouthFrown", 0.35, 0.3, 0), "headRotateX": (0.12, 0.1, 0)}, "sad"),
    "surprised": Act(
        (180, 900, 600),
        {
            "browInnerUp": (0.8, 0.6, 0),
            **_pair("browOuterUp", 0.8, 0.6, 0),
            **_pair("eyeWide", 0.7, 0.5, 0),
            "headRotateX": (-0.07, -0.05, 0),
        },
        "neutral",
    ),
    "angry": Act(
        (250, 1500, 700), {**_pair("browDown", 0.7, 0.6, 0), **_pair("noseSneer", 0.3, 0.25, 0), "headRotateX": (0.06, 0.05, 0)}, "angry"
    ),
    "love": Act(
        (500, 1800, 800), {**_pair("mouthSmile", 0.4, 0.35, 0), "browInnerUp": (0.3, 0.25, 0), "headRotateZ": (0.12, 0.1, 0)}, "love"
    ),
    "think": Act(
        (350, 1300, 500),
        {"eyesRotateY": (0.5, 0.4, 0), "eyesRotateX": (-0.4, -0.35, 0), "browInnerUp": (0.4, 0.35, 0), "headRotateZ": (0.08, 0.07, 0)},
    ),
    "wink": Act((110, 160, 180), {"eyeBlinkLeft": (1, 1, 0), "mouthSmileLeft": (0.5, 0.5, 0), "headRotateZ": (0.05, 0.05, 0)}),
    "nod": Act((220, 240, 240, 300), {"headRotateX": (0.16, -0.02, 0.13, 0)}),
    "shake": Act((200, 260, 260, 320), {"headRotateY": (0.16, -0.16, 0.12, 0)}),
    "shrug": Act((300, 900, 600), {"browInnerUp": (0.5, 0.4, 0), "mouthShrugUpper": (0.4, 0.35, 0), "headRotateZ": (0.1, 0.08, 0)}),
    "wave": Act((300, 1500, 600), _pair("mouthSmile", 0.4, 0.35, 0)),
    "point": Act((250, 900, 500), {"browInnerUp": (0.35, 0.3, 0)}),
    "thumbsup": Act((300, 1500, 600), _pair("mouthSmile", 0.45, 0.4, 0)),
    "ok": Act((300, 1200, 600), _pair("mouthSmile", 0.3, 0.25, 0)),
    "thanks": Act((400, 900, 700), {"headRotateX": (0.14, 0.12, 0)}),
}
"""By direction (`engines.text.directions.DIRECTIONS`)."""
_MOOD_MS = 700.0
"""How long the face takes to change its mood."""


class Acts:
    """All acts of a speech, ready to be asked for any moment."""

    def __init__(self, cues: Iterable[Cue], mood: str) -> None:
        """Put the acts in their order.

        Args:
            cues: what is acted and when, in ms.
            mood: the face at rest before the first of them.
        """
        self._due = sorted(((cue.start_ms, ACTS[cue.name]) for cue in cues), key=lambda due: due[0])
        self._moods = [(float("-inf"), mood), *((ms, act.mood) for ms, act in self._due if act.mood)]

    def at(self, ms: float) -> dict[str, float]:
        """What is acted: morph targets, ``headRotateX`` … and ``eyesRotateX`` …; where two acts overlap the stronger one is seen."""
        shown: dict[str, float] = {}
        for start, act in self._due:
            if start < ms < start + sum(act.dt):
                for name, values in act.values.items():
                    shown[name] = max(shown.get(name, 0.0), _value(act.dt, values, ms - start), key=abs)
        return shown

    def moods(self, ms: float) -> dict[str, float]:
        """The moods of the face at rest and their shares, which sum to 1."""
        begun = [(start, mood) for start, mood in self._moods if start <= ms]
        (_, before), (start, now) = begun[-2:] if len(begun) > 1 else (begun[0], begun[0])
        share = _smooth(min(1.0, (ms - start) / _MOOD_MS)) if len(begun) > 1 else 1.0
        return {now: 1.0} if before == now else {before: 1 - share, now: share}


def _value(dt: tuple[int, ...], values: Values, ms: float) -> float:
    times, reached = (0, *accumulate(dt)), (0.0, *values)
    for (begin, end), (first, last) in zip(pairwise(times), pairwise(reached), strict=True):
        if ms <= end:
            return first + (last - first) * _smooth((ms - begin) / (end - begin))
    return reached[-1]


def _smooth(x: float) -> float:
    return x * x * (3 - 2 * x)
