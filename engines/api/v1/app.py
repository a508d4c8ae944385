"""The API for other programs as one application, beside the page or alone (`python -m engines serve`); OpenAPI at ``/docs``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, WebSocket
from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.routing import Match

from engines.api.access.policy import READ, WEBSOCKET, Rule, Who
from engines.api.protocols import headtts, openai_audio, openai_chat, realtime
from engines.api.v1 import about, speech_to_speech
from engines.api.v1.problems import RESPONSES, ApiError, explain_problems
from engines.api.v1.sessions import Sessions
from engines.api.v1.stream import NO_SESSION, AudioForm, Connection
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.live.models import LiveModels

_UPLOADS = {"/api/sts-avatar", "/upload", "/v1/audio/transcriptions"}
_JSON_BYTES = 1_000_000
"""Most of a body that is no upload."""
Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
SessionName = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The session's id, which is its secret.")]


class NewSession(BaseModel):
    """Who is to be talked with."""

    persona: str | None = None
    voice: str | None = None
    speed: float | None = None
    emotion: str | None = None


class SessionState(BaseModel):
    """A session as it is now."""

    id: str
    persona: str
    state: str
    stream: str
    """Address of its WebSocket."""


class ProgramApi:
    """Routes for other programs. The application is made once; `beside` puts it in front of another one."""

    def __init__(self, service: ConversationService, models: LiveModels | None = None) -> None:
        """Nobody is there.

        Args:
            service: every use case.
            models: of listening to frames; None takes them from the weights that the settings name.
        """
        self._service = service
        self._models = models or LiveModels(service.settings.weights)
        self.sessions = Sessions(service, service.settings.max_sessions)
        metrics = about.Metrics(lambda: len(service))
        service.on_turn_end.append(metrics.count)
        self.app = FastAPI(title="Visavis", version="1", description=__doc__, docs_url="/docs", redoc_url=None)
        explain_problems(self.app)
        self.app.include_router(self._session_routes())
        for protocol in (speech_to_speech, openai_audio, openai_chat, headtts):
            self.app.include_router(protocol.router(service))
        self.app.include_router(realtime.router(service, self.sessions, self._models))
        self.app.include_router(about.router(service, metrics))

    def rules(self) -> list[Rule]:
        """The routes' lines in the access policy: each with the methods that it has, and room for an upload where there can be one."""
        upload = round(self._service.settings.max_upload_mb * 1e6) + _JSON_BYTES
        lines = []
        for route in _flat(self.app.routes):
            path = str(route.path)
            methods = getattr(route, "methods", None) or ()
            most = 0 if set(methods) <= set(READ) else upload if path in _UPLOADS else _JSON_BYTES
            lines.append(Rule(path, tuple(sorted(methods)) or (WEBSOCKET,), Who.PROGRAM, most, stays_open=path.startswith("/stream/")))
        return lines

    def close(self) -> None:
        """End every session; may be called from any thread."""
        self._models.close()
        self.sessions.close_all()

    def beside(self) -> Middleware:
        """Puts it beside another app: ``app_kwargs={"middleware": [guarding(…), programs.beside()]}``."""
        return Middleware(_Beside, programs=self)

    def knows(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether a request is for one of these routes, whatever its method."""
        return any(route.matches(scope)[0] is not Match.NONE for route in self.app.routes)

    def _session_routes(self) -> APIRouter:
        routes, service, sessions = APIRouter(tags=["sessions"], responses=RESPONSES), self._service, self.sessions

        async def shown(session_id: str) -> SessionState:
            session = sessions.get(session_id)
            persona = await asyncio.to_thread(service.persona, session_id)
            return SessionState(id=session_id, persona=persona.id, state=session.state, stream=f"/v1/sessions/{session_id}/stream")

        @routes.post("/v1/sessions", status_code=201)
        async def open_session(asked: NewSession | None = None) -> SessionState:
            """Open a conversation."""
            asked = asked or NewSession()
            session = sessions.open()
            try:
                await asyncio.to_thread(
                    lambda: service.adjust(session.id, asked.persona, voice=asked.voice, speed=asked.speed, mood=asked.emotion)
                )
            except EngineError:
                await sessions.close(session)
                raise
            return await shown(session.id)

        @routes.get("/v1/sessions/{session_id}")
        async def session(session_id: SessionName) -> SessionState:
            """How a conversation stands."""
            return await shown(session_id)

        @routes.delete("/v1/sessions/{session_id}", status_code=204)
        async def close_session(session_id: SessionName) -> None:
            """End a conversation."""
            await sessions.close(sessions.get(session_id))

        @routes.websocket("/v1/sessions/{session_id}/stream")
        async def stream(socket: WebSocket, session_id: str, after: int = 0, audio: AudioForm = "json") -> None:
            try:
                session = sessions.get(session_id)
            except ApiError as error:
                await socket.accept()
                await socket.send_json({"type": "error", "code": error.code, "message": error.message})
                await socket.close(NO_SESSION)
                return
            await Connection(socket, session, service, self._models).serve(after, audio)

        return routes


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes, those of included routers too."""
    for route in routes:
        if hasattr(route, "effective_route_contexts"):
            yield from _flat(route.effective_route_contexts())
        else:
            yield route


class _Beside:
    """Answers what is for other programs, and hands everything else to the app behind it."""

    def __init__(self, app: Asgi, programs: ProgramApi) -> None:
        self._app, self._programs = app, programs

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request."""
        ours = scope["type"] in {"http", "websocket"} and self._programs.knows(scope)
        await (self._programs.app if ours else self._app)(scope, receive, send)
