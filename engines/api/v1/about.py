"""Health, models and metrics: whether every part works and why not, what can be talked with, and counts for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from engines.conversation.service import ConversationService
from engines.conversation.status import StageStatus
from engines.events import TurnCompleted, TurnEnded, TurnFailed

_BUCKETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)
"""Seconds."""


class Component(BaseModel):
    """One part."""

    name: str
    state: str
    """``ready``, ``idle``, ``downloading`` …"""
    engine: str
    reason: str
    """Why it is not the best there could be; empty where it is."""


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["ok", "degraded", "failing"]
    """``degraded``: it answers, on less than what was wanted."""
    components: list[Component]


class Model(BaseModel):
    """What a client may name: a persona, or an engine."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "visavis"
    kind: Literal["persona", "engine"]
    title: str
    language: str = ""
    stage: str = ""
    state: str = ""
    models: list[str] = []


class Models(BaseModel):
    """Everything that can be named, in the shape of OpenAI's list."""

    object: Literal["list"] = "list"
    data: list[Model]


class Metrics:
    """Counters of turns, for Prometheus. Thread-safe."""

    def __init__(self, sessions: Callable[[], int]) -> None:
        """Nothing has happened yet.

        Args:
            sessions: how many conversations are open.
        """
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 - only where it is served

        self._registry = CollectorRegistry()
        self._turns = Counter("visavis_turns", "Turns that have ended.", ["end", "code"], registry=self._registry)
        self._times = Histogram("visavis_turn_seconds", "From the utterance.", ["until"], buckets=_BUCKETS, registry=self._registry)
        Gauge("visavis_sessions", "Open conversations.", registry=self._registry).set_function(sessions)

    def count(self, end: TurnEnded) -> None:
        """A turn has ended."""
        code = end.code if isinstance(end, TurnFailed) else ""
        kind = "failed" if code else "completed" if isinstance(end, TurnCompleted) else "interrupted"
        self._turns.labels(kind, code).inc()
        for name in ("transcript", "first_text", "first_segment", "total"):
            if (ms := getattr(end.timings, f"{name}_ms")) is not None:
                self._times.labels(name).observe(ms / 1000)

    def page(self) -> bytes:
        """All of it in Prometheus' text format."""
        from prometheus_client import generate_latest  # noqa: PLC0415

        return bytes(generate_latest(self._registry))


def router(service: ConversationService, metrics: Metrics) -> APIRouter:
    """The routes ``/v1/health``, ``/v1/models`` and ``/metrics``."""
    routes = APIRouter(tags=["about"])

    @routes.get("/v1/health")
    async def health() -> Health:
        """Every part, with reasons."""
        status = await asyncio.to_thread(service.status)
        parts = [_component(stage) for stage in status.stages]
        parts.append(
            Component(
                name="personas", state="failed" if status.personas_problem else "ready", engine="", reason=status.personas_problem or ""
            )
        )
        failing = any(stage.chosen is None for stage in status.stages)
        return Health(status="failing" if failing else "degraded" if any(part.reason for part in parts) else "ok", components=parts)

    @routes.get("/v1/models")
    async def models() -> Models:
        """Personas, who can be talked with as models, and engines."""
        status = await asyncio.to_thread(service.status)
        people = [Model(id=one.id, kind="persona", title=one.name, language=one.language) for one in status.personas]
        engines = [_engine(stage, option) for stage in status.stages for option in stage.options]
        return Models(data=[*people, *engines])

    @routes.get("/metrics", response_class=Response)
    async def prometheus() -> Response:
        """Counts in Prometheus' text format."""
        return Response(metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


def _component(stage: StageStatus) -> Component:
    if stage.chosen is None:
        return Component(name=stage.stage, state="failed", engine="", reason=stage.problem)
    waited = "; ".join(f"{one.info.title}: {one.state.name} {one.state.detail}".strip() for one in stage.awaited)
    return Component(
        name=stage.stage, state=stage.chosen.state.name, engine=stage.chosen.info.name, reason=stage.chosen.state.detail or waited
    )


def _engine(stage: StageStatus, option: Any) -> Model:
    info = option.info
    return Model(
        id=f"{stage.stage}/{info.name}",
        kind="engine",
        title=info.title,
        stage=stage.stage,
        state=option.state.name,
        models=list(info.models),
    )
