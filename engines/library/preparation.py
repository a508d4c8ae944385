"""Engines got ready before the first word, for programs that do not want to begin on the stand-ins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from engines.errors import EngineError, MissingDependency
from engines.registry.registry import Registry
from engines.types import STAGES, Stage

_UNDER_WAY = {"idle", "downloading", "loading"}
_LOOK_S = 0.1

Tell = Callable[[str], None]
"""Is told in words how far it is; an empty text means that nothing is under way any more."""


def prepared(registry: Registry, stages: Iterable[Stage] = STAGES, tell: Tell = lambda _: None) -> tuple[str, ...]:
    """Wait until the best engine of every stage is loaded, its weights fetched if they must be.

    Args:
        registry: the engines.
        stages: which of them are needed.
        tell: is told what is under way.

    Returns:
        Sentences about engines that would have been better and cannot work here.

    Raises:
        EngineError: an engine that was asked for by name cannot work here.
    """
    wanted = tuple(stages)
    for stage in wanted:
        registry.retry(stage)
    notices = []
    for stage in wanted:
        while under_way := [one for one in (*registry.awaited(stage), registry.chosen(stage)) if one.state.name in _UNDER_WAY]:
            state = under_way[0].state
            share = f" {state.done / state.total:.0%}" if state.total else ""
            tell(f"{under_way[0].info.title}: {state.name}{share}")
            time.sleep(_LOOK_S)
        for one in registry.awaited(stage):
            if registry.selection(stage):
                if one.state.name == "needs":
                    raise MissingDependency(one.info.title, one.state.detail)
                raise EngineError(f"{one.info.title} cannot work here: {one.state.detail}", code="unfit")
            notices.append(f"{one.info.title} cannot work here: {one.state.detail}")
    tell("")
    return tuple(notices)
