"""`python -m avatar_assets video`: films of the stage page, made in a browser without a window, and plain words where there can be none."""

from __future__ import annotations

import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import HOUSE, StubVoice, stub_engines
from fixtures import chromium
from fixtures.other_avatars import OTHERS
from PIL import Image
from requirements import requirement

from avatar_assets import __main__ as command_line
from avatar_assets import npm_modules, served
from avatar_assets.commands import video
from avatar_assets.film import browser
from avatar_assets.film.captions import add_track, words_of
from avatar_assets.film.make import LEAD_MS, TAIL_MS, Format, opened, whole_or_nothing
from engines.cli._shared.terminal import text_of
from engines.concurrency.deadlines import Limits
from engines.errors import EngineError, InputError, TextToSpeechError
from engines.library.synthesis import speak
from engines.text.captions import Caption, captions
from engines.types import AudioChunk, Persona, SpeechSegment, Viseme, VisemeTimeline, WordTiming

RATE = 24_000
SMALL = ["--size", "128x128", "--tts", "espeak_ng", "--persona", "maya"]
needs_browser = [
    pytest.mark.skipif(chromium.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.skipif(not npm_modules.installed(), reason="the npm modules are missing; run `npm ci` in avatar_assets"),
    pytest.mark.timeout(180),
]


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def in_browser(test):
    for mark in needs_browser:
        test = mark(test)
    return test


def bursts(count: int, *, every_ms: float = 400, burst_ms: float = 160, text: str = "") -> SpeechSegment:
    """Bursts of a tone, each with an open mouth; a word each, those of `text` if it is given."""
    samples = np.zeros(round(count * every_ms * RATE / 1000), np.float32)
    for index in range(count):
        first, length = round(index * every_ms * RATE / 1000), round(burst_ms * RATE / 1000)
        samples[first : first + length] = 0.4 * np.sin(2 * np.pi * 500 * np.arange(length) / RATE)
    visemes = tuple(Viseme("aa", index * every_ms, burst_ms) for index in range(count))
    words = [WordTiming(f"{word} ", index * every_ms, every_ms * 0.9) for index, word in enumerate(text.split())]
    return SpeechSegment(0, text, AudioChunk(samples, RATE), VisemeTimeline(visemes, tuple(words), "measured"))


def made(people: list[Persona], name: str, form: Format, segments: list[SpeechSegment], notes: list[str] | None = None) -> Path:
    with opened(people, Path(name), form, note=(notes if notes is not None else []).append) as film:
        film.shoot(segments)
    return Path(name)


def pictures(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The frames, shape (frame, y, x, 3), and when they are shown, in s."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]).astype(int), np.array([float(frame.time) for frame in frames])


def sound(path: Path) -> tuple[np.ndarray, float]:
    with av.open(str(path)) as container:
        blocks = list(container.decode(audio=0))
    return np.concatenate([block.to_ndarray()[0] for block in blocks]), float(blocks[0].time)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command, which must fail, and give its one sentence; nothing may be left behind."""
    before = sorted(Path().iterdir())
    assert command_line.main(["video", *arguments]) == 1
    assert sorted(Path().iterdir()) == before, "nothing is left behind"
    error = capsys.readouterr().err
    assert error.startswith("visavis: ")
    assert error.count("\n") == 1
    return error


@requirement("film.command")
@in_browser
def test_a_text_becomes_a_film_with_sound_and_captions():
    command = [sys.executable, "-m", "avatar_assets", "video", "--text", "Good day.", "--out", "talk.MP4", "--captions", *SMALL]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HOUSE)}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Dr. Maya Chen with eSpeak NG" in done.stdout
    assert [path.name for path in Path().iterdir()] == ["talk.MP4"]
    with av.open("talk.MP4") as container:
        (picture,), (voice,), (words,) = container.streams.video, container.streams.audio, container.streams.subtitles
        assert (picture.width, picture.height, picture.average_rate) == (128, 128, 25)
        assert (voice.rate, voice.codec_context.name, words.codec_context.name) == (48_000, "aac", "mov_text")
        texts = b" ".join(bytes(packet) for packet in container.demux(words))
    shown, at = pictures(Path("talk.MP4"))
    samples, _ = sound(Path("talk.MP4"))
    assert b"Good day." in texts
    assert at == pytest.approx(np.arange(len(at)) / 25, abs=1e-3)
    assert len(samples) / 48_000 == pytest.approx(len(shown) / 25, abs=0.1)
    assert np.abs(samples).max() > 0.1
    assert np.ptp(shown[:, 64:84, 48:80].mean(axis=3), axis=0).max() > 40, "the mouth moves"


@requirement("film.lips")
@in_browser
@pytest.mark.parametrize(("name", "fps"), [("a.mp4", 25), ("a.webm", 30)])
def test_the_mouth_opens_with_the_sound(name, fps, persona):
    """Known bursts, in a file that says how long it is and in which one can seek."""
    path = made([persona], name, Format(fps=fps, width=192, height=192), [bursts(3)])
    with av.open(str(path)) as container:
        assert float(container.duration) / 1e6 == pytest.approx((LEAD_MS + 1200 + TAIL_MS) / 1000, abs=0.06)
        container.seek(round(1.6e6))
        assert float(next(container.decode(video=0)).time) <= 1.6
    shown, at = pictures(path)
    samples, begins = sound(path)
    loud = np.flatnonzero(np.abs(samples) > 0.1) / 48_000 + begins
    onsets = loud[np.diff(loud, prepend=-1) > 0.1]
    assert onsets == pytest.approx([0.4, 0.8, 1.2], abs=0.012)
    middle = at + 0.5 / fps
    open_ = ((middle[:, None] - onsets > 0.06) & (middle[:, None] - onsets < 0.15)).any(axis=1)
    closed = ((middle[:, None] - onsets > 0.3) & (middle[:, None] - onsets < 0.36)).any(axis=1)
    grey = shown.mean(axis=3)[:, 80:130, 64:128]
    assert np.abs(grey[open_].mean(axis=0) - grey[closed].mean(axis=0)).max() > 25


@in_browser
def test_two_people_a_room_and_the_drawn_face_are_filmed(persona):
    Image.new("RGB", (300, 200), (0, 0, 200)).save("sea.png")
    guest = Persona(**{**{name: getattr(persona, name) for name in Persona.__slots__}, "id": "sam", "name": "Sam", "avatar": "leo"})
    form = Format(width=320, height=180, background=Path("sea.png"))
    shown, _ = pictures(made([persona, guest], "two.webm", form, [bursts(1)]))
    assert np.abs(shown[:, 4:8, 156:164] - (0, 0, 200)).max() < 24, "the user's picture, in its colours"
    left, right = (np.abs(part - (0, 0, 200)).max(axis=3).max(axis=0) > 60 for part in (shown[:, :, :160], shown[:, :, 160:]))
    assert min(left.mean(), right.mean()) > 0.25, "somebody is on either side"
    drawn, _ = pictures(made([persona], "drawn.webm", Format(width=128, height=128, drawn=True, dark=True), [bursts(1)]))
    assert np.ptp(drawn[5], axis=(0, 1)).min() > 100, "somebody is to be seen"
    assert drawn[5, :8, :8].mean() < 90, "in a dark room"


@in_browser
def test_avatars_of_ones_own_are_filmed_and_what_they_lack_is_told(persona, monkeypatch, tmp_path):
    monkeypatch.setitem(served.SERVED, "avatars", (tmp_path, {".glb", ".vrm", ".png"}))
    for name, told in (("new.vrm", False), ("shapeless.glb", True)):
        (tmp_path / f"mia{Path(name).suffix}").write_bytes(OTHERS[name]().to_bytes())
        notes: list[str] = []
        shown, _ = pictures(made([persona], "own.mp4", Format(width=128, height=128), [bursts(1)], notes))
        assert np.ptp(shown[5], axis=(0, 1)).min() > 60
        assert any("no morph targets" in note for note in notes) == told, notes
        (tmp_path / f"mia{Path(name).suffix}").unlink()
    with pytest.raises(EngineError, match=r"there is no avatars/mia\.glb.*--drawn"):
        made([persona], "own.mp4", Format(width=128, height=128), [bursts(1)])
    assert sorted(path.name for path in Path().iterdir()) == ["own.mp4"], "the film before stays, and nothing else"


@in_browser
def test_what_was_stopped_leaves_nothing_and_the_film_before_stays(persona):
    Path("talk.webm").write_bytes(b"the film before")
    with pytest.raises(KeyboardInterrupt), opened([persona], Path("talk.webm"), Format(width=128, height=128, drawn=True)):
        raise KeyboardInterrupt
    assert [path.name for path in Path().iterdir()] == ["talk.webm"]
    assert Path("talk.webm").read_bytes() == b"the film before"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "Hello.", "--out", "talk.avi"], ".avi is no kind of film"),
        (["--text", "Hello.", "--out", "talk"], "without an ending"),
        (["--text", "Hello.", "--out", "nowhere/talk.mp4"], "nowhere/talk.mp4 cannot be written: No such file"),
        (["--text", "Hello.", "--out", "folder.mp4"], "folder.mp4 cannot be written: Is a directory"),
        (["--text", "Hello.", "--out", "talk.mp4", "--persona", "nobody"], "There is no such persona; choose one of: maya"),
        (["--text", "Hello.", "--out", "talk.mp4", "--guest", "nobody"], "There is no such persona; choose one of: maya"),
        (["--text", "Hello.", "--out", "talk.mp4", "--browser", "nothing-here"], "There is no browser nothing-here"),
        (["--text", " \n", "--out", "talk.mp4"], "The text is empty"),
        (["--text", "Hello.", "--out", "talk.mp4", "--background", "beach.jpg"], "“beach.jpg” cannot be read: No such file"),
        (["--text", "Hello.", "--out", "talk.mp4", "--background", "latin.txt"], "“latin.txt” is no picture that can be read"),
        (["--text-file", "nothing.txt", "--out", "talk.mp4"], "nothing.txt cannot be read: No such file"),
        (["--text-file", "latin.txt", "--out", "talk.mp4"], "latin.txt is no text in UTF-8"),
        (["--text-file", "empty.txt", "--out", "talk.mp4"], "The text is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_one_sentence(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr("avatar_assets.film.make.headless", lambda *_: pytest.fail("a browser was started"))
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "nothing-here" else f"/usr/bin/{name}")
    monkeypatch.setattr(npm_modules, "install", lambda _: None)
    Path("latin.txt").write_bytes("Guten Tag, schöne Grüße".encode("latin-1"))
    Path("empty.txt").touch()
    Path("folder.mp4").mkdir()
    assert words in refused(arguments, capsys)


@pytest.mark.parametrize("size", ["512", "511x512", "64x64", "4000x4000", "axb", "0x0", "-2x512"])
def test_a_size_that_is_none_is_refused(size, capsys):
    with pytest.raises(SystemExit):
        command_line.main(["video", "--text", "Hello.", "--out", "talk.mp4", f"--size={size}"])
    assert "is no size" in capsys.readouterr().err


def test_a_background_or_view_that_is_none_is_refused(capsys):
    for words in ("beach", "", "own"):
        with pytest.raises(SystemExit):
            command_line.main(["video", "--text", "Hello.", "--out", "talk.mp4", "--background", words])
        assert "is no background; choose plain, study, evening, shelves, or a picture" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command_line.main(["video", "--text", "Hello.", "--out", "talk.mp4", "--view", "legs"])
    assert "choose from" in capsys.readouterr().err


def test_a_text_from_the_standard_input(monkeypatch):
    class Input:
        buffer = io.BytesIO("\ufeffGrüß Gott".encode())

    monkeypatch.setattr("sys.stdin", Input)
    assert text_of(None, "-") == "Grüß Gott"


def test_a_voice_that_fails_says_so(persona):
    engines = stub_engines(voice=StubVoice(error=TextToSpeechError("The voice is hoarse.", code="hoarse")))
    with pytest.raises(TextToSpeechError, match="hoarse"):
        list(speak("Hello there.", persona, engines, Limits()))


def test_stage_directions_are_acted_and_not_said(persona):
    voice = StubVoice()
    segments = list(speak("[smile] Hello **there**. [nod] Yes.", persona, stub_engines(voice=voice), Limits()))
    assert [cue.name for segment in segments for cue in segment.cues] == ["smile", "nod"]
    assert voice.said[0] == ("Hello there.", "pats_voice")


def test_ctrl_c_is_answered_in_a_sentence(monkeypatch, capsys):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(video, "opened", interrupted)
    monkeypatch.setattr(npm_modules, "install", lambda _: None)
    assert command_line.main(["video", "--text", "Hello.", "--out", "talk.mp4"]) == 130
    assert capsys.readouterr().err == "visavis: stopped; no film was written\n"


def test_a_disk_that_fills_up_is_told():
    with pytest.raises(EngineError, match=r"talk.mp4 could not be written to the end: No space left"), whole_or_nothing(Path("talk.mp4")):
        raise OSError(28, os.strerror(28))
    assert not list(Path().iterdir())


def test_a_browser_is_found_in_its_usual_places_and_its_lack_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/chromium" if name == "chromium" else None)
    assert browser.find_browser() == "/usr/bin/chromium"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    edge = tmp_path / "AppData/Local/Microsoft/Edge/Application/msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.touch()
    assert browser.find_browser(platform="win32") == str(edge)
    chrome = tmp_path / "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    chrome.parent.mkdir(parents=True)
    chrome.touch()
    assert browser.find_browser(platform="darwin") == str(chrome)
    with pytest.raises(InputError, match="needs Chrome, Chromium or Edge, and none was found"):
        browser.find_browser(platform="linux")


def test_a_graphics_card_on_linux_draws_by_its_own_opengl(tmp_path):
    plain = browser.flags("darwin", tmp_path)
    assert browser.flags("linux", tmp_path) == plain
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "renderD128").touch()
    assert set(browser.flags("linux", tmp_path)) - set(plain) == {"--use-angle=gl-egl", "--ignore-gpu-blocklist"}


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for a browser")
def test_a_browser_that_ends_at_once_says_why():
    program = Path("browser").absolute()
    program.write_text("#!/bin/sh\necho No display found >&2\nexit 7\n")
    program.chmod(0o755)
    with browser.headless(str(program), "about:blank") as running:
        for _ in range(100):
            try:
                running.require_running()
            except EngineError as error:
                assert re.search("status 7 .*: No display found", error.message)  # noqa: PT017 - it takes a moment
                return
            time.sleep(0.05)
    pytest.fail("it was said to run")


@requirement("film.captions")
@pytest.mark.parametrize("kind", [".mp4", ".webm"])
def test_captions_are_what_is_said_whatever_it_contains(kind):
    codecs = {".mp4": ("libx264", "aac"), ".webm": ("libvpx", "libopus")}[kind]
    with av.open(f"plain{kind}", "w") as file:
        picture, voice = file.add_stream(codecs[0], rate=25), file.add_stream(codecs[1], rate=48_000, layout="mono")
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        for _ in range(50):
            file.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 96_000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48_000
        file.mux([*voice.encode(silence), *voice.encode(None), *picture.encode(None)])
    add_track(Path(f"plain{kind}"), Path("c.part"), [Caption(100, 900, "{\\b1}a < b & c,\nsaid \\N")], kind)
    with av.open("c.part") as container:
        packets = [packet for packet in container.demux(subtitles=0) if b"said" in bytes(packet)]
    assert [(packet.pts, packet.duration) for packet in packets] == [(100, 800)]
    assert (b"a &lt; b &amp; c" if kind == ".webm" else b"a < b & c") in bytes(packets[0])
    assert b"{" not in bytes(packets[0])
    assert len(pictures(Path("c.part"))[0]) == 50


def test_captions_have_two_lines_at_most_and_none_outlasts_a_sentence():
    long = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen. Then more"
    shown = captions(words_of([bursts(17, text=long), bursts(1, text="end.")], lead_ms=400))
    assert [one.text for one in shown][-1] == "Then more end."
    assert all(one.text.count("\n") <= 1 and max(map(len, one.text.split("\n"))) <= 42 for one in shown)
    assert shown[0].start_ms == 400
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(shown))
