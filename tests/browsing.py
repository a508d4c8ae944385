"""What the tests in a browser share: the app as users start it, and a real Chromium with a fake microphone."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures import chromium as machine
from fixtures.bad_avatars import BAD
from fixtures.other_avatars import OTHERS
from playwright.sync_api import Browser, Frame, Page, expect, sync_playwright

HOUSE = Path(__file__).resolve().parent.parent
EMBEDDED = {
    "VISAVIS_STT": "pocketsphinx",
    "VISAVIS_LLM": "scripted",
    "VISAVIS_TTS": "espeak_ng",
    "VISAVIS_TTS_OPTIONS": '{"rate_wpm": 250}',
}
"""The engines that everybody has, whatever else is installed."""
QUICK = {**EMBEDDED, "VISAVIS_TTS": "quick", "VISAVIS_TTS_OPTIONS": "{}", "VISAVIS_ISOLATE": "false"}
"""The same with the quick test voice, and everything in one process: for tests that need not listen to speech."""
SLOW_PERSON = """
tess:
  name: Tess
  line: Speaks slowly.
  prompt: You are Tess.
  voices:
    quick: slow
  avatar: mia
  greeting: Good day.
  fallbacks: [One two three four five six seven eight nine ten. One two three four five six seven eight nine ten eleven.]
"""
"""Somebody whose answers last 7 s with the quick test voice: for tests that interrupt."""
OTHER_BODIES = "".join(
    f"{name}:\n  name: {name.title()}\n  line: Wears a file.\n  prompt: Be kind.\n  avatar: {name}\n  greeting: Good day to you.\n"
    for name in ("guest", "broken")
)
"""People whose avatars, of that name, lie in the folder of avatars: a VRM that is mended, and a file that is none."""

expect.set_options(timeout=30_000)

FLAGS = [*machine.QUIET, *machine.SOFTWARE_GL, *machine.FAKE_MICROPHONE]
LISTEN = """() => {
  const { audioContext, output } = stageProbe;
  const meter = new AnalyserNode(audioContext, { fftSize: 2048 });
  output.connect(meter);
  const samples = new Float32Array(2048);
  window.seen = { loudest: 0, frames: [], shapes: {} };
  const look = () => {
    meter.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    seen.loudest = Math.max(seen.loudest, level);
    const weights = stageProbe.weights();
    for (const [name, weight] of Object.entries(weights)) seen.shapes[name] = Math.max(seen.shapes[name] ?? 0, weight);
    seen.frames.push([performance.now(), level, Math.max(0, ...Object.entries(weights).map(([name, w]) => (name === 'sil' ? 0 : w)))]);
    requestAnimationFrame(look);
  };
  look();
}"""


CONTRAST = """(element) => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = (colours) => {
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = ['white'];
  for (let at = element; at; at = at.parentElement) behind.splice(1, 0, getComputedStyle(at).backgroundColor);
  const [light, dark] = [luminance(behind), luminance([...behind, getComputedStyle(element).color])].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}"""
"""WCAG 2.2's contrast ratio of an element's text to what is painted behind it."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path = HOUSE, **environment: str) -> Iterator[tuple[str, list[str]]]:
    """The app as users start it, or with the quick test voice if the environment names it; gives its address and the lines it printed."""
    program = HOUSE / "tests" / "fixtures" / "quick_app.py" if environment.get("VISAVIS_TTS") == "quick" else "app.py"
    command = [sys.executable, str(program), "--no-browser", "--port", str(free_port())]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    try:
        for line in process.stdout or ():
            lines.append(line.strip())
            if found := re.search(r"Visavis is at (\S+)", line):
                yield found[1], lines
                break
        else:
            pytest.fail(f"the app did not start: {lines}")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> Path:
    """A copy of the persona file that tests may edit, with more people; beside it, as ``avatars``, the folder of avatars with theirs."""
    copy = tmp_path_factory.mktemp("people") / "personas.yaml"
    copy.write_text((HOUSE / "personas.yaml").read_text(encoding="utf-8") + SLOW_PERSON + OTHER_BODIES, encoding="utf-8")
    folder = shutil.copytree(HOUSE / "avatar_assets" / "avatars", copy.parent / "avatars")
    (folder / "guest.vrm").write_bytes(OTHERS["new.vrm"]().to_bytes())
    (folder / "broken.glb").write_bytes(BAD["a ZIP archive"][1]())
    return copy


@pytest.fixture(scope="session")
def address(people) -> Iterator[str]:
    """The one app of all tests in a browser that need no other."""
    beside = {
        "VISAVIS_PERSONAS_FILE": str(people),
        "TEST_AVATARS": str(people.parent / "avatars"),
        "VISAVIS_FRAMED_BY": "http://localhost:*",
    }
    with running(**beside, **QUICK) as (url, _):
        yield url


@pytest.fixture(scope="session")
def spoken(tmp_path_factory) -> tuple[Path, str]:
    """A sentence of the embedded voice for the fake microphone, and its words."""
    from engines.tts import espeak_ng

    words = "we will see what happens tomorrow morning"
    (speech,) = espeak_ng.load(espeak_ng.Options(rate_wpm=130), "cpu").synthesize(words, "en-us")
    rate = speech.audio.sample_rate
    pause = np.zeros(rate // 2, np.float32)
    target = tmp_path_factory.mktemp("speech") / "question.wav"
    soundfile.write(target, np.concatenate([pause, speech.audio.samples, pause]), rate)
    return target, words


def read_wav(data: bytes) -> tuple[int, np.ndarray]:
    assert soundfile.info(io.BytesIO(data)).subtype == "PCM_16"
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert samples.ndim == 1
    return rate, samples


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[..., AbstractContextManager[Browser]]]:
    """Starts browsers with more flags than the usual."""
    with sync_playwright() as playwright:

        @contextmanager
        def start(*more: str) -> Iterator[Browser]:
            browser = playwright.chromium.launch(executable_path=machine.PROGRAM, args=[*FLAGS, *more])
            yield browser
            browser.close()

        yield start


@pytest.fixture(scope="session")
def browser(chromium, spoken) -> Iterator[Browser]:
    with chromium(f"--use-file-for-fake-audio-capture={spoken[0]}", machine.AUTOPLAY) as one:
        yield one


def visit(browser: Browser, address: str, query: str = "face=2d", script: str = "", **context: object) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True, **context).new_page()
    page.add_init_script(script)
    page.set_default_timeout(60_000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda line: "Security Policy" in line.text and page.problems.append(line.text))
    page.goto(f"{address}?debug=1&{query}")
    expect(page.locator("#status")).to_have_attribute("data-state", re.compile("idle|speaking"), timeout=60_000)
    return page


def stage(page: Page) -> Frame:
    frame = page.locator("iframe.stage-page").element_handle().content_frame()
    assert frame is not None
    frame.wait_for_function = partial(holds, frame)  # Playwright's makes functions of texts, which the stage's policy forbids
    frame.wait_for_function("window.stageProbe?.audioContext")
    return frame


def holds(frame: Frame, expression: str, arg: object = None, timeout: float = 60_000) -> None:
    """Wait until JavaScript says something true; `timeout` in ms."""
    until = time.monotonic() + timeout / 1000
    script = f"(arg) => {{ const told = ({expression}); return !!(typeof told === 'function' ? told(arg) : told); }}"
    while not frame.evaluate(script, arg):
        assert time.monotonic() < until, expression
        frame.wait_for_timeout(30)


def say(page: Page, text: str) -> None:
    page.locator("#say textarea").fill(text)
    page.locator("#send").click()


def answered(page: Page) -> str:
    """Wait until the last reply was heard to its end; returns its text."""
    last = page.locator("#chat .said").last
    expect(last.locator(".actions")).to_be_visible(timeout=60_000)
    return last.locator(".words").inner_text()


@pytest.fixture
def page(browser, address) -> Iterator[Page]:
    page = visit(browser, address)
    yield page
    assert page.problems == []
    page.context.close()
