"""The commands that talk, say, hear and list, as users call them, with the embedded engines."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import types
from functools import cache

import httpx
import numpy as np
import pytest
from conftest import HOUSE, RATE, tone
from requirements import requirement

from engines import cli
from engines.audio import to_wav
from engines.cli._shared import microphone
from engines.cli._shared.terminal import selection
from engines.errors import AudioError, MissingDependency
from engines.stt import pocketsphinx

LOADED_ONCE = cache(pocketsphinx.load)
"""PocketSphinx takes a second to load."""
TIMELINE = {"words", "wtimes", "wdurations", "visemes", "vtimes", "vdurations"}


@pytest.fixture(autouse=True)
def embedded(monkeypatch, tmp_path):
    for stage, name in {"STT": "pocketsphinx", "LLM": "scripted", "TTS": "espeak_ng", "ISOLATE": "false"}.items():
        monkeypatch.setenv(f"VISAVIS_{stage}", name)
    monkeypatch.setattr(pocketsphinx, "load", LOADED_ONCE)
    monkeypatch.chdir(tmp_path)


def typed(monkeypatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


@requirement("cli.talk")
def test_one_recording_becomes_text_sound_and_visemes(question, tmp_path, capsys):
    (tmp_path / "q.wav").write_bytes(question)
    assert cli.main(["talk", "--single", "q.wav", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["text"]
    assert told["transcript"]
    assert told.keys() >= TIMELINE | {"audio", "timeline"}
    assert [path.parent.as_posix() for path in sorted(tmp_path.rglob("response_*.wav"))] == [(tmp_path / "var/sts_avatar").as_posix()]
    saved = json.loads(next(tmp_path.rglob("visemes_*.json")).read_text())
    assert {name: saved[name] for name in TIMELINE} == {name: told[name] for name in TIMELINE}


@requirement("cli.talk")
def test_path_after_path_is_answered_and_a_bad_one_ends_nothing(question, tmp_path, capsys, monkeypatch):
    (tmp_path / "q.wav").write_bytes(question)
    typed(monkeypatch, "nowhere.wav", "q.wav", "", "/history", "/clear", "/history", "/dance", "/quit", "q.wav")
    assert cli.main(["talk", "--no-save-audio", "--no-save-visemes", "--language", "en"]) == 0
    told = capsys.readouterr()
    assert "cannot be opened" in told.err
    assert "Forgotten." in told.err
    assert "There is /history, /clear and /exit." in told.err
    assert told.out.count("Maya Chen: ") == 1
    assert told.out.count("They: ") == 1
    assert not (tmp_path / "var").exists()


@requirement("cli.chat")
@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_what_is_typed_is_answered_and_saved(stream, tmp_path, capsys):
    assert cli.main(["chat", "--single", "What do wolves eat?", "--output-dir", "mine", "--system-prompt", "Be brief.", *stream]) == 0
    assert len(capsys.readouterr().out) > 20
    assert [path.parent.name for path in tmp_path.rglob("*.wav")] == ["mine"]


@requirement("cli.chat")
def test_a_failure_is_a_sentence_and_for_programs_json(capsys):
    assert cli.main(["chat", "--single", "   ", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"]
    assert told.err.startswith("visavis: ")


@requirement("cli.say")
def test_a_text_a_file_and_the_standard_input_are_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "text.txt").write_text("\ufeffGood evening.", encoding="utf-8")
    stdin = types.SimpleNamespace(buffer=io.BytesIO(b"Good night."), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)
    for what, word in (("Good morning.", "morning."), ("text.txt", "evening."), ("-", "night.")):
        assert cli.main(["say", what, "--out", "deep/a.wav", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["words"] == ["Good ", word]
        assert json.loads((tmp_path / "deep" / "a.json").read_text())["words"] == ["Good ", word]
    assert cli.main(["say", "***"]) == 1
    assert "no words in that text" in capsys.readouterr().err


@requirement("cli.batch")
def test_a_batch_says_every_line_and_goes_on_where_it_was(tmp_path, capsys):
    (tmp_path / "lines.txt").write_text("One.\n\n***\nFour.\n", encoding="utf-8")
    assert cli.main(["batch", "lines.txt", "--prefix", "n", "--output-dir", "out"]) == 3
    assert "line 3: There are no words" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["n_000.json", "n_000.wav", "n_003.json", "n_003.wav"]
    first = (tmp_path / "out" / "n_000.wav").stat().st_mtime_ns
    (tmp_path / "out" / "n_003.wav").unlink()
    assert cli.main(["batch", "lines.txt", "--prefix", "n", "--output-dir", "out", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["said"] == 1
    assert (tmp_path / "out" / "n_000.wav").stat().st_mtime_ns == first
    assert cli.main(["batch", "lines.txt", "--prefix", "../n"]) == 1


@requirement("cli.transcribe")
def test_recordings_become_text_json_and_subtitles(question, tmp_path, capsys):
    (tmp_path / "a.wav").write_bytes(question)
    (tmp_path / "quiet.wav").write_bytes(to_wav(tone(500, level=0.0)))
    assert cli.main(["transcribe", "a.wav"]) == 0
    text = capsys.readouterr().out.strip()
    assert cli.main(["transcribe", "a.wav", "--format", "srt"]) == 0
    assert capsys.readouterr().out.startswith("1\n00:00:00,")
    assert cli.main(["transcribe", "a.wav", "quiet.wav", "--format", "vtt", "--output-dir", "out"]) == 3
    assert "quiet.wav: That recording is silent" in capsys.readouterr().err
    written = (tmp_path / "out" / "a.vtt").read_text(encoding="utf-8")
    assert written.startswith("WEBVTT\n\n00:00:00.")
    assert cli.main(["transcribe", "a.wav", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["text"] == text
    assert [word["word"] for word in told["words"]] == text.split()


@requirement("cli.lists")
def test_lists_are_for_people_and_for_programs(tmp_path, capsys):
    for command in (["list"], ["voices", "--language", "es"], ["personas", "list"]):
        assert cli.main(command) == 0
        assert len(capsys.readouterr().out.splitlines()) > 3
        assert cli.main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)
    assert cli.main(["personas", "check"]) == 0
    (tmp_path / "people.yaml").write_text("maya:\n  name: Maya\n  nmae: Maya\n", encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["personas", "check", "people.yaml"]) == 1
    assert "people.yaml, line 3" in capsys.readouterr().err


@requirement("cli.talk")
def test_a_model_alone_finds_the_engine_that_works_with_it():
    assert selection("stt", "faster_whisper:small") == "faster_whisper:small"
    assert selection("stt", "small") in {"faster_whisper:small", "mlx_whisper:small"}
    assert selection("llm", "owner/name") in {"llama_cpp:owner/name", "mlx_lm:owner/name"}
    assert selection("llm", None) is None


@requirement("cli.talk")
def test_the_microphone_records_until_enter_and_says_what_it_lacks(monkeypatch, capsys):
    class Stream:
        def __init__(self, *, callback, **form):
            assert form == {"samplerate": RATE, "channels": 1, "dtype": "float32"}
            self.callback = callback

        def __enter__(self):
            for _ in range(4):
                self.callback(np.full((RATE // 2, 1), 0.1, np.float32), RATE // 2, None, None)

        def __exit__(self, *_: object):
            return None

    played = []
    device = types.SimpleNamespace(InputStream=Stream, PortAudioError=OSError, play=lambda *args, **_: played.append(args))
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    typed(monkeypatch, "")
    assert microphone.record(1500).duration_ms == 1500
    typed(monkeypatch, "", "", "/exit")
    assert cli.main(["talk", "--mic", "--no-save-audio"]) == 0  # a tone holds no words: said, and the next one is asked for
    assert "visavis: " in capsys.readouterr().err
    microphone.play(tone())
    assert len(played) == 1
    monkeypatch.setattr(device, "InputStream", lambda **_: (_ for _ in ()).throw(OSError("none")))
    with pytest.raises(AudioError, match="microphone cannot be used"):
        microphone.record(1000)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingDependency, match="pip install"):
        microphone.record(1000)


@requirement("cli.serve")
def test_the_api_is_served_without_the_page_until_ctrl_c():
    engines = ["--stt", "pocketsphinx", "--llm", "scripted", "--tts", "espeak_ng", "--wyoming", "0"]
    program = [sys.executable, "-m", "engines", "serve", "--port", "7990", *engines]
    with subprocess.Popen(program, cwd=HOUSE, stdout=subprocess.PIPE, text=True) as serving:
        address = serving.stdout.readline().split()[4].rstrip(";")
        try:
            assert httpx.get(f"{address}/v1/health", timeout=20).json()["status"] == "ok"
            assert httpx.get(f"{address}/v1/health", headers={"Host": "evil.example"}, timeout=20).status_code == 403
            assert httpx.get(f"{address}/nothing", timeout=20).json()["code"] == "not_found"
        finally:
            serving.send_signal(signal.SIGINT)
        assert serving.wait(20) == 0
