"""`python -m engines video`: a film whose lips go with its sound, and plain words where there can be none."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import HOUSE, StubVoice, stub_engines
from drawing import bursts, require_drawing
from fixtures.other_avatars import OTHERS
from PIL import Image
from requirements import requirement

from avatar_assets.render import draw, film, shoot, unseen
from avatar_assets.render.film import KINDS, Film
from avatar_assets.render.script import SAMPLE_RATE, Caption, script_of
from avatar_assets.render.shoot import Format
from benchmarks.video import offsets
from engines import cli
from engines.cli import doctor, video
from engines.config.settings import Settings
from engines.errors import EngineError, TextToSpeechError
from engines.types import AudioChunk

SMALL = ["--size", "128x128", "--tts", "espeak_ng", "--persona", "maya"]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unseen, "_FINE", 1)  # quicker, and no pixel is looked at here


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must fail, and give its one sentence; nothing may be left behind."""
    assert cli.main(["video", *arguments]) == 1
    assert sorted(path.name for path in Path().iterdir() if path.suffix in {".mp4", ".webm", ".part"}) == []
    error = capsys.readouterr().err
    assert error.startswith("visavis: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("name", ["talk.mp4", "talk.WEBM"])
@requirement("film.command")
def test_a_text_becomes_a_film(name):
    require_drawing()
    command = [sys.executable, "-m", "engines", "video", "--text", "Good day. How are you?", "--out", name, "--captions", *SMALL]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HOUSE)}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Dr. Maya Chen with eSpeak NG" in done.stdout
    assert [path.name for path in Path().iterdir()] == [name]
    with av.open(name) as container:
        kind = KINDS[Path(name).suffix.lower()]
        (picture,), (sound,), (words,) = container.streams.video, container.streams.audio, container.streams.subtitles
        assert (picture.width, picture.height, picture.average_rate) == (128, 128, 25)
        assert (sound.rate, words.codec_context.name) == (SAMPLE_RATE, kind.captions)
        texts = [bytes(packet).strip(b"\0\x09\x0c") for packet in container.demux(words)]
    with av.open(name) as container:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    with av.open(name) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert b"Good day." in b" ".join(texts)
    assert len(samples) / SAMPLE_RATE == pytest.approx(len(pictures) / 25, abs=0.1)
    assert len(pictures) > 40
    assert np.abs(samples).max() > 0.1
    mouths = np.stack(pictures)[:, 64:80, 52:76]
    assert np.abs(np.diff(mouths, axis=0)).max() > 40, "the mouth moves"
    assert np.ptp(np.stack(pictures)[:, :4, :4], axis=0).max() < 12, "the room does not"


@pytest.mark.parametrize(("ending", "fps"), [(".mp4", 25), (".webm", 30)])
@requirement("film.lips")
def test_lips_are_within_20_ms_of_the_sound(ending, fps, persona):
    require_drawing()
    found = offsets(persona, Format(fps=fps, width=160, height=160), Path(f"sync{ending}"), count=4)
    assert len(found) == 4
    assert abs(np.median(found)) <= 20
    assert np.abs(found).max() <= 30


def test_the_same_text_is_the_same_film(persona):
    require_drawing()
    for name in ("one.mp4", "two.mp4"):
        shoot.shoot(script_of([bursts(["aa", "O"])]), persona, Path(name), Format(width=128, height=128))
    assert Path("one.mp4").read_bytes() == Path("two.mp4").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "Hello.", "--out", "talk.avi"], ".avi is no kind of film"),
        (["--text", "Hello.", "--out", "talk"], "without an ending"),
        (["--text", "Hello.", "--out", "nowhere/talk.mp4"], "nowhere/talk.mp4 cannot be written: No such file"),
        (["--text", "Hello.", "--out", "folder.mp4"], "folder.mp4 cannot be written: Is a directory"),
        (["--text", "Hello.", "--out", "talk.mp4", "--persona", "nobody"], "There is no such persona; choose one of: maya"),
        (["--text", "Hello.", "--out", "talk.mp4", "--tts", "nobody"], "There is no tts engine called 'nobody'"),
        (["--text", " \n", "--out", "talk.mp4"], "The text is empty"),
        (["--text", "🙂", "--out", "talk.mp4"], "no words in that text"),
        (["--text", "Hello.", "--out", "talk.mp4", "--background", "beach.jpg"], "“beach.jpg” cannot be read: No such file"),
        (["--text", "Hello.", "--out", "talk.mp4", "--background", "latin.txt"], "“latin.txt” is no picture that can be read"),
        (["--text-file", "nothing.txt", "--out", "talk.mp4"], "nothing.txt cannot be read: No such file"),
        (["--text-file", "latin.txt", "--out", "talk.mp4"], "latin.txt is no text in UTF-8"),
        (["--text-file", "empty.txt", "--out", "talk.mp4"], "The text is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_one_sentence(arguments, words, capsys):
    require_drawing()
    Path("latin.txt").write_bytes("Guten Tag, schöne Grüße".encode("latin-1"))
    Path("empty.txt").touch()
    Path("folder.mp4").mkdir()
    assert cli.main(["video", *(["--tts", "espeak_ng"] if "--tts" not in arguments else []), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("visavis: ")
    assert words in error
    assert sorted(path.name for path in Path().iterdir()) == ["empty.txt", "folder.mp4", "latin.txt"], "nothing is left behind"


@pytest.mark.parametrize("size", ["512", "511x512", "64x64", "4000x4000", "axb", "0x0", "-2x512"])
def test_a_size_that_is_none_is_refused(size, capsys):
    with pytest.raises(SystemExit):
        cli.main(["video", "--text", "Hello.", "--out", "talk.mp4", f"--size={size}"])
    assert "is no size" in capsys.readouterr().err


def test_a_background_that_is_none_is_refused(capsys):
    for words in ("beach", "", "own"):
        with pytest.raises(SystemExit):
            cli.main(["video", "--text", "Hello.", "--out", "talk.mp4", "--background", words])
        assert "is no background; choose plain, study, evening, shelves, or a picture" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["video", "--text", "Hello.", "--out", "talk.mp4", "--view", "legs"])
    assert "choose from" in capsys.readouterr().err


def test_view_and_background_are_in_the_film(persona):
    require_drawing()
    Image.new("RGB", (300, 200), (0, 0, 200)).save("sea.png")
    for form, expected in ((Format(background=Path("sea.png"), view="full"), (0, 0, 200)), (Format(dark=True), (16, 38, 40))):
        shoot.shoot(script_of([bursts(["aa"])]), persona, Path("a.mp4"), replace(form, width=128, height=128))
        with av.open("a.mp4") as container:
            frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
        assert np.abs(frame[60:68, 2:8].astype(int) - expected).max() < 24
        side = frame[:, 4:12]
        assert np.abs(side[64].astype(int) - side[120]).max() < 30, "nobody stands there"


def test_an_avatar_of_ones_own_is_filmed_and_what_it_lacks_is_told(monkeypatch, capsys, tmp_path):
    require_drawing()
    (tmp_path / "assets" / "avatars").mkdir(parents=True)
    monkeypatch.setattr(shoot, "FOLDER", tmp_path / "assets")
    text = (HOUSE / "personas.yaml").read_text(encoding="utf-8").replace("avatar: mia", "avatar: guest")
    (tmp_path / "people.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("VISAVIS_PERSONAS_FILE", str(tmp_path / "people.yaml"))
    for name in ("new.vrm", "shapeless.glb"):
        (tmp_path / "assets" / "avatars" / f"guest{Path(name).suffix}").write_bytes(OTHERS[name]().to_bytes())
        assert cli.main(["video", "--text", "Hello.", "--out", "talk.mp4", *SMALL]) == 0
        told = capsys.readouterr().err
        assert ("visavis: guest: The file has no morph targets" in told) == (name == "shapeless.glb")
        with av.open("talk.mp4") as container:
            assert sum(1 for _ in container.decode(video=0)) > 20


def test_the_lips_of_a_vrm_are_within_20_ms_of_the_sound(persona, monkeypatch, tmp_path):
    require_drawing()
    (tmp_path / "avatars").mkdir()
    (tmp_path / "avatars" / f"{persona.avatar}.vrm").write_bytes(OTHERS["old.vrm"]().to_bytes())
    monkeypatch.setattr(shoot, "FOLDER", tmp_path)
    found = offsets(persona, Format(width=160, height=160), Path("sync.mp4"), count=4)
    assert len(found) == 4
    assert abs(np.median(found)) <= 20


def test_a_text_from_the_standard_input(monkeypatch):
    class Input:
        buffer = io.BytesIO("\ufeffGrüß Gott".encode())

    monkeypatch.setattr("sys.stdin", Input)
    arguments = argparse.Namespace(text=None, text_file="-")
    assert video._text(arguments) == "Grüß Gott"


def test_without_a_way_to_draw_nothing_is_spoken(monkeypatch, capsys):
    def fails() -> None:
        raise EngineError("Drawing needs EGL.", code="no_egl")

    monkeypatch.setattr(shoot, "context", fails)
    monkeypatch.setattr(video, "speak", lambda *_: pytest.fail("it was spoken all the same"))
    assert said(["--text", "Hello.", "--out", "talk.mp4"], capsys) == "visavis: Drawing needs EGL.\n"


def test_an_avatar_that_is_not_there_is_named(monkeypatch, capsys, tmp_path):
    require_drawing()
    text = (HOUSE / "personas.yaml").read_text(encoding="utf-8").replace("avatar: mia", "avatar: bob")
    (tmp_path / "people.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("VISAVIS_PERSONAS_FILE", str(tmp_path / "people.yaml"))
    assert "bob.glb" in said(["--text", "Hello.", "--out", "talk.mp4", "--persona", "maya"], capsys)


def test_a_voice_that_fails_says_so(persona):
    engines = stub_engines(voice=StubVoice(error=TextToSpeechError("The voice is hoarse.", code="hoarse")))
    with pytest.raises(TextToSpeechError, match="hoarse"):
        video.speak("Hello there.", persona, engines, Settings())


def test_the_voice_is_the_turns_own(persona):
    voice = StubVoice()
    segments = video.speak("Hello **there**. Second sentence.", persona, stub_engines(voice=voice), Settings())
    assert "".join(segment.text for segment in segments) == "Hello **there**. Second sentence."
    assert voice.said[0] == ("Hello there.", "pats_voice")


def test_stage_directions_are_acted_and_not_said(persona):
    segments = video.speak("[smile] Hello there. [nod] Yes.", persona, stub_engines(voice=StubVoice()), Settings())
    script = script_of(segments)
    assert [cue.name for cue in script.cues] == ["smile", "nod"]
    assert "smile" not in "".join(word.text for word in script.words)


def test_a_voice_that_was_asked_for_and_cannot_work_is_not_replaced(capsys, monkeypatch):
    monkeypatch.setattr("engines.registry.managed_engine.importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(video, "check", lambda *_: ())
    error = said(["--text", "Hello.", "--out", "talk.mp4", "--tts", "kokoro"], capsys)
    assert "pip install" in error


def test_what_was_stopped_leaves_nothing_and_the_film_before_stays(persona):
    require_drawing()
    Path("talk.mp4").write_bytes(b"the film before")

    def stop(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shoot.shoot(script_of([bursts(["aa"] * 3)]), persona, Path("talk.mp4"), Format(width=128, height=128), stop)
    assert [path.name for path in Path().iterdir()] == ["talk.mp4"]
    assert Path("talk.mp4").read_bytes() == b"the film before"


def test_ctrl_c_is_answered_in_a_sentence(monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(video, "check", interrupted)
    assert cli.main(["video", "--text", "Hello.", "--out", "talk.mp4"]) == 130
    assert capsys.readouterr().err == "visavis: stopped; no film was written\n"


def test_a_disk_that_fills_up_is_told():
    with (
        pytest.raises(EngineError, match=r"talk.mp4 could not be written to the end: No space left"),
        film.whole_or_nothing(Path("talk.mp4")),
    ):
        raise OSError(28, os.strerror(28))
    assert not list(Path().iterdir())


@pytest.mark.parametrize("ending", KINDS)
@requirement("film.captions")
def test_captions_are_what_is_said_whatever_it_contains(ending):
    silence, shown = AudioChunk(np.zeros(SAMPLE_RATE * 2, np.float32), SAMPLE_RATE), [Caption(100, 900, "{\\b1}a < b & c,\nsaid \\N")]
    with Film(Path(f"c{ending}"), KINDS[ending], size=(128, 128), fps=25, audio=silence, captions=shown) as made:
        for _ in range(50):
            made.add(np.zeros((128, 128, 3), np.uint8))
    with av.open(f"c{ending}") as container:
        packets = [packet for packet in container.demux(subtitles=0) if b"said" in bytes(packet)]
    assert [(packet.pts, packet.duration) for packet in packets] == [(100, 800)]
    assert (b"a &lt; b &amp; c" if ending == ".webm" else b"a < b & c") in bytes(packets[0])
    assert b"{" not in bytes(packets[0])


def test_a_pyav_without_the_encoder_is_told(monkeypatch):
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    with pytest.raises(EngineError, match=r"Writing \.mp4 \(libx264\) needs a package.* pip install"):
        film.kind_of(Path("talk.mp4"))
    assert film.kind_of(Path("talk.webm")).video == "libvpx-vp9"


def test_an_older_pyav_is_told_where_captions_are_wanted(monkeypatch):
    monkeypatch.setattr(film, "_can_caption", lambda av: False)
    silence = AudioChunk(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    with pytest.raises(EngineError, match=r"av>=16\.1"):
        Film(Path("c.mp4"), KINDS[".mp4"], size=(128, 128), fps=25, audio=silence, captions=[Caption(0, 1, "a")])


def test_the_doctor_tells_whether_films_can_be_drawn(monkeypatch):
    finding = doctor._film()
    assert finding.state == "ok" or finding.mend
    monkeypatch.setenv("GLCONTEXT_LINUX_LIBEGL", "/nowhere/libEGL.so")
    if sys.platform.startswith("linux"):
        broken = doctor._film()
        assert (broken.state, broken.mend) == ("hint", draw.EGL_PACKAGES)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert doctor._film().mend == draw.INSTALL
