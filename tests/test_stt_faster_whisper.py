"""Whisper on CTranslate2: a tiny model in the genuine format that says what it was made to say, and every way to be without a model.

The model's decoder has no attention: its position alone decides the next token. So the text, its probability and the language found are
known, while loading, the voice detector, decoding and the tests of what is passed on are the genuine ones.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hub_server import Hub, lead_to, running

from engines.audio import concatenate
from engines.errors import EngineError, MissingDependency, SpeechToTextError
from engines.protocols import SpeechToText
from engines.stt import faster_whisper
from engines.tts import espeak_ng
from engines.types import AudioChunk

RATE = 16_000
END = "<|endoftext|>"
TIMES = 1501
"""Tokens for times, which the converter adds."""


class Maker:
    """Makes Whisper models of some hundred kilobytes; the tokenizer is the same for all."""

    def __init__(self, folder: Path, *, multilingual: bool = True) -> None:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import WhisperTokenizerFast
        from transformers.models.whisper.tokenization_whisper import LANGUAGES

        self.folder = folder
        self.languages = [code for code in LANGUAGES if code != "yue"]
        words = [" hello there how are you today thank you"] * 4
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.train_from_iterator(words, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        if multilingual:  # an empty token is how CTranslate2 tells such a Whisper from an English one
            trained = json.loads(bpe.to_str())["model"]
            merges = [tuple(merge) for merge in trained["merges"]]
            bpe = Tokenizer(models.BPE({**trained["vocab"], "": len(trained["vocab"])}, merges))
            bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bpe.decoder = decoders.ByteLevel()
        after = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
        bpe.add_special_tokens([END, "<|startoftranscript|>", *(f"<|{code}|>" for code in self.languages), *after])
        self.multilingual = multilingual
        self.size = bpe.get_vocab_size() + TIMES
        self.tokenizer = WhisperTokenizerFast(tokenizer_object=bpe, eos_token=END, bos_token=END, unk_token=END, pad_token=END)

    def make(self, name: str, *, says: str, language: str = "en", sureness: float = 20.0, at_start: str | None = None) -> Path:
        """A model that answers every sound with `says`; `at_start` is what it thinks of before the language (``<|nospeech|>``)."""
        import torch
        from ctranslate2.converters import TransformersConverter
        from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

        identify = self.tokenizer.convert_tokens_to_ids
        end, start, no_times = identify(END), identify("<|startoftranscript|>"), identify("<|notimestamps|>")
        special = {"eos_token_id": end, "bos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
        config = WhisperConfig(
            vocab_size=self.size, d_model=64, num_mel_bins=80, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, suppress_tokens=[], begin_suppress_tokens=[], **special,
        )  # fmt: skip
        torch.manual_seed(0)
        model = WhisperForConditionalGeneration(config)
        tokens = torch.randn(self.size, 64)
        tokens = torch.nn.functional.normalize(tokens - tokens.mean(1, keepdim=True), dim=1)
        text = [*self.tokenizer(says, add_special_tokens=False).input_ids, end]
        first = tokens[identify(f"<|{language}|>")] + (2 * tokens[identify(at_start)] if at_start else 0)
        task = [tokens[identify("<|transcribe|>")], tokens[no_times + 1]] if self.multilingual else []
        spoken = [first, *task, *(tokens[token] for token in text)]
        places = torch.stack([*spoken, *(tokens[end],) * (config.max_target_positions - len(spoken))])
        decoder = model.model.decoder
        with torch.no_grad():
            for part in (layer := decoder.layers[0]).self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2:
                part.weight.zero_()
                part.bias.zero_()
            decoder.embed_tokens.weight.copy_(tokens * 0.01)
            decoder.embed_positions.weight.copy_(places * 10)
            decoder.layer_norm.weight.fill_(sureness * 100 / 8)  # a normalised row is 8 long, a token 0.01
        model.generation_config = GenerationConfig(
            is_multilingual=True, lang_to_id={f"<|{code}|>": identify(f"<|{code}|>") for code in self.languages},
            task_to_id={task: identify(f"<|{task}|>") for task in ("transcribe", "translate")}, alignment_heads=[[0, 0]],
            no_timestamps_token_id=no_times, max_length=448, **special,
        )  # fmt: skip
        source, made = self.folder / f"{name}-transformers", self.folder / name
        for part in (model, self.tokenizer, WhisperFeatureExtractor(feature_size=80)):
            part.save_pretrained(source)
        TransformersConverter(str(source), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(str(made))
        return made


@pytest.fixture(scope="module")
def maker(tmp_path_factory) -> Maker:
    return Maker(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def good(maker) -> Path:
    return maker.make("good", says=" Hello there, how are you?", language="de")


def ears_of(folder: Path, **options) -> SpeechToText:
    return faster_whisper.load(faster_whisper.Options(model=str(folder), **options), "cpu")


@pytest.fixture(scope="module")
def ears(good) -> SpeechToText:
    return ears_of(good)


@pytest.fixture(scope="module")
def speech() -> AudioChunk:
    voice = espeak_ng.load(espeak_ng.Options(), "cpu")
    return concatenate([part.audio for part in voice.synthesize("Hello there, how are you today? I have not seen you for a while.")])


def noise(level: float, seconds: float = 3.0) -> AudioChunk:
    return AudioChunk(np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32), RATE)


def test_it_is_a_pair_of_ears(ears):
    assert isinstance(ears, SpeechToText)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "en"), ("en-GB", "en-GB"), ("pt_BR", "pt_BR"), ("nb", "nb"), ("fil", "fil"), ("zh-Hant-TW", "zh-Hant-TW")]
)
def test_speech_becomes_words_in_the_language_that_is_set(ears, speech, language, told):
    heard = ears.transcribe(speech, language)
    assert (heard.text, heard.language) == ("Hello there, how are you?", told)


def test_the_language_is_found_when_none_is_set(ears, speech):
    assert ears.transcribe(speech).language == "de"


def test_javanese_is_spelled_as_others_spell_it(maker, speech):
    assert ears_of(maker.make("jw", says=" Hello", language="jw")).transcribe(speech).language == "jv"


def test_whisper_hears_the_sound_at_its_own_rate(ears, speech, monkeypatch):
    given = []
    decode = ears._decode
    monkeypatch.setattr(ears, "_decode", lambda samples, code: given.append(samples) or decode(samples, code))
    ears.transcribe(speech, "en")
    assert speech.sample_rate == 22_050
    assert given[0].dtype == np.float32
    assert 0.5 * speech.duration_ms < len(given[0]) / 16 <= speech.duration_ms + 1


def test_long_recordings_are_heard_to_their_end(ears, speech):
    minute = concatenate([speech] * (60_000 // int(speech.duration_ms) + 1))
    assert ears.transcribe(minute, "en").text.count("Hello there") >= 2


@pytest.mark.parametrize(
    "sound",
    [noise(0.0), noise(1e-4), noise(0.03), noise(0.3), AudioChunk(np.zeros(0, np.float32), RATE), noise(0.1, 0.01)],
    ids=["zeros", "hiss", "noise", "loud noise", "nothing", "a click"],
)
@pytest.mark.parametrize("language", [None, "en"])
def test_what_is_no_speech_never_reaches_whisper(ears, sound, language, monkeypatch):
    monkeypatch.setattr(ears, "_decode", lambda *_: pytest.fail("Whisper was asked"))
    heard = ears.transcribe(sound, language)
    assert (heard.text, heard.language) == ("", language)


@pytest.mark.parametrize(
    "model",
    [
        {"says": " thank you" * 40},
        {"says": " Thank you", "sureness": 0.5},
        {"says": " Thank you", "sureness": 7.3, "at_start": "<|nospeech|>"},
    ],
    ids=["repeated over and over", "guessed", "nobody spoke"],
)
def test_inventions_are_not_passed_on(maker, speech, model):
    ears = ears_of(maker.make(f"invents-{len(model)}-{len(model['says'])}", **model), compute="float32")
    (segment,) = ears._decode(faster_whisper._speech(speech.samples), "en")[0]
    assert segment.text.strip().lower().startswith("thank you") or segment.avg_logprob < -1
    assert ears.transcribe(speech, "en").text == ""


def test_a_sure_text_is_passed_on_even_where_whisper_doubts_that_anyone_spoke(maker, speech):
    ears = ears_of(maker.make("doubts", says=" Thank you", at_start="<|nospeech|>"))
    assert ears.transcribe(speech, "en").text == "Thank you"


def test_an_english_model_hears_english_only(tmp_path, speech):
    ears = ears_of(Maker(tmp_path, multilingual=False).make("english", says=" Hello"))
    assert (ears.transcribe(speech).text, ears.transcribe(speech).language) == ("Hello", "en")
    with pytest.raises(SpeechToTextError, match="does not know the language 'de'"):
        ears.transcribe(speech, "de")


@pytest.mark.parametrize("language", ["tlh", "yue", "../en", "<|en|>", "x"])
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


def test_many_at_once_are_all_heard(ears, speech):
    heard = []
    threads = [threading.Thread(target=lambda: heard.append(ears.transcribe(speech, "en").text)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert heard == ["Hello there, how are you?"] * 4


@pytest.mark.parametrize(
    ("error", "code"), [(RuntimeError("CUDA failed with error out of memory"), "out_of_memory"), (ValueError("x"), "failed")]
)
def test_a_failure_while_hearing_is_told_and_the_next_turn_goes_on(ears, speech, error, code, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(ears._model, "transcribe", lambda *_, **__: (_ for _ in ()).throw(error))
        with pytest.raises(SpeechToTextError) as caught:
            ears.transcribe(speech, "en")
    assert caught.value.code == code
    assert caught.value.__cause__ is error
    assert ears.transcribe(speech, "en").text


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    with running(Hub()) as hub:
        lead_to(hub, monkeypatch, tmp_path)
        yield hub


def fails(options: faster_whisper.Options) -> SpeechToTextError:
    with pytest.raises(SpeechToTextError) as caught:
        faster_whisper.load(options, "cpu")
    message = caught.value.message
    assert message.endswith((".", "hf auth login"))
    assert "\n" not in message
    return caught.value


@pytest.mark.parametrize("missing", ["model.bin", "config.json", "tokenizer.json", "vocabulary.*"])
def test_a_folder_that_lacks_a_file_is_named_with_the_file(good, missing, tmp_path):
    for file in good.iterdir():
        if not file.match(missing):
            (tmp_path / file.name).symlink_to(file)
    error = fails(faster_whisper.Options(model=str(tmp_path)))
    assert error.code == "missing_files"
    assert f"lacks {missing}." in error.message


@pytest.mark.parametrize("damaged", ["model.bin", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_told(good, damaged, tmp_path):
    for file in good.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: 100 if file.name == damaged else None])
    assert fails(faster_whisper.Options(model=str(tmp_path))).code == "load_failed"


def test_a_compute_type_that_does_not_exist_is_told(good):
    error = fails(faster_whisper.Options(model=str(good), compute="int3"))
    assert error.code == "load_failed"
    assert "int3" in error.message


@pytest.mark.parametrize("name", ["", "/no/such/folder", "a/b/c", "no such/name!"])
def test_a_name_that_is_no_model_is_told(name):
    assert fails(faster_whisper.Options(model=name)).code == "unknown_model"


def test_every_size_has_its_model_on_the_hub(hub, good, speech):
    from faster_whisper.utils import _MODELS

    hub.files = {path.name: path.read_bytes() for path in good.iterdir()} | {"README.md": b"not asked for"}
    assert {"tiny", "base", "small", "medium", "large-v3", "large-v3-turbo"} <= set(faster_whisper.INFO.models)
    names = {size: faster_whisper.model_of(faster_whisper.Options(model=size), "auto").name for size in faster_whisper.INFO.models}
    assert names == {size: _MODELS[size] for size in names}, "the library's own names"
    hub.repository = faster_whisper.model_of(faster_whisper.Options(), "auto").name
    ears = faster_whisper.load(faster_whisper.Options(), "cpu")
    assert ears.transcribe(speech, "en").text == "Hello there, how are you?"
    assert not hub.asked("README.md")


def test_a_model_of_the_hub_in_another_format_is_refused(hub):
    hub.files = {"config.json": b"{}", "model.safetensors": b"x"}
    error = fails(faster_whisper.Options(model=hub.repository))
    assert error.code == "missing_files"
    assert "model.bin" in error.message


def test_without_a_network_it_says_so_and_a_model_fetched_before_serves(hub, good, speech, monkeypatch):
    from huggingface_hub import constants

    hub.files = {path.name: path.read_bytes() for path in good.iterdir()}
    options = faster_whisper.Options(model=hub.repository)
    faster_whisper.load(options, "cpu")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert faster_whisper.load(options, "mps").transcribe(speech, "en").text
    error = fails(faster_whisper.Options(model="some/other"))
    assert (error.code, error.retryable) == ("offline", True)


@pytest.mark.parametrize(
    ("device", "cards", "on"), [("auto", 1, "cuda"), ("auto", 0, "cpu"), ("cuda", 0, "cuda"), ("cpu", 1, "cpu"), ("mps", 1, "cpu")]
)
def test_it_computes_on_an_nvidia_card_where_there_is_one(good, device, cards, on, monkeypatch):
    import ctranslate2
    import faster_whisper as library

    asked = []
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: cards)
    monkeypatch.setattr(
        library, "WhisperModel", lambda folder, **options: asked.append(options) or (_ for _ in ()).throw(ValueError("seen"))
    )
    with pytest.raises(SpeechToTextError):
        faster_whisper.load(faster_whisper.Options(model=str(good)), device)
    assert (asked[0]["device"], asked[0]["compute_type"]) == (on, "float16" if on == "cuda" else "int8")


def test_a_missing_package_is_answered_with_its_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faster_whisper", None)
    with pytest.raises(MissingDependency, match="pip install"):
        faster_whisper.load(faster_whisper.Options(), "cpu")


def test_every_error_is_of_the_house(ears, speech):
    with pytest.raises(EngineError) as caught:
        ears.transcribe(AudioChunk(speech.samples, 3), "en")
    assert caught.value.code == "bad_rate"
