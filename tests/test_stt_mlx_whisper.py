"""Whisper on MLX, which also runs on a Linux processor: tiny models in the genuine format that say what they were made to say.

Such a model's decoder has no attention: its position alone decides the next token. So the text, its probability and the language found are
known, while the tokenizer, loading, decoding and the tests of what is passed on are the genuine ones.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import HOUSE, tone

pytest.importorskip("mlx_whisper", reason="mlx-whisper is not installed")

from engines.audio import concatenate, decode
from engines.errors import MissingDependency, SpeechToTextError
from engines.mlx_thread import compute
from engines.protocols import SpeechToText
from engines.stt import mlx_whisper as room
from engines.tts import espeak_ng
from engines.types import AudioChunk

RATE = 16_000
SIZE = 64
HUMANS = sorted((HOUSE.parent / "shared" / "speech").glob("*.wav"))


def make(
    folder: Path,
    says: str = " Hello there, how are you?",
    *,
    language: str = "de",
    sureness: float = 20.0,
    doubt: float = 0.0,
    at_start: str | None = None,
    vocabulary: int = 51_865,
    half: bool = False,
    npz: bool = False,
) -> Path:
    """A model that answers every sound with `says`.

    `doubt` is how much it thinks of another word at the same time; `at_start`, what it thinks of before the language (``<|nospeech|>``).
    """
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_whisper.tokenizer import get_tokenizer
    from mlx_whisper.whisper import ModelDimensions, Whisper

    several = vocabulary >= 51_865
    tokenizer = get_tokenizer(several, num_languages=vocabulary - 51_765 - several)
    dimensions = {
        "n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": SIZE, "n_audio_head": 2, "n_audio_layer": 1,
        "n_vocab": vocabulary, "n_text_ctx": 448, "n_text_state": SIZE, "n_text_head": 2, "n_text_layer": 1,
    }  # fmt: skip
    mx.random.seed(0)
    model = Whisper(ModelDimensions(**dimensions), mx.float32)
    tokens = np.random.default_rng(0).normal(size=(vocabulary, SIZE)).astype(np.float32)
    tokens -= tokens.mean(axis=1, keepdims=True)
    tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    special = tokenizer.special_tokens
    text = [tokens[token] + doubt * tokens[tokenizer.encode(" dog")[0]] for token in [*tokenizer.encode(says), tokenizer.eot]]
    if several:
        first = tokens[special[f"<|{language}|>"]] + (2 * tokens[special[at_start]] if at_start else 0)
        # The prompt's fourth token is <|notimestamps|>, or, beyond 30 s, what is answered to the third: the first of the times.
        spoken = [first, tokens[special["<|transcribe|>"]], tokens[tokenizer.timestamp_begin], *text]
    else:
        spoken = [text[0], *text]
    places = np.stack([*spoken, *[tokens[tokenizer.eot]] * (448 - len(spoken))])
    decoder = model.decoder
    block = decoder.blocks[0]
    for part in (block.attn.out, block.cross_attn.out, block.mlp2):
        part.weight, part.bias = mx.zeros_like(part.weight), mx.zeros_like(part.bias)
    decoder.token_embedding.weight = mx.array(tokens * 0.01)
    decoder.positional_embedding = mx.array(places * 10)
    decoder.ln.weight = mx.full((SIZE,), sureness * 100 / SIZE**0.5)  # a normalised row is 8 long, a token 0.01
    folder.mkdir(exist_ok=True)
    weights = {name: array.astype(mx.float16) if half else array for name, array in tree_flatten(model.parameters())}
    (folder / "config.json").write_text(json.dumps({**dimensions, "model_type": "whisper"}))
    if npz:
        mx.savez(str(folder / "weights.npz"), **weights)
    else:
        mx.save_safetensors(str(folder / "weights.safetensors"), weights)
    return folder


def ears_of(folder: Path) -> room.MlxWhisper:
    return room.load(room.Options(model=str(folder)), "auto")


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def ears(good) -> room.MlxWhisper:
    return ears_of(good)


@pytest.fixture(scope="module")
def speech() -> AudioChunk:
    voice = espeak_ng.load(espeak_ng.Options(), "cpu")
    return concatenate([part.audio for part in voice.synthesize("Hello there, how are you today? I have not seen you for a while.")])


def noise(level: float, seconds: float = 3.0) -> AudioChunk:
    return AudioChunk(np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32), RATE)


def click() -> AudioChunk:
    samples = noise(0.002).samples
    samples[20_000:20_200] = 0.5
    return AudioChunk(samples, RATE)


def test_it_is_a_pair_of_ears(ears):
    assert isinstance(ears, SpeechToText)


@pytest.mark.parametrize("language", ["en", "en-GB", "pt_BR", "nb", "fil", "zh-Hant-TW"])
def test_speech_becomes_words_in_the_language_that_is_set(ears, speech, language):
    heard = ears.transcribe(speech, language)
    assert (heard.text, heard.language) == ("Hello there, how are you?", language)


def test_the_language_is_found_when_none_is_set(ears, speech):
    assert ears.transcribe(speech).language == "de"


def test_javanese_is_spelled_as_others_spell_it(tmp_path, speech):
    assert ears_of(make(tmp_path, language="jw")).transcribe(speech).language == "jv"


@pytest.mark.parametrize("form", [{"half": True}, {"npz": True}, {"half": True, "npz": True}], ids=str)
def test_every_form_that_the_hub_has_is_read(tmp_path, speech, form):
    assert ears_of(make(tmp_path, **form)).transcribe(speech, "en").text == "Hello there, how are you?"


def test_a_quantized_model_is_read(good, tmp_path, speech):
    import mlx.core as mx
    from mlx import nn
    from mlx.utils import tree_flatten
    from mlx_whisper.load_models import load_model

    model = load_model(str(good), mx.float32)
    nn.quantize(model, group_size=64, bits=8)
    mx.save_safetensors(str(tmp_path / "weights.safetensors"), dict(tree_flatten(model.parameters())))
    config = json.loads((good / "config.json").read_text()) | {"quantization": {"group_size": 64, "bits": 8}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert ears_of(tmp_path).transcribe(speech, "en").text.startswith("Hello there")


def test_whisper_hears_the_sound_at_its_own_rate(ears, speech, monkeypatch):
    given, decode = [], ears._decode
    monkeypatch.setattr(ears, "_decode", lambda samples, code: given.append(samples) or decode(samples, code))
    ears.transcribe(speech, "en")
    assert speech.sample_rate == 22_050
    assert given[0].dtype == np.float32
    assert len(given[0]) / RATE == pytest.approx(speech.duration_ms / 1000, abs=0.001)


def test_long_recordings_are_heard_to_their_end(ears, speech):
    minute = concatenate([speech] * (60_000 // int(speech.duration_ms) + 1))
    assert ears.transcribe(minute, "en").text.count("Hello there") >= 2


@pytest.mark.parametrize(
    "sound",
    [
        noise(0.0), noise(1e-4), noise(0.03), noise(0.3), tone(3000, 50), tone(3000, 1000, 0.9), click(),
        AudioChunk(np.zeros(0, np.float32), RATE), noise(0.1, 0.01),
    ],
    ids=["zeros", "hiss", "noise", "loud noise", "hum", "a beep", "a click", "nothing", "too short"],
)  # fmt: skip
@pytest.mark.parametrize("language", [None, "en"])
def test_what_is_steady_or_short_never_reaches_whisper(ears, sound, language, monkeypatch):
    monkeypatch.setattr(ears, "_decode", lambda *_: pytest.fail("Whisper was asked"))
    heard = ears.transcribe(sound, language)
    assert (heard.text, heard.language) == ("", language)


@pytest.mark.skipif(not HUMANS, reason="the folder with human speech is not beside the checkout")
@pytest.mark.parametrize("file", HUMANS, ids=lambda file: file.stem[-4:])
@pytest.mark.parametrize("ratio_db", [60, 20, 10])
def test_human_speech_reaches_whisper_through_noise(ears, file, ratio_db):
    clip = decode(file, max_ms=60_000)
    level = float(np.sqrt(np.square(clip.samples).mean())) * 10 ** (-ratio_db / 20)
    around = np.random.default_rng(1).normal(0, level, len(clip.samples) + 2 * clip.sample_rate).astype(np.float32)
    around[clip.sample_rate : -clip.sample_rate] += clip.samples
    assert ears.transcribe(AudioChunk(around, clip.sample_rate), "en").text


@pytest.mark.parametrize(
    "model",
    [
        {"says": " thank you" * 40},
        {"says": " Thank you", "sureness": 0.5},
        {"says": " Thank you", "sureness": 40.0, "doubt": 0.99, "at_start": "<|nospeech|>"},
    ],
    ids=["repeated over and over", "guessed", "nobody spoke"],
)
def test_inventions_are_not_passed_on(tmp_path, speech, model):
    ears = ears_of(make(tmp_path, **model))
    heard = compute(lambda: ears._decode(room.samples_of(speech), "en"))
    assert heard["text"].strip().lower().startswith("thank you"), "the library itself lets it pass"
    assert ears.transcribe(speech, "en").text == ""


def test_a_sure_text_is_passed_on_even_where_whisper_doubts_that_anyone_spoke(tmp_path, speech):
    ears = ears_of(make(tmp_path, " Thank you", sureness=40, at_start="<|nospeech|>"))
    assert compute(lambda: ears._decode(room.samples_of(speech), "en"))["segments"][0]["no_speech_prob"] > 0.9
    assert ears.transcribe(speech, "en").text == "Thank you"


def test_an_english_model_hears_english_only(tmp_path, speech):
    ears = ears_of(make(tmp_path, " Hello", vocabulary=51_864))
    assert (ears.transcribe(speech).text, ears.transcribe(speech).language) == ("Hello", "en")
    with pytest.raises(SpeechToTextError, match="does not know the language 'de'"):
        ears.transcribe(speech, "de")


def test_cantonese_came_with_the_third_large_model(ears, tmp_path, speech):
    with pytest.raises(SpeechToTextError, match="'yue'"):
        ears.transcribe(speech, "yue")
    assert ears_of(make(tmp_path, vocabulary=51_866)).transcribe(speech, "yue").text.startswith("Hello")


@pytest.mark.parametrize("language", ["tlh", "../en", "<|en|>", "x"])
def test_a_language_it_does_not_know_is_refused(ears, speech, language):
    with pytest.raises(SpeechToTextError, match="does not know the language") as caught:
        ears.transcribe(speech, language)
    assert caught.value.code == "language"


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(ears, speech, wrong):
    samples = speech.samples.copy()
    samples[1000] = wrong
    with pytest.raises(SpeechToTextError) as caught:
        ears.transcribe(AudioChunk(samples, speech.sample_rate), "en")
    assert caught.value.code == "bad_samples"


def test_a_rate_that_is_none_is_refused(ears, speech):
    with pytest.raises(SpeechToTextError) as caught:
        ears.transcribe(AudioChunk(speech.samples, 3), "en")
    assert caught.value.code == "bad_rate"


def test_every_thread_can_use_a_model_that_another_one_loaded(good, speech):
    ears, heard = [], []
    for work in (lambda: ears.append(ears_of(good)), *[lambda: heard.append(ears[0].transcribe(speech).text)] * 2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    assert heard == ["Hello there, how are you?"] * 2


def test_two_models_are_not_mistaken_for_each_other_and_are_freed(ears, tmp_path, speech):
    from mlx_whisper.transcribe import ModelHolder

    other = ears_of(make(tmp_path, " Thank you"))
    assert [mind.transcribe(speech, "en").text for mind in (ears, other, ears)] == [
        "Hello there, how are you?", "Thank you", "Hello there, how are you?",
    ]  # fmt: skip
    assert ModelHolder.model is None


def test_numbers_that_are_none_are_told(good, speech):
    import mlx.core as mx

    ears = ears_of(good)
    ears._model.decoder.ln.weight = mx.full((SIZE,), float("nan"))
    mx.eval(ears._model.parameters())
    with pytest.raises(SpeechToTextError) as caught:
        ears.transcribe(speech, "en")
    assert caught.value.code == "bad_numbers"


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError("[metal::malloc] Attempting to allocate 9 bytes"), "out_of_memory"), (ValueError("x"), "failed")],
    ids=["memory", "other"],
)
def test_a_failure_while_hearing_is_told_and_the_next_turn_goes_on(ears, speech, error, code, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(type(ears._model), "decode", lambda *_, **__: (_ for _ in ()).throw(error))
        with pytest.raises(SpeechToTextError) as caught:
            ears.transcribe(speech, "en")
    assert (caught.value.code, caught.value.__cause__) == (code, error)
    assert "ffmpeg" not in caught.value.message
    assert ears.transcribe(speech, "en").text


def fails(folder: Path) -> SpeechToTextError:
    with pytest.raises(SpeechToTextError) as caught:
        room.load(room.Options(model=str(folder)), "auto")
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("missing", ["config.json", "weights.safetensors"])
def test_a_folder_that_lacks_a_file_is_named_with_the_file(good, missing, tmp_path):
    for file in good.iterdir():
        if file.name != missing:
            (tmp_path / file.name).symlink_to(file)
    error = fails(tmp_path)
    assert error.code == "missing_files"
    assert missing in error.message


@pytest.mark.parametrize("size", [0, 100, -50])
@pytest.mark.parametrize("damaged", ["config.json", "weights.safetensors"])
def test_a_damaged_file_is_told(good, damaged, size, tmp_path):
    for file in good.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: size if file.name == damaged else None])
    assert fails(tmp_path).code == "load_failed"


def test_a_damaged_npz_is_told(tmp_path):
    made = make(tmp_path, npz=True) / "weights.npz"
    made.write_bytes(made.read_bytes()[:-1000])
    assert fails(tmp_path).code == "load_failed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"n_text_layer": 2}, "missing_files"), ({"n_audio_layer": 2}, "missing_files"), ({"n_mels": 128}, "load_failed"),
        ({"n_vocab": None}, "load_failed"), ({"n_text_layer": 0}, "load_failed"),
        ({"surprise": 1}, "load_failed"),
    ],
    ids=str,
)  # fmt: skip
def test_weights_that_do_not_fit_the_model_are_told(good, change, code, tmp_path):
    (tmp_path / "weights.safetensors").symlink_to(good / "weights.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(json.loads((good / "config.json").read_text()) | change))
    assert fails(tmp_path).code == code


@pytest.mark.parametrize("size", room.INFO.models)
def test_every_size_has_a_home_on_the_hub(size):
    model = room.model_of(room.Options(model=size), "auto")
    assert model.name.startswith(f"mlx-community/whisper-{size}")
    assert room.model_of(room.Options(model="some/whisper"), "auto").name == "some/whisper"


@pytest.mark.parametrize("name", ["mlx", "mlx.core", "mlx_whisper"])
def test_a_missing_package_is_answered_with_its_command(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match="pip install"):
        room.load(room.Options(), "auto")
