"""Endpointing: how often a pause is taken for an end, and how long an end is waited for: ``python -m benchmarks.endpointing [RECORDINGS]``.

At least 300 utterances, told from pauses inside them as the public eot-bench tells them (LiveKit, 2026): the share of utterances that are
cut off where the mean wait is 300 and 600 ms, and the mean wait where 5 % are. Silence alone on the same utterances stands beside it.

The utterances are recordings of people (a folder with ``manifest.json``, or WAV files with their text beside them) and Kokoro's voices in
nine languages. Up to three of the pauses that the speakers make themselves (so that their melody is that of a pause) are lengthened to
0.25 to 2.2 s; each utterance is heard clean or with pink noise at 20, 10 or 5 dB.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.audio import concatenate, decode, resample
from engines.config.settings import load_settings
from engines.live.listener import Listener, SpeechPaused, SpeechResumed
from engines.tts import kokoro_onnx
from engines.turn_end.patience import Patience
from engines.turn_end.smart_turn import SmartTurn
from engines.vad.frames import SAMPLE_RATE
from engines.vad.silero import Silero
from engines.weights import catalog, store

RECORDINGS = Path(__file__).resolve().parent.parent.parent / "shared" / "speech" / "clips"
TEXTS = {
    "af_heart": (
        "Could you tell me, if you know, what the weather will be like in Lisbon on Thursday?",
        "No.",
        "Can you repeat that, please?",
        "I'd like, let me think, two tickets for the evening show, and one for the morning.",
    ),
    "am_michael": (
        "I would like to book a table, for four people, at half past seven, please.",
        "Yes, exactly.",
        "When I was young, we had a dog, and he could open doors.",
    ),
    "bf_emma": (
        "So I was walking home yesterday, and, um, I saw this enormous heron, standing on the bridge.",
        "It was great.",
        "If I leave at nine, will I get there, do you think, before the museum closes?",
    ),
    "am_puck": (
        "Turn the lights off in the kitchen, and, uh, set the heating to nineteen degrees.",
        "Tell me about whales, and why they sing.",
        "Remind me to call the dentist on, let me see, Wednesday morning.",
    ),
    "bm_george": (
        "I'm not sure, maybe we should ask my sister first, because she knows him better.",
        "What do you think?",
        "The reason I am asking, you see, is that my daughter has a school project, about volcanoes.",
    ),
    "af_bella": (
        "Well, my number is, five five five, oh one two, three four nine six.",
        "My name is Anna, and I come from a small town, near the sea.",
        "I think the first one was better, but the second one, well, is cheaper.",
    ),
    "ef_dora": (
        "¿Puedes decirme, si lo sabes, qué tiempo va a hacer mañana, en Sevilla?",
        "Me gustaría reservar una mesa, para cuatro personas, a las ocho y media.",
        "No estoy segura, quizá deberíamos preguntar primero, a mi hermana.",
    ),
    "ff_siwis": (
        "Est-ce que tu peux me dire, s'il te plaît, à quelle heure part le train, pour Lyon ?",
        "Je ne sais pas, il faudrait peut-être, demander à ma sœur.",
    ),
    "im_nicola": (
        "Puoi dirmi, per favore, che tempo farà domani, a Firenze?",
        "Vorrei prenotare un tavolo, per quattro persone, alle otto.",
    ),
    "pf_dora": (
        "Você pode me dizer, por favor, como vai ser o tempo, amanhã, em Recife?",
        "Eu queria, se for possível, reservar uma mesa.",
    ),
    "hm_omega": ("क्या आप मुझे बता सकते हैं, कि कल, मौसम कैसा रहेगा?", "मैं, चार लोगों के लिए, एक मेज़ बुक करना चाहता हूँ।"),
    "jf_alpha": ("あの、明日の、東京の天気を、教えてくれますか。", "四人で、八時に、予約したいのですが。"),
    "zm_yunxi": ("你能告诉我，明天，北京的天气怎么样吗？", "我想，预订一张，四个人的桌子。"),
}
VARIANTS = 8
"""Utterances that are made of each recording and each text."""
NOISES_DB = (None, 20.0, 20.0, 10.0, 5.0)
WAITS_MS = (300.0, 600.0)
QUIET_DB, LEAST_PAUSE_MS = 26.0, 110.0
"""How far below an utterance's level a pause of the speaker's own lies, and how long it is; the closure of a stop is shorter."""
CUT_OFF_SHARE = 0.05
LATENCY_GOAL_MS = 1_000.0
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause as the listener heard it."""

    length_ms: float | None
    """None for the last one."""
    complete: float | None
    late_ms: float = 0.0
    """Of the last one: how long after the true end it was noticed to begin."""


def main() -> int:
    """Print the table; 1 if a goal was missed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDINGS
    random = np.random.default_rng(11)
    detector, model = Silero(_weights("silero-vad")), SmartTurn(_weights("smart-turn"))
    heard = []
    for samples in (*_spoken(), *_recorded(folder)):
        for _ in range(VARIANTS):
            utterance, end_ms = _varied(samples, random)
            heard.append(_pauses(Listener(detector.stream(), model, patience=_Endless()), utterance, end_ms))
    heard = [pauses for pauses in heard if pauses and pauses[-1].length_ms is None]
    inside = sum(len(pauses) - 1 for pauses in heard)
    print(f"{len(heard)} utterances with {inside} pauses inside, in nine languages; noise: none, 20, 10, 5 dB")
    alone = _told("silence alone", heard, [Patience(shortest_ms=wait, longest_ms=wait).wait_ms for wait in np.arange(200, 2600, 30)])
    ends = [(shortest, longest) for shortest in np.arange(200, 2000, 60) for longest in np.arange(shortest, 3400, 160)]
    ours = _told("Silero VAD, Smart Turn v3.2", heard, [Patience(shortest, longest).wait_ms for shortest, longest in ends])
    usual = Patience()
    cut, wait = _outcome(heard, usual.wait_ms)
    print(f"as it is set: {cut:.0%} cut off, {wait:.0f} ms waited")
    print(f"goals: half of silence's cut-offs at 300 ms ({alone[0] / 2:.0%}); at most {LATENCY_GOAL_MS:.0f} ms where 5 % are cut off")
    return 0 if ours[0] <= alone[0] / 2 and ours[2] <= LATENCY_GOAL_MS else 1


class _Endless(Patience):
    """Waits for ever, so that every pause is heard to its end."""

    def wait_ms(self, complete: float | None, text: str = "", language: str | None = None) -> float:
        return float("inf")


def _weights(name: str) -> Path:
    return store.fetch(catalog.named(name), load_settings().weights)


def _spoken() -> Iterator[Samples]:
    """Kokoro's utterances at 16 000 Hz."""
    voice = kokoro_onnx.load(kokoro_onnx.Options(), "cpu", _weights("kokoro"))
    for name, texts in TEXTS.items():
        for text in texts:
            yield resample(concatenate([piece.audio for piece in voice.synthesize(text, name)]), SAMPLE_RATE).samples


def _recorded(folder: Path) -> Iterator[Samples]:
    """People's utterances."""
    if not (folder / "manifest.json").is_file():
        print(f"{folder} holds no manifest.json with recordings of people; Kokoro's voices only")
        return
    for entry in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        if entry.get("text"):
            yield resample(decode((folder / entry["file"]).read_bytes(), max_ms=60_000), SAMPLE_RATE).samples


def _varied(samples: Samples, random: np.random.Generator) -> tuple[Samples, float]:
    """The utterance with pauses, noise and silence around it; and when it ends, in ms."""
    sound = samples / max(float(np.abs(samples).max()), 1e-6) * 0.5
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    first, last = int(loud[0]), int(loud[-1])
    level = float(np.sqrt(np.mean(sound[first:last] ** 2)))
    quiet = np.convolve(sound**2, np.full(160, 1 / 160), "same") < (level * 10 ** (-QUIET_DB / 20)) ** 2
    edges = np.flatnonzero(np.diff(quiet.astype(int), prepend=0, append=0))
    places = [
        int(begin + end) // 2
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
        if end - begin > LEAST_PAUSE_MS * SAMPLE_RATE / 1000 and first + SAMPLE_RATE // 5 < begin and end < last - SAMPLE_RATE // 5
    ]
    chosen = sorted(random.choice(places, min(len(places), int(random.integers(0, 4))), replace=False)) if places else []
    parts = [np.zeros(SAMPLE_RATE // 2)]
    for begin, end in zip([0, *chosen], [*chosen, last + 800], strict=True):
        parts += [sound[begin:end], np.zeros(round(SAMPLE_RATE * float(np.clip(random.lognormal(np.log(0.65), 0.5), 0.25, 2.2))))]
    whole = np.concatenate([*parts[:-1], np.zeros(3 * SAMPLE_RATE)])
    noise_db = NOISES_DB[int(random.integers(len(NOISES_DB)))]
    noise = _pink(len(whole), random) * (1e-4 if noise_db is None else level * 10 ** (-noise_db / 20))
    return (whole + noise).astype(np.float32), (sum(map(len, parts[:-1])) - 800) * 1000 / SAMPLE_RATE


def _pink(length: int, random: np.random.Generator) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(random.standard_normal(length)) / np.sqrt(np.maximum(1, np.arange(length // 2 + 1)))
    noise: NDArray[np.float64] = np.fft.irfft(spectrum, length)
    return noise / noise.std()


def _pauses(listener: Listener, samples: Samples, end_ms: float) -> list[Pause]:
    found: list[Pause] = []
    begun = 0.0
    for event in listener.push(samples):
        match event:
            case SpeechPaused():
                begun = event.at_ms
                found.append(Pause(None, event.complete, max(0.0, event.at_ms - end_ms)))
            case SpeechResumed() if found:
                found[-1] = Pause(event.at_ms - begun, found[-1].complete)
    return found


def _outcome(heard: list[list[Pause]], wait_ms: Callable[[float | None], float]) -> tuple[float, float]:
    """The share of utterances that are cut off, and the mean wait behind the others' ends, in ms."""
    cut = [any(pause.length_ms is not None and pause.length_ms > wait_ms(pause.complete) for pause in pauses) for pauses in heard]
    waits = [pauses[-1].late_ms + wait_ms(pauses[-1].complete) for pauses in heard]
    return float(np.mean(cut)), float(np.mean(waits))


def _told(name: str, heard: list[list[Pause]], policies: list[Callable[[float | None], float]]) -> tuple[float, float, float]:
    """The best of the policies: cut-offs at both waits, and the wait at 5 % of cut-offs; infinite where none comes down to that."""
    outcomes = [_outcome(heard, policy) for policy in policies]
    at = [min((cut for cut, wait in outcomes if wait <= most), default=1.0) for most in WAITS_MS]
    latency = min((wait for cut, wait in outcomes if cut <= CUT_OFF_SHARE), default=float("inf"))
    print(f"{name:28} cut off at 300 ms {at[0]:.0%}, at 600 ms {at[1]:.0%}; waits {latency:.0f} ms where 5 % are cut off", flush=True)
    return at[0], at[1], latency


if __name__ == "__main__":
    sys.exit(main())
