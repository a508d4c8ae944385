"""States of a session as one table: what a client is told that the persona does."""

from __future__ import annotations

from typing import Literal, get_args

State = Literal["idle", "listening", "thinking", "speaking", "interrupted", "error"]
"""Of a session."""
Happening = Literal["speech_started", "speech_dropped", "utterance", "first_sound", "completed", "interrupted", "failed"]
"""What changes it: the user began to speak, or it was nothing; an utterance was taken up; the answer is heard, ended, stopped, failed."""
STATES: tuple[State, ...] = get_args(State)
HAPPENINGS: tuple[Happening, ...] = get_args(Happening)

_SAME_EVERYWHERE: dict[Happening, State] = {
    "utterance": "thinking",
    "first_sound": "speaking",
    "completed": "idle",
    "interrupted": "interrupted",
    "failed": "error",
}
TRANSITIONS: dict[tuple[State, Happening], State] = {
    (state, happening): result for state in STATES for happening, result in _SAME_EVERYWHERE.items()
} | {
    ("idle", "speech_started"): "listening",
    ("listening", "speech_started"): "listening",
    ("thinking", "speech_started"): "thinking",  # who speaks over the persona is listened to behind what they do
    ("speaking", "speech_started"): "speaking",
    ("interrupted", "speech_started"): "listening",
    ("error", "speech_started"): "listening",
    ("idle", "speech_dropped"): "idle",
    ("listening", "speech_dropped"): "idle",
    ("thinking", "speech_dropped"): "thinking",
    ("speaking", "speech_dropped"): "speaking",
    ("interrupted", "speech_dropped"): "interrupted",
    ("error", "speech_dropped"): "error",
    # A user who speaks already when the answer before ends is still listened to.
    ("listening", "completed"): "listening",
    ("listening", "interrupted"): "listening",
    ("listening", "first_sound"): "listening",
}
"""Every state and everything that can happen in it."""


def after(state: State, happening: Happening) -> State:
    """The next state."""
    return TRANSITIONS[state, happening]
