"""Hearing under siege: somebody hands in many long recordings of noise; others are heard meanwhile, and what is stopped ends."""

from __future__ import annotations

import threading
import time

import numpy as np

from benchmarks.attack._app import end, running, verdict
from benchmarks.attack._stubs import Tab, tone
from engines.audio import to_pcm16
from engines.types import AudioChunk

NOISES, NOISE_S = 8, 40
"""As many as one page may have under way at once."""
ENDS = ("completed", "interrupted", "failed")


def _heard(tab: Tab, turn: str) -> tuple[str, float]:
    """How a spoken second ended, and after how long."""
    began = time.perf_counter()
    tab.send("utterance", to_pcm16(tone(1000)), turn=turn, sampleRate=16_000)
    return tab.until(*ENDS)[-1].get("code", "completed"), time.perf_counter() - began


def main() -> None:
    """PocketSphinx hears, in a process of its own."""
    noise = np.random.default_rng(0).normal(0, 0.2, NOISE_S * 16_000).astype(np.float32)
    with running(VISAVIS_ISOLATE="true") as (address, app):
        other, besieger = Tab(address), Tab(address)
        other.open()
        besieger.open()
        _, alone_s = _heard(other, "alone")
        for number in range(NOISES):
            sound = to_pcm16(AudioChunk(noise, 16_000))
            threading.Thread(
                target=besieger.send, args=("utterance", sound), kwargs={"turn": f"n{number}", "sampleRate": 16_000}, daemon=True
            ).start()
        time.sleep(2)
        code, besieged_s = _heard(other, "besieged")
        besieger.send("stopped", turn=f"n{NOISES - 1}", index=-1, ms=0)
        besieger.send("leave")
        time.sleep(1.5)
        ears = [child for child in app.children(recursive=True) if child.is_running()]
        before = sum(sum(child.cpu_times()[:2]) for child in ears)
        time.sleep(3)
        busy_s = sum(sum(child.cpu_times()[:2]) for child in ears) - before
    end(
        verdict(
            f"hearing: a spoken second took {alone_s:.1f} s alone, {besieged_s:.1f} s besieged ({code})", holds=besieged_s < 10, goal="10 s"
        ),
        verdict(f"hearing: {busy_s:.1f} s of processor in the 3 s after they stopped", holds=busy_s < 1, goal="under 1 s"),
    )


if __name__ == "__main__":
    main()
