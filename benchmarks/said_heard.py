"""Numbers, names and signs, spoken by Kokoro and heard by Whisper: ``python -m benchmarks said_heard [--sentences 25]``.

Errors of sentences full of them are printed beside those of plain ones; the difference is what is left to do. Both what was written and
what was heard are compared as they are spoken, for Whisper writes digits too. Needs the weights of both.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Sequence

from benchmarks.lips import SENTENCES
from benchmarks.real_voice import distance, loaded
from engines.protocols import SpeechToText, TextToSpeech
from engines.text.speakable import speakable
from tests import said

LANGUAGES = ("en", "es", "fr", "it", "pt", "ja", "zh", "hi")
_LEAST_CHARACTERS = 8


def main() -> None:
    """Print, for each language, the share of characters that are heard otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=25, help="of each kind in each language")
    most = parser.parse_args().sentences
    voice, listener = loaded("tts", "kokoro_onnx"), loaded("stt", "faster_whisper")
    names = {one.language.partition("-")[0]: one.id for one in reversed(voice.voices())}
    print("characters heard otherwise, full of numbers and signs / plain:")
    for language in LANGUAGES:
        full = [case["input"] for case in said.cases() if case["kind"].startswith(f"say/{language}") and case["check"]]
        chosen = full[:: max(len(full) // most, 1)][:most]
        shares = [_errors(texts, language, names[language], voice, listener) for texts in (chosen, SENTENCES.get(language, ())[:most])]
        print(f"{language}: {shares[0]:.1%} / {shares[1]:.1%} ({len(chosen)} sentences)", flush=True)


def _errors(texts: Sequence[str], language: str, name: str, voice: TextToSpeech, listener: SpeechToText) -> float:
    wrong = written = 0
    for text in texts:
        spoken = speakable(text, language)
        speeches = list(voice.synthesize(spoken, name))
        if not speeches:
            continue
        heard = listener.transcribe(speeches[0].audio, language, None).text
        right, came = _plain(spoken, language), _plain(speakable(heard, language), language)
        if len(right) >= _LEAST_CHARACTERS:
            wrong, written = wrong + distance(right, came), written + len(right)
    return wrong / max(written, 1)


def _plain(text: str, language: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", speakable(text, language)).lower())


if __name__ == "__main__":
    main()
