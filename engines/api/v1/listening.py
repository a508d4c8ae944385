"""Open microphone of a session: its frames go through the same `Listener` as those of the page."""

from __future__ import annotations

from engines.api.hands_free import MESSAGE_BYTES, HandsFree
from engines.api.v1.problems import ApiError
from engines.api.v1.sessions import Session
from engines.api.wire import Json
from engines.conversation.service import ConversationService
from engines.live.models import LiveModels


class SessionMicrophone:
    """Frames of 16-bit little-endian mono PCM at 16 000 Hz, of any length; what is decided is told to the session."""

    def __init__(self, session: Session, service: ConversationService, models: LiveModels) -> None:
        """Listen.

        Args:
            session: whose microphone it is.
            service: every use case.
            models: what tells speech from other sounds, and the end of a turn.
        """
        self._session = session
        self.session_id = session.id
        models.want()
        self._hands_free = HandsFree(self, "microphone", service, models, session.run)
        self._frames, self._rest = 0, b""

    async def take(self, sound: bytes) -> None:
        """Take the next frame.

        Raises:
            ApiError: code ``too_large``, or ``busy``: this machine cannot keep up.
        """
        if len(sound) > MESSAGE_BYTES:
            raise ApiError("A frame may hold 16 s of sound at most; send shorter ones.", code="too_large")
        sound, odd = self._rest + sound, (len(self._rest) + len(sound)) % 2
        self._rest = sound[len(sound) - odd :]
        if whole := sound[: len(sound) - odd]:
            message = {"first": self._frames, "audible": [self._session.is_audible]}
            self._frames += 1
            if problem := await self._hands_free.take(message, whole):
                raise ApiError(problem, code="busy", retryable=True)

    def close(self) -> None:
        """Listen no more."""
        self._hands_free.close()

    def tell(self, message: Json, data: bytes = b"") -> None:  # noqa: ARG002 - a page gets sound as well
        """What hands-free listening decides, in the words of the session; called on its thread."""
        session = self._session
        match message:
            case {"type": "user", "state": "speaking"}:
                session.happened("speech_started")
            case {"type": "user", "state": "dropped"}:
                session.happened("speech_dropped")
            case {"type": "user", "text": str() as text, "turn": turn}:
                session.tell({"type": "transcript", "turn": turn, "text": text, "final": False})
            case {"type": "barge", "action": action}:
                if action == "stop":
                    session.interrupt()
                    self._hands_free.stopped()
                session.tell({"type": "barge_in", "action": action})
            case {"type": "listening", "notice": str() as notice} if notice:
                session.tell({"type": "notice", "notices": [notice]})
            case {"type": "failed"}:
                session.tell({"type": "error", "turn": message["turn"], "code": message["code"], "message": message["message"]})
