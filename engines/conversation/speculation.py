"""Speculative turn: an answer begun while the user may only be pausing; it is heard and remembered only once it is taken up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from engines.concurrency.channel import Channel
from engines.conversation.pipeline import TurnRequest
from engines.conversation.prompt import History
from engines.conversation.session import RunningTurn
from engines.conversation.turn import run_turn
from engines.errors import ChatModelError
from engines.events import TranscriptReady, TurnEvent, TurnFailed
from engines.registry.registry import Engines
from engines.types import ChatMessage, Persona, Transcript

EVENTS_AHEAD = 64
"""Events that wait while it is not certain; then the turn itself waits."""


class SpeculativeTurn(RunningTurn):
    """A turn that runs before it is taken up. Its methods may be called from any thread."""

    def __init__(self, persona: Persona, request: TurnRequest, engines: Engines, *, only_hear: bool) -> None:
        """Begin at once, in a thread of its own.

        Args:
            persona: who answers.
            request: what is answered.
            engines: who works.
            only_hear: transcribe, and let the chat model wait until the turn is taken up.
        """
        super().__init__(request.turn_id, persona)
        self.engines = engines
        self.request = replace(request, history=self._when_allowed(request.history))
        self._held: Channel[TurnEvent] = Channel(EVENTS_AHEAD)
        self._allowed, self._known, self._taken = threading.Event(), threading.Event(), False
        self.transcript: Transcript | None = None
        """What was understood, as soon as it is."""
        self.no_words = False
        """Whether it is certain that nothing was said."""
        if not only_hear:
            self._allowed.set()
        threading.Thread(target=self._run, name=f"speculate-{request.turn_id}", daemon=True).start()

    @property
    def is_known(self) -> bool:
        """Whether it is known what was said, or that it will not be."""
        return self._known.is_set()

    def wait_for_words(self) -> None:
        """Wait until it is known what was said, or that it will not be."""
        self._known.wait()

    def take_up(self) -> None:
        """It counts now: the chat model need not wait any longer, and `events` tells what has happened."""
        self._taken = True
        self._allowed.set()

    def cancel(self) -> None:
        """End it; one that was not taken up leaves no trace."""
        super().cancel()
        self._allowed.set()
        self._known.set()
        if not self._taken:
            self._held.close(discard=True)

    def events(self, request: TurnRequest, engines: Engines) -> Iterator[TurnEvent]:  # noqa: ARG002 - they were given at the beginning
        """What has happened so far and what happens from now on."""
        while events := self._held.get():
            yield from events

    def _when_allowed(self, history: History) -> History:
        def messages() -> tuple[ChatMessage, ...]:
            self._allowed.wait()
            if self._token.cancelled:
                raise ChatModelError("The answer was not wanted any more.", code="cancelled")
            return tuple(history() if callable(history) else history)

        return messages

    def _run(self) -> None:
        try:
            for event in run_turn(self.request, self.engines, self._token):
                if isinstance(event, TranscriptReady):
                    self.transcript = event.transcript
                    self._known.set()
                elif isinstance(event, TurnFailed):
                    self.no_words = event.code == "no_words"
                self._held.put(event)
        finally:
            self._known.set()
            self._held.close()
