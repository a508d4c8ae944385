"""End of a recording handed over → first segment in the page, with engines that cost nothing, in a real Chromium on loopback."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import numpy as np
from playwright.sync_api import Page, sync_playwright

import app
from avatar_assets.avatar_files import AVATARS
from engines.api.page_api import PageApi
from engines.config.address import free_port
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.registry.registry import EngineHandle, Engines, Registry
from engines.types import AudioChunk, ChatMessage, EngineInfo, Persona, PhonemeTiming, Speech, TextDelta, Transcript, Voice
from tests.fixtures import chromium

TURNS, WARM_UP, TARGET_MS = 60, 5, 30
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


class Instant:
    """Ears, mind and voice that answer at once: one second of sound for any recording."""

    sound = Speech(AudioChunk(np.full(24_000, 0.1, np.float32), 24_000), (PhonemeTiming("a", 0.0, 1000.0),), (), "measured")

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


def main() -> None:
    """Print median and 95th percentile over the counted turns; a recording of 3 s."""
    settings = Settings()
    service = ConversationService(settings, InstantRegistry(settings), PersonaBook(settings.personas_file))
    page, api = app.build(), PageApi(service, AVATARS)
    app.launch(page, api, settings.host, free_port(settings.host, 7950))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.QUIET)
        tab = browser.new_page()
        tab.goto(f"{page.local_url}?face=2d")
        tab.wait_for_function("document.getElementById('status')?.dataset.state === 'idle'")
        times = sorted([_one_turn(tab) for _ in range(TURNS + WARM_UP)][WARM_UP:])
        browser.close()
    app.close(page, api, service)
    p95 = times[round(0.95 * (TURNS - 1))]
    print(f"page latency: recording handed over to first segment in the page, {TURNS} turns:", end=" ")
    print(f"median {statistics.median(times):.1f} ms, p95 {p95:.1f} ms (target: p95 at most {TARGET_MS} ms)")


def _one_turn(tab: Page) -> float:
    took: float = tab.evaluate(ONE_TURN)
    tab.wait_for_timeout(PAUSE_MS)
    return took


if __name__ == "__main__":
    main()
