"""A recording handed over, or an end of turn decided hands-free → first segment in the page; engines at no cost, Chromium on loopback."""

from __future__ import annotations

import statistics
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

import app
from avatar_assets.avatar_files import AVATARS
from engines.api.page_api import PageApi
from engines.api.v1.app import ProgramApi
from engines.audio import resample, to_wav
from engines.config.address import free_port
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.live.listener import Listener, ListenerEvent, SpeechEnded
from engines.live.models import LiveModels
from engines.live.user_stop import Patience
from engines.registry.registry import EngineHandle, Engines, Registry
from engines.tts import espeak_ng
from engines.types import AudioChunk, ChatMessage, EngineInfo, Persona, PhonemeTiming, Speech, TextDelta, Transcript, Voice
from engines.vad.energy import Energy
from tests.fixtures import chromium

TURNS, WARM_UP, TARGET_MS = 60, 5, 30
HANDS_FREE_TURNS, HANDS_FREE_TARGET_MS, RUNS = 20, 60, 3
PAUSE_MS = 200
"""Between two turns, as peer-bench pauses: nobody stops one person and speaks to the next within a millisecond."""
ONE_TURN = """async () => {
  const recording = { pcm: new Int16Array(48000).map((_, i) => 9000 * Math.sin(i / 8)), sampleRate: 16000 };
  const arrived = new Promise((resolve) => {
    const receive = visavis.receive;
    visavis.receive = (event) => {
      if (event.type === 'segment') { resolve(performance.now()); visavis.receive = receive; }
      return receive.call(visavis, event);
    };
  });
  const begun = performance.now();
  visavis.hear(recording);
  const took = (await arrived) - begun;
  await visavis.stop();
  return took;
}"""
FIRST_SEGMENTS = """() => {
  window.arrived = {};
  const receive = visavis.receive;
  visavis.receive = (event) => {
    if (event.type === 'segment') arrived[event.turn] ??= (performance.timeOrigin + performance.now()) / 1000;
    return receive.call(visavis, event);
  };
}"""
SILENCE_S = 0.8
"""Between two utterances: the end of the turn is decided after 0.3 s, and the answer lasts 0.2 s."""


class Instant:
    """Ears, mind and voice that answer at once: the same short sound for any recording."""

    sound = Speech(AudioChunk(np.full(4_800, 0.1, np.float32), 24_000), (PhonemeTiming("a", 0.0, 200.0),), (), "measured")

    def transcribe(self, audio: AudioChunk, language: str | None = None, priors: object = None, cancel: object = None) -> Transcript:
        return Transcript("How are you?")

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:
        yield TextDelta("I am very well indeed.")

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        yield self.sound

    def voices(self) -> Sequence[Voice]:
        return ()


class InstantRegistry(Registry):
    """The house's registry, but the engines at work are `Instant`."""

    def engines(self, language: str = "", input_language: str | None = None) -> Engines:
        infos = {stage: EngineInfo(name="instant", stage=stage, title="Instant", summary="") for stage in ("stt", "llm", "tts")}
        return Engines(**{stage: EngineHandle(info, Instant) for stage, info in infos.items()})


class TimedListener(Listener):
    """Notes when an end of turn was decided, in seconds since 1970 as the browser counts them too."""

    decided: list[float]

    def push(self, samples: NDArray[np.float32]) -> Iterator[ListenerEvent]:
        for event in super().push(samples):
            if isinstance(event, SpeechEnded):
                self.decided.append(time.time())
            yield event


class TimedModels(LiveModels):
    """Listens by loudness, and decides an end after 0.3 s of silence."""

    def __init__(self, weights: Path) -> None:
        super().__init__(weights)
        self.decided: list[float] = []

    def want(self) -> None:
        """Nothing is fetched."""

    def listener(self, longest_ms: float) -> Listener:
        listener = TimedListener(Energy(), None, longest_ms=longest_ms, patience=Patience(alone_ms=300.0))
        listener.decided = self.decided
        return listener


def main() -> None:
    """Print median and 95th percentile over the counted turns: recordings of 3 s, then turns that are spoken hands-free."""
    settings = Settings()
    service = ConversationService(settings, InstantRegistry(settings), PersonaBook(settings.personas_file))
    models = TimedModels(settings.weights)
    page, api = app.build(), PageApi(service, AVATARS, models)
    app.launch(page, api, ProgramApi(service, models), settings, free_port(settings.host, 7950))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        question = Path(folder) / "question.wav"
        question.write_bytes(to_wav(_question()))
        heard = [*chromium.FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={question}", chromium.AUTOPLAY]
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=[*chromium.QUIET, *heard])
        tab = _open(browser, str(page.local_url))
        times = sorted([_one_turn(tab) for _ in range(TURNS + WARM_UP)][WARM_UP:])
        _print("recording handed over", times, TARGET_MS)
        tab.context.close()
        for _ in range(RUNS):
            tab = _open(browser, str(page.local_url))
            _print("end of turn decided hands-free", _hands_free(tab, models.decided), HANDS_FREE_TARGET_MS)
            tab.context.close()
        browser.close()
    app.close(page, api, service)


def _question() -> AudioChunk:
    """One short question and the silence behind it, for a microphone that hears it again and again."""
    (speech,) = espeak_ng.load(espeak_ng.Options(), "cpu").synthesize("What about Tuesday?", "en-us")
    sound = resample(speech.audio, 16_000).samples
    hiss = np.random.default_rng(1).standard_normal(round(SILENCE_S * 16_000)).astype(np.float32) * 1e-4
    return AudioChunk(np.concatenate([sound, hiss]), 16_000)


def _open(browser: Browser, address: str) -> Page:
    tab = browser.new_context(permissions=["microphone"]).new_page()
    tab.goto(f"{address}?face=2d")
    tab.wait_for_function("document.getElementById('status')?.dataset.state === 'idle'")
    return tab


def _one_turn(tab: Page) -> float:
    took: float = tab.evaluate(ONE_TURN)
    tab.wait_for_timeout(PAUSE_MS)
    return took


def _hands_free(tab: Page, decided: list[float]) -> list[float]:
    """Times of the turns that were answered, sorted, in ms."""
    decided.clear()
    tab.evaluate(FIRST_SEGMENTS)
    tab.locator("#hands-free").click()
    tab.wait_for_function(f"Object.keys(arrived).length >= {HANDS_FREE_TURNS + WARM_UP}", timeout=300_000)
    arrived = sorted(tab.evaluate("Object.values(arrived)"))[WARM_UP:]
    return sorted((at - decided[bisect_left(decided, at) - 1]) * 1000 for at in arrived)


def _print(what: str, times: list[float], target_ms: int) -> None:
    p95 = times[round(0.95 * (len(times) - 1))]
    print(f"page latency: {what} to first segment in the page, {len(times)} turns:", end=" ")
    print(f"median {statistics.median(times):.1f} ms, p95 {p95:.1f} ms (target: p95 at most {target_ms} ms)")


if __name__ == "__main__":
    main()
