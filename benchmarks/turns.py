"""Utterances with pauses inside, to measure the end of turns on: people's recordings and Kokoro's voices, as users talk to a machine.

Of the pauses, 45 % stand inside a phrase or behind a hesitation ("um", "…"), 40 % at the end of a clause and 15 % between two sentences of
one turn, about as in spontaneous speech (F. Goldman-Eisler, Psycholinguistics, 1968: 45 % not at a juncture of the grammar). Their lengths
are those of real turns: the shares above 0.3, 0.6, 1.0 and 1.6 s are what silence alone cuts off in eot-bench's English (LiveKit, 2026:
56, 22, 10, 5 % of the pauses above 0.2 s), which a power law fits. A pause that the speaker makes takes that length; elsewhere the sound
is cut between two words, where it is faintest. Each utterance is heard clean or with pink noise at 20, 10 or 5 dB.

Speakers are in two halves, each with sentences of its own: what is fitted is fitted on the first, and reported on the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines.audio import concatenate, decode, resample
from engines.config.settings import load_settings
from engines.lipsync.forced_alignment import timed
from engines.tts import kokoro_onnx
from engines.tts._kokoro import Kokoro
from engines.types import AudioChunk, Speech, WordTiming
from engines.vad.frames import SAMPLE_RATE
from engines.weights import catalog, store

RECORDINGS = Path(__file__).resolve().parent.parent.parent / "shared" / "speech" / "clips"
Samples = NDArray[np.float32]
Place = Literal["phrase", "clause", "sentence"]

PLACES: dict[Place, float] = {"phrase": 0.45, "clause": 0.40, "sentence": 0.15}
SHORTEST_S, LONGEST_S, STEEPNESS = 0.2, 5.0, 1.43
"""Pauses longer than t are (0.2 s / t) ** 1.43 of all: 56 % at 0.3 s, 21 % at 0.6 s, 10 % at 1 s, 5 % at 1.6 s."""
DEAF_S = 0.07
"""Of each pause: so much later than a voice ends does Silero notice it. eot-bench's lengths are as a detector hears them."""
NOISES_DB = (None, 20.0, 20.0, 10.0, 5.0)
SPEEDS = (0.85, 1.0, 1.15)
_QUIET_DB, _LEAST_QUIET = 26.0, round(0.11 * SAMPLE_RATE)
"""How far below an utterance's level a pause of the speaker's own lies, and how long it is; the closure of a stop is shorter."""
_NEAR, _EDGE, _FADE = round(0.08 * SAMPLE_RATE), round(0.3 * SAMPLE_RATE), round(0.008 * SAMPLE_RATE)
_HESITATIONS = frozenset("um uh er hmm well euh eh este ehm ähm えっと えーと あの 那个 嗯 अं".split())

TEXTS: dict[str, tuple[str, ...]] = {
    "af_heart": (
        "Could you tell me, if you know, what the weather will be like in Lisbon on Thursday?",
        "No. I meant the other one, the one near the station.",
        "I'd like, let me think, two tickets for the evening show and one for the morning.",
        "Can you explain to me how a heat pump works in winter?",
    ),
    "am_michael": (
        "I would like to book a… table for four people at half past seven, please.",
        "When I was young we had a dog, and he could open doors.",
        "Yes, exactly.",
        "What I really want to know is whether the museum is open on… Mondays.",
    ),
    "bf_emma": (
        "So I was walking home yesterday and, um, I saw this enormous heron standing on the bridge.",
        "If I leave at nine, will I get there before the museum closes?",
        "It was great. We stayed until the end and then walked along the river.",
        "Play the song that we listened to on the way back from Dublin.",
    ),
    "am_puck": (
        "Turn the lights off in the kitchen and, uh, set the heating to nineteen degrees.",
        "Remind me to call the dentist on, let me see, Wednesday morning.",
        "Tell me about whales and why they sing.",
    ),
    "bm_george": (
        "I'm not sure, maybe we should ask my sister first because she knows him better.",
        "The reason I am asking is that my daughter has a school project about volcanoes.",
        "My flight was cancelled. Can you find me another one for tomorrow?",
        "I need a recipe with… chicken and rice that takes less than half an hour.",
    ),
    "af_bella": (
        "Well, my number is five five five, oh one two, three four nine six.",
        "My name is Anna and I come from a small town near the sea.",
        "I think the first one was better, but the second one, um, is cheaper.",
        "How do you say thank you in Portuguese?",
    ),
    "am_adam": (
        "Is there a train to Manchester that leaves after, uh, half past five in the evening?",
        "I have been learning the piano for about two years now, and I still cannot play with both hands.",
        "What do you think?",
        "Please write a message to my brother and say that we will be late.",
    ),
    "bf_lily": (
        "Do you remember the name of that… restaurant we talked about last week?",
        "The meeting was moved to Friday. Could you put it into my calendar?",
        "Because of the rain we had to stay inside the whole weekend, so we played cards.",
        "How far is it from the hotel to the beach?",
    ),
    "ef_dora": (
        "¿Puedes decirme, si lo sabes, qué tiempo va a hacer mañana en Sevilla?",
        "Me gustaría reservar una… mesa para cuatro personas a las ocho y media.",
        "No estoy segura, quizá deberíamos preguntar primero a mi hermana.",
    ),
    "em_alex": (
        "Quiero saber cuánto cuesta un billete de ida y vuelta a, eh, Valencia.",
        "Ayer fui al médico y me dijo que tengo que dormir más.",
        "Pon la música más baja, por favor. Estoy hablando por teléfono.",
    ),
    "ff_siwis": (
        "Est-ce que tu peux me dire, s'il te plaît, à quelle heure part le train pour Lyon ?",
        "Je ne sais pas, il faudrait peut-être demander à ma sœur.",
        "Je voudrais réserver une… table pour quatre personnes à huit heures.",
        "Hier, euh, nous sommes allés au marché et nous avons acheté des fraises.",
    ),
    "im_nicola": (
        "Puoi dirmi, per favore, che tempo farà domani a Firenze?",
        "Vorrei prenotare un tavolo per quattro persone alle otto.",
        "Non sono sicuro, forse dovremmo chiedere prima a… mia sorella.",
    ),
    "if_sara": (
        "Quanto costa spedire un pacco di circa tre chili in Norvegia?",
        "Ieri sera, ehm, abbiamo visto un film che parlava di una vecchia fabbrica.",
        "Spegni la luce in cucina. E accendi quella del corridoio.",
    ),
    "pf_dora": (
        "Você pode me dizer, por favor, como vai ser o tempo amanhã em Recife?",
        "Eu queria reservar uma… mesa para quatro pessoas às oito horas.",
    ),
    "pm_alex": (
        "Ontem eu fui ao mercado e comprei, eh, laranjas e um pouco de queijo.",
        "Quanto tempo leva para chegar ao aeroporto saindo daqui?",
    ),
    "hm_omega": ("क्या आप मुझे बता सकते हैं कि कल मौसम कैसा रहेगा?", "मैं चार लोगों के लिए, एक मेज़ बुक करना चाहता हूँ।"),
    "hf_alpha": ("मुझे कल सुबह सात बजे, स्टेशन जाना है।", "क्या यहाँ पास में कोई अच्छा भोजनालय है?"),
    "jf_alpha": ("あの、明日の、東京の天気を、教えてくれますか。", "四人で、八時に、予約したいのですが。"),
    "jm_kumo": ("昨日、友達と、海へ行きました。", "この電車は、何時に、京都に着きますか。"),
    "zm_yunxi": ("你能告诉我，明天，北京的天气怎么样吗？", "我想，预订一张，四个人的桌子。"),
    "zf_xiaobei": ("昨天，我和朋友，去看了一场电影。", "请问，从这里到机场，要多长时间？"),
}
LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "i": "it", "p": "pt", "h": "hi", "j": "ja", "z": "zh"}
"""By the first letter of Kokoro's voices."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that somebody said in one go."""

    samples: Samples
    """16 000 Hz, silence around it cut off, its loudest sample 0.5."""
    speaker: str
    language: str
    places: tuple[tuple[int, int, Place], ...]
    """(start, end) of what a pause may take the place of, in samples, in order."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a microphone hears of one turn."""

    samples: Samples
    """16 000 Hz; half a second before the first word, 3.5 s behind the last."""
    end_ms: float
    """When the last sound of the last word ends."""
    speaker: str
    language: str
    noise_db: float | None
    pauses: tuple[tuple[float, float, Place], ...]
    """(start, length) in ms, of those that were made."""


def weights(name: str) -> Path:
    """The folder of a model of the catalog, fetched where it is not here."""
    return store.fetch(catalog.named(name), load_settings().weights)


def sources(folder: Path = RECORDINGS) -> tuple[list[Source], list[Source]]:
    """The two halves of the speakers, of Kokoro and of a folder with ``manifest.json`` or WAV files beside their texts."""
    halves: tuple[list[Source], list[Source]] = ([], [])
    for number, voice in enumerate(TEXTS):
        half = halves[number % 2 or voice[0] == "f"]  # French has one voice
        half += _spoken(voice)
    for number, source in enumerate(_recorded(folder)):
        halves[number % 2].append(source)
    return halves


def utterances(said: list[Source], count: int, seed: int) -> Iterator[Utterance]:
    """So many, of each source about as often, each with other pauses and other noise."""
    random = np.random.default_rng(seed)
    for number in range(count):
        yield _varied(said[number % len(said)], random)


@cache
def _voices() -> list[Kokoro]:
    return [kokoro_onnx.load(kokoro_onnx.Options(speed=speed), "cpu", weights("kokoro")) for speed in SPEEDS]


def _spoken(voice: str) -> Iterator[Source]:
    language = LANGUAGES[voice[0]]
    for number, text in enumerate(TEXTS[voice]):
        engine = _voices()[(number + len(voice)) % len(SPEEDS)]
        pieces = list(engine.synthesize(text, voice))
        whole = concatenate([piece.audio for piece in pieces])
        begins = np.cumsum([0.0, *(piece.audio.duration_ms for piece in pieces)])
        words = [
            WordTiming(word.text, word.start_ms + begin, word.duration_ms)
            for piece, begin in zip(pieces, begins, strict=False)
            for word in piece.words
        ]
        yield _source(Speech(whole, (), tuple(words), "measured"), voice, language)


def _recorded(folder: Path) -> Iterator[Source]:
    """People's utterances. Only English is aligned well enough to be cut between words; the others pause where the speaker did."""
    if not (folder / "manifest.json").is_file():
        print(f"{folder} holds no manifest.json with recordings of people; Kokoro's voices only")
        return
    known = [
        (folder / entry["file"], entry["language"], entry["text"]) for entry in json.loads((folder / "manifest.json").read_text("utf-8"))
    ]
    known += [(path, "en", path.with_suffix(".txt").read_text("utf-8")) for path in sorted(folder.parent.glob("*.wav"))]
    for path, language, text in known:
        if text:
            sound = resample(decode(path.read_bytes(), max_ms=60_000), SAMPLE_RATE)
            speech = timed(sound, text.strip(), language)
            words = speech.words if speech.timing == "aligned" else ()
            yield _source(Speech(sound, (), words, speech.timing), path.stem, language)


def _source(speech: Speech, speaker: str, language: str) -> Source:
    sound = resample(AudioChunk(speech.audio.samples, speech.audio.sample_rate), SAMPLE_RATE).samples
    sound = sound / max(float(np.abs(sound).max()), 1e-6) * 0.5
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    first, last = int(loud[0]), int(loud[-1]) + 1
    level = float(np.sqrt(np.mean(sound[first:last] ** 2)))
    power = np.convolve(sound**2, np.full(160, 1 / 160), "same")
    quiet = power < (level * 10 ** (-_QUIET_DB / 20)) ** 2
    edges = np.flatnonzero(np.diff(quiet.astype(int), prepend=0, append=0))
    own = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > _LEAST_QUIET]
    places: dict[tuple[int, int], Place] = {}
    spaced = language not in ("ja", "zh")
    for word in speech.words[:-1]:
        at = round((word.start_ms + word.duration_ms) * SAMPLE_RATE / 1000)
        kind = _kind(word.text)
        taken = next(((a, b) for a, b in own if a - _NEAR < at < b + _NEAR), None)
        if taken:
            places[taken] = kind
        elif spaced:
            start = max(0, at - _NEAR)
            faintest = start + int(np.argmin(power[start : at + _NEAR])) if start + 1 < min(at + _NEAR, len(power)) else at
            places[faintest, faintest] = kind
    for stretch in own:
        places.setdefault(stretch, "clause")
    kept = [(a - first, b - first, kind) for (a, b), kind in sorted(places.items()) if first + _EDGE < a and b < last - _EDGE]
    return Source(sound[first:last], speaker, language, tuple(kept))


def _kind(word: str) -> Place:
    bare = word.strip().casefold()
    if bare.endswith("…") or bare.rstrip(",、，") in _HESITATIONS:
        return "phrase"
    if bare[-1:] in ".?!。？！।":
        return "sentence"
    return "clause" if bare[-1:] in ",;:、，；：" else "phrase"


def _varied(source: Source, random: np.random.Generator) -> Utterance:
    places = _chosen(source, int(random.integers(1, 4)), random)
    ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
    parts, pauses, before = [np.zeros(SAMPLE_RATE // 2, np.float32)], [], 0
    for start, end, kind in places:
        spoken = source.samples[before:start].copy()
        spoken[-_FADE:] *= ramp[::-1][-len(spoken) :]
        length = min(SHORTEST_S * (1 - random.random()) ** (-1 / STEEPNESS), LONGEST_S)
        pauses.append(((sum(map(len, parts)) + len(spoken)) * 1000 / SAMPLE_RATE, length * 1000, kind))
        parts += [spoken, np.zeros(round((length + DEAF_S) * SAMPLE_RATE), np.float32)]
        before = end
    rest = source.samples[before:].copy()
    if before:
        rest[:_FADE] *= ramp[: len(rest)]
    end_ms = (sum(map(len, parts)) + len(rest)) * 1000 / SAMPLE_RATE
    whole = np.concatenate([*parts, rest, np.zeros(7 * SAMPLE_RATE // 2, np.float32)])
    noise_db = NOISES_DB[int(random.integers(len(NOISES_DB)))]
    level = float(np.sqrt(np.mean(source.samples**2)))
    noise = _pink(len(whole), random) * (1e-4 if noise_db is None else level * 10 ** (-noise_db / 20))
    return Utterance((whole + noise).astype(np.float32), end_ms, source.speaker, source.language, noise_db, tuple(pauses))


def _chosen(source: Source, count: int, random: np.random.Generator) -> list[tuple[int, int, Place]]:
    """Places far enough apart, of each kind as often as `PLACES` says, as far as the source has them."""
    chosen: list[tuple[int, int, Place]] = []
    for _ in range(count):
        free = [place for place in source.places if all(abs(place[0] - other[0]) > _EDGE for other in chosen)]
        kinds = [kind for kind in PLACES if any(place[2] == kind for place in free)]
        if not kinds:
            break
        shares = np.array([PLACES[kind] for kind in kinds])
        kind = kinds[int(random.choice(len(kinds), p=shares / shares.sum()))]
        of_kind = [place for place in free if place[2] == kind]
        chosen.append(of_kind[int(random.integers(len(of_kind)))])
    return sorted(chosen)


def _pink(length: int, random: np.random.Generator) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(random.standard_normal(length)) / np.sqrt(np.maximum(1, np.arange(length // 2 + 1)))
    noise: NDArray[np.float64] = np.fft.irfft(spectrum, length)
    return noise / noise.std()
