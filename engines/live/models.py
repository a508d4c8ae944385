"""Models of hands-free listening, shared by all conversations: fetched and opened behind them; until then loudness and silence decide."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from engines.concurrency.channel import CancelToken
from engines.errors import EngineError
from engines.live.listener import Listener
from engines.turn_end.smart_turn import SmartTurn
from engines.vad.energy import Energy
from engines.vad.silero import Silero
from engines.weights import catalog, store
from engines.weights.fetching import size

log = logging.getLogger(__name__)

VOICES, TURNS = "silero-vad", "smart-turn"
"""Their names in the catalog."""
_MEANWHILE = "Until then loudness decides when you speak, and a silence of a second when you have finished."
_WITHOUT = "Loudness decides when you speak, and a silence of a second when you have finished."


class LiveModels:
    """Silero VAD and Smart Turn; every method may be called from any thread and none waits."""

    def __init__(self, weights: Path) -> None:
        """Nothing is asked for yet.

        Args:
            weights: `Settings.weights`.
        """
        self._weights, self._guard = weights, threading.Lock()
        self._voices: Silero | None = None
        self._turns: SmartTurn | None = None
        self._coming, self._cancel = False, CancelToken()
        self.notice = ""
        """What the user should know: models are on their way, or cannot be had; empty where all is well."""
        self.version = 0
        """Grows with every model that has come: a listener of before could be replaced by a better one."""

    def want(self) -> None:
        """Somebody listens: see to it that the models come, unless they are here or on their way."""
        with self._guard:
            if self._coming or (self._voices and self._turns):
                return
            self._coming = True
        threading.Thread(target=self._bring_all, name="live-models", daemon=True).start()

    def listener(self, longest_ms: float) -> Listener:
        """A listener with what is here. `longest_ms`: an utterance that lasts so long is ended."""
        return Listener(self._voices.stream() if self._voices else Energy(), self._turns, longest_ms=longest_ms)

    def close(self) -> None:
        """End what is on its way."""
        self._cancel.cancel()

    def _bring_all(self) -> None:
        problems = [
            self._bring(VOICES, lambda folder: setattr(self, "_voices", Silero(folder))),
            self._bring(TURNS, lambda folder: setattr(self, "_turns", SmartTurn(folder))),
        ]
        problem = next(filter(None, problems), "")
        with self._guard:
            self._coming = False
            self.notice = f"{problem} {_WITHOUT}" if problem else ""

    def _bring(self, name: str, use: Callable[[Path], object]) -> str:
        """Fetch and open one; why that cannot be, in a sentence, or nothing."""
        model = catalog.named(name)
        try:
            folder = store.find(model, self._weights)
            if folder is None:
                self.notice = f"{model.title} is being fetched ({size(model.size)}). {_MEANWHILE}"
                folder = store.fetch(model, self._weights, cancel=self._cancel)
            use(folder)
        except EngineError as error:
            log.warning("%s", error.message)
            return error.message
        except Exception:  # a damaged installation of ONNX Runtime can raise anything
            log.exception("%s cannot be opened", name)
            return f"{model.title} cannot be opened."
        self.version += 1
        return ""
