"""Hands-free conversation: frames of an open microphone → turns that begin by themselves, and a persona that can be interrupted.

While somebody pauses, an answer is begun in secret (`SpeculativeTurn`); it is taken up when the pause becomes the end. Somebody who speaks
while the persona does is heard first: the persona speaks lower, falls silent for words and for speech that lasts, and goes on after a
cough, a backchannel ("mm-hm"), or its own words from the loudspeaker.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.conversation.service import ConversationService
from engines.conversation.speculation import SpeculativeTurn
from engines.errors import EngineError
from engines.events import TurnEvent
from engines.live.listener import Listener, SpeechEnded, SpeechHushed, SpeechPaused, SpeechResumed, SpeechStarted
from engines.live.partial_transcript import PartialTranscripts
from engines.live.user_interruption import BARGE_IN_MS, verdict

LIKELY = 0.3
"""From this probability of an end on the chat model begins to answer in a pause."""
POSITION_S = 0.5
"""How long an answer waits to know how far the one was heard that it interrupts, so that the chat model reads no more than that."""


@dataclass(frozen=True, slots=True)
class UserSpeech:
    """What the user does: they began to speak, paused, went on, ended; or it was nothing that wants an answer."""

    state: Literal["speaking", "pausing", "ended", "dropped"]
    turn_id: str = ""
    """Of the turn that answers it, where it is known."""
    text: str | None = None
    """The words so far, where they are known."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What the persona does about somebody who speaks at the same time: speak lower, fall silent, or go on as before."""

    action: Literal["duck", "stop", "resume"]


class LiveClient(Protocol):
    """Whoever listens and shows. Both methods are called from any thread, never at once, and must not wait long."""

    def tell(self, event: UserSpeech | BargeIn) -> None:
        """Something has happened."""
        ...

    def answer(self, turn_id: str, events: Iterator[TurnEvent]) -> None:
        """A turn has begun; its events are to be read on another thread."""
        ...


class LiveConversation:
    """One hands-free conversation; every method may be called from any thread, frames in their order."""

    def __init__(self, service: ConversationService, session_id: str, listener: Listener, client: LiveClient) -> None:
        self._service, self._session_id, self._listener, self._client = service, session_id, listener, client
        self._guard = threading.RLock()
        self._guess: SpeculativeTurn | None = None
        self._partial = PartialTranscripts(lambda sound: service.speculate(session_id, sound, only_hear=True), self._read)
        self._over_persona = False
        """Whether it is not clear yet if what is being said shall interrupt the persona."""
        self._ended = False
        """Whether that has ended all the same."""
        self._paused = False
        """Whether the client was told of a pause."""
        self._position_known = threading.Event()
        """Whether the client has said how far the persona was heard that it was told to silence."""
        self._position_known.set()

    def use(self, listener: Listener) -> bool:
        """Listen with another one from now on; False while somebody speaks, who is heard to the end with the one before."""
        with self._guard:
            if self._listener.is_speaking:
                return False
            self._listener = listener
            return True

    def stopped(self) -> None:
        """The client has silenced the persona and told `ConversationService.stop` how far they were heard."""
        self._position_known.set()

    def hear(self, samples: NDArray[np.float32], *, audible: bool) -> None:
        """Take the next sound of the microphone.

        Args:
            samples: shape (n,), float32, 16 000 Hz.
            audible: whether the persona spoke meanwhile, or was about to: what is said then may be an interruption.
        """
        with self._guard:
            for event in self._listener.push(samples):
                match event:
                    case SpeechStarted():
                        self._begin(audible=audible)
                    case SpeechHushed():
                        self._begin_guess(event)
                    case SpeechPaused() if self._guess:
                        self._paused = True
                        self._client.tell(UserSpeech("pausing", self._guess.turn_id))
                        if self._guess.is_known:
                            self._use_words(self._guess)
                    case SpeechResumed():
                        self._forget_guess()
                        if self._paused:
                            self._client.tell(UserSpeech("speaking"))
                        self._paused = False
                    case SpeechEnded():
                        self._end(event)
            if self._over_persona and self._listener.speech_ms >= BARGE_IN_MS:
                self._interrupt()
            if self._listener.is_speaking and not self._listener.is_pausing and not self._over_persona:
                self._partial.consider(self._listener)

    def close(self) -> None:
        """The microphone is closed: what was begun is forgotten."""
        with self._guard:
            self._forget_guess()
            if self._over_persona:
                self._client.tell(BargeIn("resume"))
            if self._listener.is_speaking or self._ended:
                self._client.tell(UserSpeech("dropped"))
            self._over_persona = self._ended = False
            self._listener.reset()

    def _begin(self, *, audible: bool) -> None:
        if self._ended:  # what was said before is still being understood, and they have gone on
            self._forget_guess()
        self._over_persona, self._ended = audible or (self._over_persona and self._ended), False
        self._paused = False
        self._partial.begin()
        if self._over_persona:
            self._client.tell(BargeIn("duck"))
        self._client.tell(UserSpeech("speaking"))

    def _begin_guess(self, hush: SpeechHushed) -> None:
        self._forget_guess()
        likely = hush.complete is None or hush.complete >= LIKELY
        try:
            guess = self._service.speculate(self._session_id, hush.utterance, only_hear=self._over_persona or not likely)
        except EngineError:
            return  # the end of the utterance will say why
        self._guess = guess
        threading.Thread(target=self._understand, args=(guess,), name=f"understand-{guess.turn_id}", daemon=True).start()

    def _understand(self, guess: SpeculativeTurn) -> None:
        """Wait for the words of a pause, and do what they ask for."""
        guess.wait_for_words()
        with self._guard:
            if guess is self._guess:
                self._use_words(guess)

    def _use_words(self, guess: SpeculativeTurn) -> None:
        words, language = (guess.transcript.text, guess.transcript.language) if guess.transcript else ("", None)
        if words:
            self._listener.tell(words, language)
        if not (self._paused or self._ended):
            return  # this may be within a word: nothing is done before it is a pause
        if words:
            self._client.tell(UserSpeech("pausing", guess.turn_id, words))
        if self._over_persona:
            asked = verdict(words, language, self._being_said()) if words or guess.no_words else "stop"
            if asked == "go on":
                self._let_go_on()
                return
            self._interrupt()
            if asked == "stop and wait":
                self._drop()
                return
        if self._ended:
            self._take_up()

    def _being_said(self) -> str:
        turns = self._service.conversation(self._session_id).turns
        return turns[-1].said if turns else ""

    def _end(self, end: SpeechEnded) -> None:
        self._ended = True
        if self._guess is None:  # it ended without a pause: it was as long as an utterance may be
            self._begin_guess(SpeechHushed(end.at_ms, end.utterance))
        if self._guess is None:
            self._drop()
            return
        if not self._over_persona and self._guess.is_known:
            self._take_up()

    def _take_up(self) -> None:
        guess, self._guess, self._ended = self._guess, None, False
        if guess is None:
            return
        if guess.no_words:
            guess.cancel()
            self._client.tell(UserSpeech("dropped"))
            return
        self._client.tell(UserSpeech("ended", guess.turn_id, guess.transcript.text if guess.transcript else None))
        self._client.answer(guess.turn_id, self._answer(guess))

    def _answer(self, guess: SpeculativeTurn) -> Iterator[TurnEvent]:
        self._position_known.wait(POSITION_S)
        yield from self._service.take_up(self._session_id, guess)

    def _interrupt(self) -> None:
        self._over_persona = False
        self._position_known.clear()
        self._client.tell(BargeIn("stop"))

    def _let_go_on(self) -> None:
        self._client.tell(BargeIn("resume"))
        self._drop()

    def _drop(self) -> None:
        self._forget_guess()
        self._over_persona = self._ended = False
        self._listener.reset()
        self._client.tell(UserSpeech("dropped"))

    def _read(self, words: str) -> None:
        """Words of an utterance that goes on."""
        with self._guard:
            if self._listener.is_speaking and not self._listener.is_pausing:
                self._client.tell(UserSpeech("speaking", text=words))

    def _forget_guess(self) -> None:
        self._partial.cancel()
        if self._guess:
            self._guess.cancel()
            self._guess = None
