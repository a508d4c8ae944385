"""Service status: personas, the engines of each stage and the limits, as clients are told; and what they may order of engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engines.errors import EngineError
from engines.registry.discovery import EngineOption
from engines.registry.registry import EngineStatus, Registry
from engines.types import Persona, Stage


@dataclass(frozen=True, slots=True)
class StageStatus:
    """The engines of one stage."""

    stage: Stage
    chosen: EngineStatus | None
    """The engine of the next turn; None where none can work."""
    problem: str
    """Why none can, in a sentence; else empty."""
    awaited: tuple[EngineStatus, ...]
    """Engines that would be used before the chosen one, and why they are not yet."""
    selection: str
    """What was asked for, ``NAME`` or ``NAME:MODEL``; empty means the best that can be loaded."""
    options: tuple[EngineOption, ...]
    """All engines that there are."""
    downloads: tuple[EngineStatus, ...] = ()
    """Downloads that go on for later, though another engine was chosen meanwhile."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """Who can be talked with, which engines work, and what the service takes."""

    personas: tuple[Persona, ...]
    first: Persona
    """Who greets first."""
    personas_problem: str | None
    """Why the newest version of the persona file is not in use."""
    stages: tuple[StageStatus, ...]
    max_utterance_ms: float
    max_text_chars: int
    max_upload_mb: int


@dataclass(frozen=True, slots=True)
class EngineOrder:
    """Somebody wants another engine, the end of a download, another try, or answers whether a download shall begin."""

    stage: Stage
    action: Literal["choose", "stop", "retry", "yes", "no", "later"]
    selection: str = ""
    """With ``choose``: ``NAME``, ``NAME:MODEL``, or empty for the best; with ``stop``: of which engine, empty for all; with an
    answer: which engine had asked."""
    keep: bool = False
    """With ``choose``: whether a download that is under way goes on for later."""


def stage_status(registry: Registry, stage: Stage) -> StageStatus:
    """The engines of one stage, as they are now."""
    chosen, awaited, problem = None, tuple[EngineStatus, ...](), ""
    try:
        chosen, awaited = registry.chosen(stage), registry.awaited(stage)
    except EngineError as error:
        problem = error.message
    return StageStatus(stage, chosen, problem, awaited, registry.selection(stage), registry.options(stage), registry.downloads(stage))
