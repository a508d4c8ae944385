"""The natural voice: Kokoro's genuine loading and inference code on a tiny checkpoint of the published layout, in all nine languages."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
from conftest import in_threads
from hub_server import Hub, lead_to, running
from model_files import loaded
from requirements import requirement
from speeches import assert_whole as assert_speech_whole
from test_g2p import TEXTS

from engines.errors import MissingDependency, TextToSpeechError
from engines.g2p.kokoro import g2p_of
from engines.isolation.isolated_engine import isolated
from engines.lipsync.oculus import visemes_of
from engines.lipsync.timeline import viseme_timeline
from engines.protocols import TextToSpeech
from engines.tts import _kokoro as shared
from engines.tts import kokoro as room
from engines.tts._kokoro import Kokoro, Network
from engines.tts._kokoro_voices import VOCABULARY as VOCAB
from engines.types import Speech

pytest.importorskip("kokoro", reason="kokoro is not installed: pip install -r requirements-engines.txt")
VOICES = """af_heart af_alloy af_aoede af_bella af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam am_echo am_eric
am_fenrir am_liam am_michael am_onyx am_puck am_santa bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis jf_alpha
jf_gongitsune jf_nezumi jf_tebukuro jm_kumo zf_xiaobei zf_xiaoni zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang ef_dora
em_alex em_santa ff_siwis hf_alpha hf_beta hm_omega hm_psi if_sara im_nicola pf_dora pm_alex pm_santa""".split()
FRAME_MS, FRAME_SAMPLES = 25.0, 600


def save_checkpoint(folder: Path) -> None:
    """A model of the published architecture, its free sizes small; large tensors are strided views of a few numbers: 1.4 MB."""
    import torch
    from kokoro import KModel

    net = {"upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6], "gen_istft_hop_size": 5, "gen_istft_n_fft": 20}
    net |= {"resblock_dilation_sizes": [[1, 3, 5]], "resblock_kernel_sizes": [3], "upsample_initial_channel": 512}
    bert = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 512, "num_hidden_layers": 1}
    config = {"istftnet": net, "plbert": bert | {"dropout": 0.1}, "dim_in": 64, "dropout": 0.2, "hidden_dim": 512, "max_conv_dim": 512}
    config |= {"max_dur": 50, "multispeaker": True, "n_layer": 1, "n_mels": 80, "n_token": 178, "style_dim": 128}
    config |= {"text_encoder_kernel_size": 5, "vocab": VOCAB}
    (folder / "voices").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(0)
    torch.save({}, folder / "kokoro-v1_0.pth")
    model = KModel(repo_id="hexgrad/Kokoro-82M", config=str(folder / "config.json"), model=str(folder / "kokoro-v1_0.pth"))
    with torch.no_grad():
        model.predictor.duration_proj.linear_layer.bias.fill_(math.log(0.03 / 0.97))  # 50 × 0.03 = 1.5 frames a phoneme
    noise = torch.Generator().manual_seed(0)

    def small(tensor):
        if not tensor.is_floating_point() or tensor.numel() < 5000:
            return tensor.clone()
        return (torch.randn(sum(tensor.shape) + 1, generator=noise) * tensor.std()).as_strided(tensor.shape, [1] * tensor.dim())

    parts = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
    weights = {part: {f"module.{name}": small(tensor) for name, tensor in getattr(model, part).state_dict().items()} for part in parts}
    torch.save(weights, folder / "kokoro-v1_0.pth")
    for name in VOICES:
        torch.save(torch.randn(1, 1, 256, generator=noise).mul(0.1).expand(510, 1, 256), folder / "voices" / f"{name}.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Iterator[Path]:
    import torch

    path = tmp_path_factory.mktemp("kokoro") / "Kokoro-82M"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # many small steps: on a busy machine threads would only wait for each other
    save_checkpoint(path)
    yield path
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def voice(folder) -> Kokoro:
    return loaded(room, room.Options(model=str(folder)), "cpu")


def test_it_speaks_the_same_in_a_process_of_its_own(folder, voice):
    engine = loaded(isolated(room), room.Options(model=str(folder)))
    assert isinstance(engine, TextToSpeech)
    assert engine.voices() == tuple(voice.voices())
    (ours,), (theirs,) = voice.synthesize("Hello there."), engine.synthesize("Hello there.")
    assert (ours.words, ours.phonemes) == (theirs.words, theirs.phonemes)
    assert len(ours.audio.samples) == len(theirs.audio.samples)  # the vocoder draws noise


@pytest.fixture
def broken(folder, tmp_path) -> Path:
    """A copy of the model to be damaged."""
    return shutil.copytree(folder, tmp_path / "broken")


class Watched:
    """The network, with a note of everything it was asked and gave."""

    def __init__(self, network: Network, change=lambda samples, frames: (samples, frames)):
        self.network, self.change, self.calls = network, change, []
        self.vocabulary, self.styles = network.vocabulary, network.styles

    def say(self, phonemes, style, speed):
        samples, frames = self.change(*self.network.say(phonemes, style, speed))
        self.calls.append((phonemes, style, frames))
        return samples, frames


class Light:
    """Stands in for the network where only texts and joints matter: noise, of lengths that are never the same twice."""

    vocabulary = frozenset(VOCAB)

    def styles(self, file):
        return np.zeros((510, 256), np.float32)

    def say(self, phonemes, style, speed):
        frames = [7, *(1 + ord(c) % 5 for c in phonemes), 9]
        return np.random.default_rng(0).uniform(-1, 1, sum(frames) * FRAME_SAMPLES).astype(np.float32), frames


@pytest.fixture
def light(folder) -> Kokoro:
    return Kokoro(Watched(Light()), folder.glob("voices/*.pt"), 1.0, room.INFO.install)


@pytest.fixture
def watched(voice, monkeypatch) -> Watched:
    watched = Watched(voice.network)
    monkeypatch.setattr(voice, "network", watched)
    return watched


def assert_whole(spoken: list[Speech], text: str) -> None:
    assert_speech_whole(spoken, text, 24_000)
    for speech in spoken:
        assert np.abs(speech.audio.samples).max() > 0
        frames = [phoneme.duration_ms / FRAME_MS for phoneme in speech.phonemes]
        assert sum(frames) * FRAME_SAMPLES == len(speech.audio.samples), "to the sample"
        assert {word.start_ms for word in speech.words} <= {phoneme.start_ms for phoneme in speech.phonemes}


@requirement("engine.kokoro")
def test_lists_its_voices_by_language(voice):
    listed = voice.voices()
    assert listed[0].id == "af_heart"
    assert sorted(v.id for v in listed) == sorted(VOICES)
    assert len(listed) == 54
    named = {v.id: v for v in listed}
    assert (named["bm_george"].name, named["bm_george"].language) == ("George, British English, male", "en-GB")
    assert {v.id[0]: v.language for v in listed} == {
        "a": "en-US", "b": "en-GB", "e": "es", "f": "fr-FR", "h": "hi", "i": "it", "j": "ja", "p": "pt-BR", "z": "zh"
    }  # fmt: skip


@pytest.mark.parametrize("letter", TEXTS)
@requirement("lips.measured")
def test_every_language_has_the_models_own_times(voice, watched, letter):
    text, name = TEXTS[letter], next(v.id for v in voice.voices() if v.id[0] == letter)
    (speech,) = voice.synthesize(text, name)
    assert_whole([speech], text)
    ((phonemes, style, frames),) = watched.calls
    assert (style == voice.styles(name)[len(phonemes) - 1]).all()
    assert set(phonemes) <= VOCAB.keys()
    edges = [FRAME_MS * sum(frames[: i + 1]) for i in range(len(phonemes) + 1)]
    seen = [(c, edge) for c, edge in zip(phonemes, edges, strict=False) if visemes_of(c) != ()]
    assert [p.phoneme for p in speech.phonemes[1:-1]] == [c for c, _ in seen]
    assert all(p.start_ms <= edge and p.start_ms in edges for p, (_, edge) in zip(speech.phonemes[1:-1], seen, strict=True))
    assert (speech.phonemes[0].phoneme, speech.phonemes[-1].phoneme, speech.phonemes[-1].start_ms) == ("", "", edges[-1])
    onsets = [0.0, *edges]
    onsets += [p.start_ms + share * p.duration_ms for p in speech.phonemes if len(visemes_of(p.phoneme)) > 1 for share in (0.5, 0.6)]
    for viseme in viseme_timeline(speech).visemes:
        nearest = min(abs(viseme.start_ms - onset) for onset in onsets)
        assert nearest <= FRAME_MS
    assert len(speech.words) > 3
    assert sum(word.duration_ms > 0 for word in speech.words) >= len(speech.words) - 1


def test_stress_marks_and_spaces_last_for_the_sound_behind_them_and_pauses_keep_theirs(light):
    (speech,) = light.synthesize("Hi, a map")
    ((phonemes, _, frames),) = light.network.calls
    assert phonemes == "hˈI, ɐ mˈæp"
    edges = dict(zip(range(-1, len(phonemes) + 1), accumulate(frames, initial=0), strict=False))
    begins = {"h": 0, "I": 1, ",": 3, "ɐ": 5, "m": 6, "æ": 8, "p": 10}  # "I" with its mark, "m" with its space, "," keeps the one behind it
    assert {p.phoneme: p.start_ms / FRAME_MS for p in speech.phonemes[1:-1]} == {c: edges[at] for c, at in begins.items()}


def test_a_long_text_is_cut_at_clauses(light):
    clause = "the quick brown fox jumps over the lazy dog, and then it goes on to say something else about it, "
    text = ("This is a long story. " + clause * 12 + "and that was all. ") * 2
    speeches = list(light.synthesize(text))
    assert_whole(speeches, text)
    assert len(speeches) > 4
    for phonemes, _, _ in light.network.calls:
        assert len(phonemes) <= 510
    for one in speeches[:-1]:
        assert one.words[-1].text.rstrip()[-1] in ".,", "cut at a clause"


@pytest.mark.parametrize(
    ("name", "text"), [("af_heart", "9" * 120), ("zf_xiaobei", "今天天气很好我们去公园散步" * 25), ("af_heart", "blah" * 200)]
)
def test_what_is_too_long_for_the_window_is_still_said_whole(light, name, text):
    speeches = list(light.synthesize(text, name))
    assert_whole(speeches, text)
    assert max(len(phonemes) for phonemes, _, _ in light.network.calls) <= 510


@pytest.mark.parametrize(
    "text", ["a", "\x00He\ud800llo\x07 ", "😀 hi 😀. 😀", "...wait", "x" * 60,
     "1/2 ½ ² 10^400 1e999", "e\u0301te\u0301 1", "\u200bA\u00a0b\n\n c", "'9'8"]
)  # fmt: skip
@pytest.mark.parametrize("name", ["af_heart", "ff_siwis", "zf_xiaobei", "jf_alpha"])
def test_ugly_texts_keep_every_character(light, name, text):
    speeches = list(light.synthesize(text, name))
    assert speeches
    assert_whole(speeches, text)


@pytest.mark.parametrize("text", ["", " \n", "...", "😀", "—!?"])
def test_nothing_to_say_is_no_sound(voice, text):
    assert list(voice.synthesize(text)) == []


@pytest.mark.parametrize("name", ["", "af_nobody", "../voices/af_heart", "af_heart.pt", "af_heart,af_sky", "/etc/passwd", "AF_HEART"])
def test_an_unknown_voice_is_refused_before_any_file_is_opened(voice, name, monkeypatch):
    monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("a file was opened"))
    with pytest.raises(TextToSpeechError, match="no voice") as caught:
        voice.synthesize("Hello", name)
    assert caught.value.code == "unknown_voice"


def test_speed_is_kept_within_its_range(folder, voice):
    (usual,) = voice.synthesize("Hello there.")
    (slow,) = loaded(room, room.Options(model=str(folder), speed=0.01), "cpu").synthesize("Hello there.")
    assert 1.3 < slow.audio.duration_ms / usual.audio.duration_ms < 4


def test_it_is_warm_when_it_is_loaded(folder, monkeypatch):
    from kokoro import KModel

    calls, forward = [], KModel.forward
    monkeypatch.setattr(KModel, "forward", lambda self, *a, **k: calls.append(a) or forward(self, *a, **k))
    loaded(room, room.Options(model=str(folder)), "cpu")
    assert calls


def test_closing_stops_within_one_step(light):
    speeches = light.synthesize("This is one sentence of many. " * 60)
    next(speeches)
    speeches.close()
    assert len(light.network.calls) == 1


def test_many_threads_share_it(voice):
    texts, results = [f"Number {i} says good morning." for i in range(4)], {}
    in_threads(*(lambda t=text: results.update({t: list(voice.synthesize(t))}) for text in texts))
    for text in texts:
        assert_whole(results[text], text)


def raising(message: str):
    def fail(*_):
        raise RuntimeError(message)

    return fail


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (lambda samples, frames: (samples * math.nan, frames), "bad_audio"),
        (lambda samples, frames: (samples * 0, frames), "bad_audio"),
        (lambda samples, frames: (samples, [frame + 1 for frame in frames]), "bad_timing"),
        (raising("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (raising("mat1 and mat2 shapes cannot be multiplied"), "synthesis_failed"),
    ],
)
def test_faults_of_the_model_are_told_in_one_sentence(voice, watched, fault, code):
    watched.change = fault
    with pytest.raises(TextToSpeechError) as caught:
        list(voice.synthesize("Hello"))
    assert caught.value.code == code
    assert caught.value.message.endswith((".", "again.", '"'))
    watched.change = lambda *output: output
    assert list(voice.synthesize("Hello"))


def test_a_text_that_cannot_be_pronounced_is_named(voice, monkeypatch):
    monkeypatch.setattr(shared, "g2p_of", lambda letter: lambda text: 1 / 0)
    with pytest.raises(TextToSpeechError, match="cannot pronounce 'Hello") as caught:
        list(voice.synthesize("Hello"))
    assert caught.value.code == "unpronounceable"


@pytest.mark.parametrize(("letter", "package"), [("z", "rjieba"), ("j", "lindera")])
def test_a_language_whose_package_is_missing_names_the_command(voice, monkeypatch, letter, package):
    def without(wanted):
        if wanted == letter:
            raise ModuleNotFoundError(package)
        return g2p_of(wanted)

    monkeypatch.setattr(shared, "g2p_of", without)
    name = next(v.id for v in voice.voices() if v.id[0] == letter)
    with pytest.raises(MissingDependency, match="pip install") as caught:
        list(voice.synthesize("好", name))
    assert package in caught.value.install
    assert list(voice.synthesize("Hello")), "the others go on"


@pytest.mark.parametrize("name", ["config.json", "kokoro-v1_0.pth", "voices"])
def test_a_missing_file_is_named(broken, name):
    path = broken / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(TextToSpeechError, match=name) as caught:
        loaded(room, room.Options(model=str(broken)), "cpu")
    assert caught.value.code == "missing_files"


def saved(folder: Path, weights: object) -> None:
    import torch

    torch.save(weights, folder / "kokoro-v1_0.pth")


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil_was_here"),))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "config.json").write_text("{}"),
        lambda folder: (folder / "kokoro-v1_0.pth").write_bytes((folder / "kokoro-v1_0.pth").read_bytes()[:100_000]),
        lambda folder: (folder / "kokoro-v1_0.pth").write_bytes(b""),
        lambda folder: saved(folder, {"bert": {}}),
        lambda folder: saved(folder, {"bert": Evil()}),
    ],
    ids=["half a config", "no config", "cut off", "empty", "a part missing", "a program"],
)
def test_a_damaged_model_is_refused(broken, damage, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    damage(broken)
    with pytest.raises(TextToSpeechError, match="cannot be opened") as caught:
        loaded(room, room.Options(model=str(broken)), "cpu")
    assert caught.value.code == "load_failed"
    assert caught.value.__cause__ is not None
    assert not (tmp_path / "evil_was_here").exists()


def test_a_damaged_voice_is_refused_and_the_others_speak(broken):
    import torch

    torch.save(torch.zeros(3, 5), broken / "voices" / "af_sky.pt")
    (broken / "voices" / "af_nova.pt").write_bytes(b"not a voice")
    torch.save(Evil(), broken / "voices" / "af_bella.pt")
    voice = loaded(room, room.Options(model=str(broken)), "cpu")
    for name in ("af_sky", "af_nova", "af_bella"):
        with pytest.raises(TextToSpeechError, match=name) as caught:
            list(voice.synthesize("Hello", name))
        assert caught.value.code == "bad_voice"
    assert list(voice.synthesize("Hello"))


def test_a_device_that_is_not_there_is_told(folder):
    import torch

    if torch.cuda.is_available():
        (speech,) = loaded(room, room.Options(model=str(folder)), "cuda").synthesize("Hello there.")
        assert_whole([speech], "Hello there.")
        return
    with pytest.raises(TextToSpeechError, match="Set the device to cpu"):
        loaded(room, room.Options(model=str(folder)), "cuda")


def test_a_model_of_the_hub_is_fetched_once_and_then_serves_without_a_network(folder, monkeypatch, tmp_path):
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    model = room.files(room.Options(), "auto")
    with running(Hub(files | {"samples/HEARME.wav": b"RIFF"}, repository=model.name)) as hub:
        lead_to(hub, monkeypatch, tmp_path)
        assert len(loaded(room, room.Options(), "cpu").voices()) == 54
        assert sum(request.sent for request in hub.requests) == sum(map(len, set(files.values())))
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        hub.requests.clear()
        assert len(loaded(room, room.Options(), "cpu").voices()) == 54
        assert not hub.requests
        with pytest.raises(TextToSpeechError, match="HF_HUB_OFFLINE") as caught:
            loaded(room, room.Options(model="some/other"), "cpu")
        assert (caught.value.code, caught.value.retryable) == ("offline", True)


@pytest.mark.parametrize(("cuda", "device"), [(True, "cuda"), (False, "cpu")])
def test_by_itself_it_speaks_on_cuda_or_the_processor_never_on_a_macs_gpu(folder, monkeypatch, cuda, device):
    import torch

    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, to: asked.append(to) or self)
    loaded(room, room.Options(model=str(folder)), "auto")
    assert asked == [device]
