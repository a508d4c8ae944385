"""Lips against the sound itself, for every voice engine and language: ``python -m benchmarks.lips [--engine NAME[:MODEL]] [--all]``.

What is judged is what a turn plays: each engine's speech after `engines.conversation.speech.placed`. What it is held against is the sound
(`benchmarks.sound_events` says how), never the engine's own account of it. In English, the words are also held against forced alignment.

Calibration: eSpeak NG reports each phoneme while it makes it, so that its own times are the truth, and its rows must come out at 0 ± 15 ms,
in every language, phrase ends too; they do (medians of 0 to 3 ms, 90 % within 35 ms, most of which are stops whose closure begins in the
word before). If they do not, the ruler is wrong, not the lips.

"told" is how late the engine's own times are, before anything is corrected: its median is what `engines.lipsync.sound_times.OFFSETS` holds.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from benchmarks.sound_events import closures_met, end_errors, levels, onset_errors, onsets, silence, summary
from engines.config.settings import load_settings
from engines.conversation.speech import placed
from engines.errors import EngineError
from engines.lipsync.forced_alignment import timed
from engines.lipsync.timeline import viseme_timeline
from engines.protocols import TextToSpeech
from engines.registry.discovery import discover
from engines.speaking.pauses import pause_after
from engines.text.boundaries import primary_subtag
from engines.types import Speech, Voice
from engines.weights import store

SENTENCES = {
    "en": (
        "Well, that depends on the season, because in winter the harbour freezes over.",
        "My puppy bought a big rubber map, but Bob may keep a pump.",
        "Seven silver ships passed the foggy shore, and nobody saw them.",
        "The fox found five feathers behind the van.",
        "Mammals need milk, and many mammoths made more.",
        "If you have time, we could visit the museum together.",
    ),
    "es": (
        "Pues depende de la estación, porque en invierno el puerto se hiela.",
        "Vi tres lobos en la montaña; era de noche y hacía frío.",
        "El cincuenta por ciento de las personas prefiere el café con leche.",
        "Mi mamá me mima mucho, pero mi papá no.",
    ),
    "fr": (
        "Eh bien, ça dépend de la saison, parce qu'en hiver le port gèle.",
        "J'ai vu trois loups dans la montagne ; il faisait nuit.",
        "Maman mange une pomme, papa prépare la soupe.",
        "Six cents soldats sont partis samedi soir.",
    ),
    "hi": (
        "यह मौसम पर निर्भर करता है, क्योंकि सर्दियों में बंदरगाह जम जाता है।",
        "मैंने पहाड़ पर तीन भेड़िये देखे।",
        "बारिश में बच्चे बगीचे में खेलते हैं।",
        "नमस्ते, मेरा नाम अल्फा है।",
    ),
    "it": (
        "Dipende dalla stagione, perché d'inverno il porto gela.",
        "Ho visto tre lupi in montagna; era notte e faceva freddo.",
        "La mamma mangia una mela, il papà prepara la pasta.",
        "Sette sassi sono sotto il fosso.",
    ),
    "ja": (
        "それは季節によりますね、冬になると港が凍ってしまいます。",
        "山でオオカミを見ました。とても寒い夜でした。",
        "雨が降っている間、子供たちは庭で遊びます。",
        "東京大学の田中先生は魚が好きです。",
    ),
    "pt": (
        "Bem, depende da estação, porque no inverno o porto congela.",
        "Vi três lobos na montanha; era noite e fazia frio.",
        "As crianças brincam no jardim enquanto chove.",
        "Minha mãe comeu uma maçã, meu pai preparou a sopa.",
    ),
    "zh": (
        "这要看季节，因为冬天港口会结冰。",
        "我在山上看到了三只狼，那天晚上很冷。",
        "下雨的时候，孩子们在花园里玩。",
        "妈妈买了八个苹果，爸爸跑步去学校。",
    ),
}
SERVER = "openai_compatible"
_ALSO = {"cmn": "zh"}
"""What eSpeak NG calls a language → what its sentences are called."""
MEDIAN_MS, MOST_MS, END_MS, PAUSE_MS, LEAD_MS = 15.0, 40.0, 40.0, (250.0, 450.0), 100.0


def main() -> None:
    """Print a line for each voice; exits with 1 where one misses a goal."""
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine", action="append", help="only this one, with its model if it has none by itself; may be given again")
    parser.add_argument("--all", action="store_true", help="every voice, not two of each language")
    given = parser.parse_args()
    wanted = dict(selection.partition(":")[::2] for selection in given.engine or ())
    missed = list[str]()
    print(
        f"lips: goals: onsets at a median of ±{MEDIAN_MS:.0f} ms, 90 % within {MOST_MS:.0f}; phrases end within {END_MS:.0f} ms of their "
        f"sound; {PAUSE_MS[0]:.0f} to {PAUSE_MS[1]:.0f} ms between two sentences, at most {LEAD_MS:.0f} before the first sound"
    )
    for name in sorted(wanted or discover("tts")):
        try:
            engine = _opened(name, wanted.get(name, ""))
        except EngineError as error:
            print(f"lips, {name}: not measured: {error.message}")
            continue
        for language, voices in _chosen(engine.voices(), everyone=given.all):
            try:
                missed += [voice for voice in voices if not _holds(name, engine, voice, language)]
            except EngineError as error:
                print(f"lips, {name} {language}: not measured: {error.message}")
    if missed:
        sys.exit(f"lips: missed a goal: {', '.join(missed)}")


@dataclass(frozen=True, slots=True)
class _Untold:
    """A voice that tells no times, like a server's: they are sought in its sound."""

    voice: TextToSpeech

    def voices(self) -> Sequence[Voice]:
        return self.voice.voices()

    def synthesize(self, text: str, voice: str | None = None) -> Iterator[Speech]:
        language = next(known.language for known in self.voices() if known.id == voice)
        return (timed(speech.audio, _text(speech), language) for speech in self.voice.synthesize(text, voice))


def _opened(name: str, model: str) -> TextToSpeech:
    """The engine; no server need be there, for the lips of its voices come from the sound alone: Kokoro's says what it would."""
    if name == SERVER:
        return _Untold(_opened("kokoro_onnx", model))
    adapter = discover("tts")[name]
    options = adapter.Options(**({"model": model} if model else {}))
    files = getattr(adapter, "files", lambda *_: None)(options, "auto")
    return adapter.load(options, "auto", store.fetch(files, load_settings().weights) if files else None)  # type: ignore[return-value]


def _chosen(voices: Sequence[Voice], *, everyone: bool) -> Iterator[tuple[str, list[str]]]:
    """Each language that there are sentences for, with its first and its last voice, or all of them."""
    tagged = [(primary_subtag(voice.language), voice.id) for voice in voices]
    spoken = sorted((_ALSO.get(tag, tag), name) for tag, name in tagged if _ALSO.get(tag, tag) in SENTENCES)
    for language, group in groupby(spoken, key=itemgetter(0)):
        names = [name for _, name in group]
        yield language, names if everyone else list(dict.fromkeys((names[0], names[-1])))


def _holds(name: str, engine: TextToSpeech, voice: str, language: str) -> bool:
    """Print what a voice reaches; whether that is enough."""
    told = [speech for text in SENTENCES[language] for speech in engine.synthesize(text, voice)]
    begun = time.perf_counter()
    played = [placed(speech, name, pause_after(_text(speech), _text(speech))) for speech in told]
    took = (time.perf_counter() - begun) * 1000 / len(told)
    (was, *_), (median, lower, upper, most), count = _onsets(told), _onsets(played), 0
    ends, met, silences, words = list[float](), list[bool](), list[tuple[float, float]](), list[float]()
    for speech in played:
        timeline, sound = viseme_timeline(speech), levels(speech.audio)
        count += len(list(onsets(speech, timeline)))
        ends += end_errors(speech, timeline, sound)
        met += closures_met(speech, timeline, sound)
        silences.append(silence(sound))
        words += _word_errors(speech) if language == "en" else ()
    end, *_, latest = summary(ends)
    lead, tail = (summary(column)[0] for column in zip(*silences, strict=True))
    aligned = "; words against alignment {:+.0f} ms, 90 % within {:.0f}".format(*summary(words)[::3]) if words else ""
    print(
        f"lips, {name} {language} {voice}: told {was:+.0f} ms; onsets {median:+.0f} ms, half from {lower:+.0f} to {upper:+.0f}, "
        f"90 % within {most:.0f} ({count}); phrases end {end:+.0f} ms, 90 % within {latest:.0f} ({len(ends)}); "
        f"lips meet in {sum(met)} of {len(met)} closures{aligned}; first sound after {lead:.0f} ms, sentences {lead + tail:.0f} ms apart; "
        f"corrected in {took:.1f} ms",
        flush=True,
    )
    near = abs(median) <= MEDIAN_MS and most <= MOST_MS and abs(end) <= END_MS
    return near and lead <= LEAD_MS and PAUSE_MS[0] <= lead + tail <= PAUSE_MS[1]


def _text(speech: Speech) -> str:
    return "".join(word.text for word in speech.words)


def _onsets(pieces: Sequence[Speech]) -> tuple[float, float, float, float]:
    heard = [(levels(speech.audio), list(onsets(speech, viseme_timeline(speech)))) for speech in pieces]
    return summary(error for kind in onset_errors(heard).values() for error in kind)


def _word_errors(speech: Speech) -> Iterator[float]:
    """How many ms the words come after where forced alignment finds them; nothing where it does not recognise them."""
    found = timed(speech.audio, _text(speech), "en")
    if found.timing == "aligned" and [word.text for word in found.words] == [word.text for word in speech.words]:
        yield from (
            ours.start_ms - theirs.start_ms
            for ours, theirs in zip(speech.words, found.words, strict=True)
            if ours.duration_ms and theirs.duration_ms
        )


if __name__ == "__main__":
    main()
