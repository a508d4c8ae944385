"""Hearing under siege: somebody hands in many long recordings of a voice; others are heard meanwhile, and what is stopped ends."""

from __future__ import annotations

import threading
import time

from benchmarks.attack._app import end, running, verdict
from benchmarks.attack._stubs import Tab
from engines.audio import concatenate, resample, to_pcm16
from engines.tts import espeak_ng

RECORDINGS, REPEATED = 8, 12
"""As many as one page may have under way at once, and how often each says its sentence: half a minute."""
SAYS = "What can you tell me about the wolves of this country?"
ENDS = ("completed", "interrupted", "failed")


def _heard(tab: Tab, turn: str, sound: bytes) -> tuple[str, float]:
    """How a spoken sentence ended, and after how long."""
    began = time.perf_counter()
    tab.send("utterance", sound, turn=turn, sampleRate=16_000)
    return tab.until(*ENDS)[-1].get("code", "completed"), time.perf_counter() - began


def main() -> None:
    """PocketSphinx hears, in a process of its own."""
    voice = espeak_ng.load(espeak_ng.Options(), "cpu")
    sentence = concatenate([resample(part.audio, 16_000) for part in voice.synthesize(SAYS)])
    short, long = to_pcm16(sentence), to_pcm16(concatenate([sentence] * REPEATED))
    with running(VISAVIS_ISOLATE="true") as (address, app):
        other, besieger = Tab(address), Tab(address)
        other.open()
        besieger.open()
        _, alone_s = _heard(other, "alone", short)
        for number in range(RECORDINGS):
            fields = {"turn": f"n{number}", "sampleRate": 16_000}
            threading.Thread(target=besieger.send, args=("utterance", long), kwargs=fields, daemon=True).start()
        time.sleep(2)
        code, besieged_s = _heard(other, "besieged", short)
        besieger.send("stopped", turn=f"n{RECORDINGS - 1}", index=-1, ms=0)
        besieger.send("leave")
        time.sleep(1.5)
        ears = [child for child in app.children(recursive=True) if child.is_running()]
        before = sum(sum(child.cpu_times()[:2]) for child in ears)
        time.sleep(3)
        busy_s = sum(sum(child.cpu_times()[:2]) for child in ears) - before
    end(
        verdict(
            f"hearing: a spoken sentence took {alone_s:.1f} s alone, {besieged_s:.1f} s besieged ({code})",
            holds=besieged_s < 10 and code == "completed",
            goal="under 10 s",
        ),
        verdict(f"hearing: {busy_s:.1f} s of processor in the 3 s after they stopped", holds=busy_s < 1, goal="under 1 s"),
    )


if __name__ == "__main__":
    main()
