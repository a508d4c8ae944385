"""Kokoro's times in all nine languages, against the frames that the model itself decided on, and what turning them into a mouth costs."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from benchmarks.checkpoints import Calls, save_small_kokoro
from engines.lipsync.oculus import visemes_of
from engines.lipsync.timeline import FRAME_MS, NUCLEUS, viseme_timeline
from engines.tts import kokoro
from engines.types import Speech

SENTENCES = {
    "af_heart": "Well, that depends on the season, because in winter the harbour freezes over and the ferries only run on weekends.",
    "bf_emma": "I'm glad you asked, because most people walk straight past the bakery without ever noticing how good the bread smells.",
    "ef_dora": "Pues depende de la estación, porque en invierno el puerto se hiela y los barcos solo salen los fines de semana.",
    "ff_siwis": "Eh bien, ça dépend de la saison, parce qu'en hiver le port gèle et les bateaux ne partent que le week-end.",
    "hf_alpha": "यह मौसम पर निर्भर करता है, क्योंकि सर्दियों में बंदरगाह जम जाता है और नावें केवल सप्ताहांत में चलती हैं।",
    "if_sara": "Dipende dalla stagione, perché d'inverno il porto gela e i traghetti partono soltanto il fine settimana dal vecchio molo.",
    "jf_alpha": "それは季節によりますね、冬になると港が凍ってしまうので、船は週末にしか古い桟橋から出ないのです。",
    "pf_dora": "Bem, depende da estação, porque no inverno o porto congela e os barcos só saem nos fins de semana.",
    "zf_xiaobei": "这要看季节，因为冬天港口会结冰，渡轮只在周末从那座古老的石头码头出发。",
}
SPEEDS = (0.6, 1.0, 1.5)
MAPPINGS = 100
TARGET_MS = 1.0


def main() -> None:
    """Print, for each language, the samples by which times and sound differ, the furthest onset, and the time of the mapping."""
    warnings.filterwarnings("ignore")
    import torch
    from kokoro import KModel

    torch.set_num_threads(1)  # of a model this small, threads would only wait for each other

    took = list[tuple[float, float]]()
    with tempfile.TemporaryDirectory() as root, Calls(KModel) as calls:
        folder = Path(root) / "Kokoro-82M"
        save_small_kokoro(folder)
        voices = [kokoro.load(kokoro.Options(model=str(folder), speed=speed), "cpu", folder) for speed in SPEEDS]
        for name, text in SENTENCES.items():
            missing, off = 0.0, list[float]()
            for voice in voices:
                calls.made.clear()
                (speech,) = voice.synthesize(text, name)
                phonemes, output = calls.made[0].arguments[1], calls.made[0].result
                total = sum(phoneme.duration_ms for phoneme in speech.phonemes)
                missing = max(missing, abs(total * speech.audio.sample_rate / 1000 - len(speech.audio.samples)))
                off += _distances(speech, phonemes, output.pred_dur.tolist())
                took += _mappings(speech)
            print(
                f"kokoro timing, {name}: {len(phonemes)} phonemes; times and sound differ by {missing:.0f} samples (target: 0); "
                f"{len(off)} mouth onsets, off by at most {max(off):.1f} ms (target: {FRAME_MS:.0f}), mean {statistics.mean(off):.2f} ms"
            )
    wall, own = ([round(statistics.quantiles(column, n=20)[at], 2) for at in (9, 18)] for column in zip(*took, strict=True))
    print(
        f"kokoro timing: a sentence's times into its mouth shapes: median {wall[0]} ms, p95 {wall[1]} ms; without what other programs took "
        f"of the processor {own[0]} and {own[1]} ms; {len(took)} mappings of {len(SENTENCES) * len(SPEEDS)} sentences "
        f"(target: {TARGET_MS:.0f} ms)"
    )


def _distances(speech: Speech, phonemes: str, frames: Sequence[int]) -> list[float]:
    """How far each mouth shape begins from the nearest phoneme of that shape, reckoned from the model's frames alone; ms."""
    edges = [edge * FRAME_MS for edge in accumulate(frames)]  # the first is the end of the begin mark: phoneme i begins at edge i
    audible = [(character, edge) for character, edge in zip(phonemes, edges, strict=False) if visemes_of(character)]
    ends = [*(edge for _, edge in audible[1:]), edges[-2]]
    onsets = [("sil", 0.0), ("sil", edges[-2])]
    for (character, start), end in zip(audible, ends, strict=True):
        names = visemes_of(character)
        glides = len(names) == 2 and names[0] in {"aa", "E", "I", "O", "U"}
        shares = (0.0, NUCLEUS) if glides else [at / len(names) for at in range(len(names))]
        onsets += [(name, start + share * (end - start)) for name, share in zip(names, shares, strict=True)]
    return [min(abs(v.start_ms - onset) for name, onset in onsets if name == v.name) for v in viseme_timeline(speech).visemes]


def _mappings(speech: Speech) -> list[tuple[float, float]]:
    """Time passed and processor time of each, in ms."""
    times = list[tuple[float, float]]()
    for _ in range(MAPPINGS):
        begun, busy = time.perf_counter(), time.thread_time()
        viseme_timeline(speech)
        times.append(((time.perf_counter() - begun) * 1000, (time.thread_time() - busy) * 1000))
    return times


if __name__ == "__main__":
    main()
