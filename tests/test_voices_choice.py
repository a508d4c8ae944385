"""Which voice a persona gets on an engine: never a stranger's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import HOUSE
from requirements import requirement

from engines.config.personas import load_personas
from engines.tts import _kokoro_voices as kokoro
from engines.tts import espeak_ng
from engines.types import Persona, Voice
from engines.voices.choice import voice_of

KOKORO = [kokoro.voice(name) for name in ("af_heart", "af_bella", "am_adam", "am_michael", "bf_emma", "ef_dora", "em_alex", "em_santa")]
PEOPLE = load_personas(HOUSE / "personas.yaml")


def somebody(**fields: object) -> Persona:
    return Persona(**{"id": "pat", "name": "Pat", "line": "", "prompt": "", "avatar": "mia", "greeting": "", **fields})


@requirement("persona.voice")
@pytest.mark.parametrize(("name", "voice"), [("sam", "am_michael"), ("maya", "af_heart"), ("captain", "am_adam"), ("alex", "af_bella")])
@pytest.mark.parametrize("engine", ["kokoro", "kokoro_onnx", "openai_compatible"])
def test_a_voice_that_is_named_for_one_engine_is_taken_on_others_that_have_it(name, voice, engine):
    assert voice_of(PEOPLE[name], engine, KOKORO) == voice


@requirement("persona.voice")
@pytest.mark.parametrize(("name", "gender"), [("sam", "male"), ("maya", "female"), ("captain", "male"), ("alex", "female")])
@pytest.mark.parametrize("language", ["en", "es", "pt-BR"])
def test_on_any_engine_in_any_language_somebody_sounds_like_themselves(name, gender, language):
    tags = ("en-GB", "en-US", "es", "pt-PT", "de")
    voices = [Voice(f"{tag} {number}", "", tag, gender) for tag in tags for number, gender in enumerate(("", "female", "male"))]
    chosen = voice_of(replace(PEOPLE[name], language=language), "choir", voices)
    (voice,) = [voice for voice in voices if voice.id == chosen]
    assert (voice.gender, voice.language[:2]) == (gender, language[:2])


def test_in_another_language_the_named_voice_gives_way():
    assert voice_of(replace(PEOPLE["sam"], language="es"), "kokoro", KOKORO) == "em_alex"
    espeak = espeak_ng.load(espeak_ng.Options(), "cpu").voices()
    assert voice_of(PEOPLE["maya"], "espeak_ng", espeak) == "en-us+f3"
    assert voice_of(replace(PEOPLE["maya"], language="de"), "espeak_ng", espeak) == "de+f3"
    assert voice_of(replace(PEOPLE["sam"], language="de"), "espeak_ng", espeak) == "de"


@pytest.mark.parametrize(
    ("fields", "voice"),
    [
        ({}, "af_heart"),
        ({"gender": "male"}, "am_adam"),
        ({"language": "en-GB"}, "bf_emma"),
        ({"language": "en-GB", "gender": "male"}, "am_adam"),
        ({"language": "es", "gender": "male", "age": "old"}, "em_santa"),
        ({"language": "es", "gender": "male"}, "em_alex"),
        ({"language": "fi"}, None),
        ({"voices": (("kokoro", "zz_unknown"),)}, "af_heart"),
        ({"voices": (("choir", "unheard of"),)}, "unheard of"),
    ],
)
def test_language_gender_and_age_decide_in_this_order(fields, voice):
    assert voice_of(somebody(**fields), "choir", KOKORO) == voice


def test_an_engine_without_voices_uses_its_own():
    assert voice_of(somebody(), "choir", []) is None
