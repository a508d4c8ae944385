"""The whole loop in a real Chromium with a fake microphone, on the embedded engines, as a user meets it."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import wave
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import HOUSE
from PIL import Image
from playwright.sync_api import Browser, Frame, Page, expect, sync_playwright
from test_check import BAD

from avatar_assets import modules
from avatar_assets.checking.person import check
from benchmarks import chromium as machine
from benchmarks.av_sync import STUB_DRAWING
from benchmarks.other_avatars import OTHERS, Avatar

EMBEDDED = {"VISAVIS_STT": "pocketsphinx", "VISAVIS_LLM": "scripted", "VISAVIS_TTS": "espeak_ng"}
"""Whatever else is installed, these tests are about the engines that everybody has."""
SPEECH = HOUSE.parent / "shared" / "speech"
CLIP = "sense_and_sensibility_01_austen_64kb-0880"

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]

expect.set_options(timeout=30_000)

FLAGS = [*machine.QUIET, *machine.SOFTWARE_GL, *machine.FAKE_MICROPHONE]
MARKED_WORDS = """() => {
  window.marked = new Set();
  const look = () => {
    const now = document.querySelector('#captions [aria-current], #captions .now');
    if (now) marked.add(now.textContent.trim());
  };
  new MutationObserver(look).observe(document.getElementById('captions'), { subtree: true, childList: true, attributes: true });
}"""
SILENT_UNTIL_A_GESTURE = """(() => {
  const Real = AudioContext;
  let gesture = false;
  addEventListener('pointerdown', () => { gesture = true; }, { capture: true });
  window.AudioContext = class extends Real {
    constructor(options) {
      super(options);
      if (!gesture) this.suspend();
    }
    resume() {
      return gesture ? super.resume() : new Promise(() => {});
    }
  };
})()"""
"""What browsers do by themselves; under automation every script counts as a gesture."""
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
    """The app as users start it; gives its address and the lines it printed."""
    command = [sys.executable, "app.py", "--no-browser", "--port", str(free_port())]
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


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """A copy of the persona file that tests may edit."""
    return Path(shutil.copy(HOUSE / "personas.yaml", tmp_path_factory.mktemp("people")))


@pytest.fixture(scope="module")
def address(people) -> Iterator[str]:
    with running(VISAVIS_PERSONAS_FILE=str(people), **EMBEDDED) as (url, _):
        yield url


@pytest.fixture(scope="module")
def spoken(tmp_path_factory) -> tuple[Path, str]:
    """A recorded sentence for the fake microphone, and its words: a person where there is a recording, else the embedded voice."""
    target = tmp_path_factory.mktemp("speech") / "question.wav"
    if (SPEECH / f"{CLIP}.wav").is_file():
        rate, samples, words = *read_wav((SPEECH / f"{CLIP}.wav").read_bytes()), (SPEECH / f"{CLIP}.txt").read_text().strip()
    else:
        from engines.tts import espeak_ng

        words = "hello how are you today my friend"
        (speech,) = espeak_ng.load(espeak_ng.Options(), "cpu").synthesize(words)
        rate, samples = speech.audio.sample_rate, np.round(speech.audio.samples * 32767).astype("<i2")
    pause = np.zeros(rate // 2, "<i2")
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.concatenate([pause, samples, pause]).astype("<i2").tobytes())
    return target, words


def read_wav(data: bytes) -> tuple[int, np.ndarray]:
    import io

    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., AbstractContextManager[Browser]]]:
    """Starts browsers with more flags than the usual."""
    with sync_playwright() as playwright:

        @contextmanager
        def start(*more: str) -> Iterator[Browser]:
            browser = playwright.chromium.launch(executable_path=machine.PROGRAM, args=[*FLAGS, *more])
            yield browser
            browser.close()

        yield start


@pytest.fixture(scope="module")
def browser(chromium, spoken) -> Iterator[Browser]:
    with chromium(f"--use-file-for-fake-audio-capture={spoken[0]}", machine.AUTOPLAY) as one:
        yield one


def visit(browser: Browser, address: str, query: str = "face=2d", script: str = "", **context: object) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True, **context).new_page()
    page.add_init_script(script)
    page.set_default_timeout(60_000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(f"{address}?debug=1&{query}")
    expect(page.locator("#status")).to_have_attribute("data-state", re.compile("idle|speaking"), timeout=60_000)
    return page


def stage(page: Page) -> Frame:
    page.locator("iframe.stage-page").wait_for()
    frame = next(frame for frame in page.frames if "stage.html" in frame.url)
    frame.wait_for_function("window.stageProbe?.audioContext")
    return frame


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


def test_a_spoken_question_is_heard_answered_and_lip_synced(page, spoken):
    frame = stage(page)
    page.locator("#talk").hover()
    page.mouse.down()
    expect(page.locator("#status")).to_have_attribute("data-state", "listening")
    frame.evaluate(LISTEN)
    page.wait_for_timeout(4500)
    assert int(page.locator("#level").get_attribute("aria-valuenow")) >= 0
    page.mouse.up()
    mine = page.locator("#chat .mine .words")
    expect(mine).not_to_have_text("…")
    heard, truth = mine.inner_text().lower().split(), spoken[1].lower().split()
    assert len(set(heard) & set(truth)) >= len(set(truth)) / 3, (heard, truth)
    reply = answered(page)
    assert len(reply.split()) >= 3
    seen = frame.evaluate("seen")
    assert seen["loudest"] > 0.01
    assert len([name for name, weight in seen["shapes"].items() if name != "sil" and weight > 0.2]) >= 4
    loud = [mouth for _, level, mouth in seen["frames"] if level > 0.02]
    assert np.mean([mouth > 0.05 for mouth in loud]) > 0.8
    times = [int(number) for number in re.findall(r"(\d+) ms", page.locator("#receipt").inner_text())]
    assert len(times) == 3
    assert times == sorted(times)


def test_the_microphone_level_moves_while_somebody_speaks(page):
    page.evaluate("""() => { window.levels = [];
      new MutationObserver(() => levels.push(+level.getAttribute('aria-valuenow'))).observe(level, { attributes: true }) }""")
    page.locator("#talk").hover()
    page.mouse.down()
    page.wait_for_timeout(3500)
    page.mouse.up()
    levels = page.evaluate("levels")
    assert max(levels) - min(levels) > 15


def test_a_typed_message_is_answered_with_captions_that_follow(page):
    frame = stage(page)
    frame.evaluate(MARKED_WORDS)
    say(page, "Tell me about wolves.")
    reply = answered(page)
    assert page.locator("#say textarea").input_value() == ""
    marked = frame.evaluate("[...marked]")
    assert len([word for word in marked if word and word in reply]) >= 3, (marked, reply)


def test_stop_silences_the_voice_and_rests_the_mouth(page):
    frame = stage(page)
    say(page, "Tell me about whales.")
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
    frame.evaluate(LISTEN)
    page.wait_for_timeout(700)
    stopped = frame.evaluate("performance.now()")
    page.locator("#stop").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "idle")
    page.wait_for_timeout(1200)
    frames = frame.evaluate("seen.frames")
    assert max(level for _, level, _ in frames) > 0.01
    late = [(level, mouth) for at, level, mouth in frames if at > stopped + 800]
    assert late
    assert max(level for level, _ in late) < 1e-3
    assert max(mouth for _, mouth in late) < 1e-3
    expect(page.locator("#chat .said").last).to_have_class(re.compile("cut"))
    say(page, "Hello again.")
    assert answered(page)


def test_clear_begins_again(page):
    say(page, "My name is Ana.")
    answered(page)
    page.locator("#clear").click()
    expect(page.locator("#chat .mine")).to_have_count(0)
    say(page, "What is my name?")
    assert "Ana" not in answered(page)


def test_a_finished_reply_can_be_replayed_and_taken_home(page):
    say(page, "Hello there.")
    answered(page)
    last = page.locator("#chat .said").last
    with page.expect_download() as download:
        last.get_by_text("Sound (WAV)").click()
    rate, samples = read_wav(Path(download.value.path()).read_bytes())
    with page.expect_download() as download:
        last.get_by_text("Visemes (JSON)").click()
    lips = json.loads(Path(download.value.path()).read_text())
    for names, starts, lengths in (("words", "wtimes", "wdurations"), ("visemes", "vtimes", "vdurations")):
        assert len(lips[names]) == len(lips[starts]) == len(lips[lengths]) > 0
        assert lips[starts] == sorted(lips[starts])
        assert lips[starts][-1] + lips[lengths][-1] <= len(samples) / rate * 1000 + 1
    assert lips["timing"] == "measured"
    assert np.abs(samples).max() > 1000
    frame = stage(page)
    frame.evaluate(LISTEN)
    last.get_by_text("Replay").click()
    frame.wait_for_function("seen.loudest > 0.01 && Math.max(...Object.values(seen.shapes)) > 0.2")


def test_somebody_else_comes_on_stage_and_knows_nothing(page):
    say(page, "My name is Ana.")
    answered(page)
    page.locator("#persona [data-id=captain]").click()
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "captain")
    expect(page.locator("#chat .mine")).to_have_count(0)
    expect(page.locator("#chat .theirs").last).to_contain_text(re.compile(r"\w+"))
    answered(page)
    say(page, "What is my name?")
    assert "Ana" not in answered(page)


def test_the_last_choice_of_many_wins(page):
    page.evaluate("""() => { for (const id of ['sam', 'alex', 'maya', 'captain']) document.querySelector(`[data-id=${id}]`).click() }""")
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "captain")
    answered(page)
    assert stage(page).locator("svg[role=img]").get_attribute("aria-label") == "Captain Alex"
    say(page, "Who are you?")
    assert answered(page)


def test_two_tabs_are_two_conversations(page, browser, address):
    other = visit(browser, address)
    say(page, "My name is Ana.")
    answered(page)
    say(other, "What is my name?")
    assert "Ana" not in answered(other)
    expect(other.locator("#chat .mine")).to_have_count(1)
    other.context.close()


def test_a_person_added_to_the_file_appears_and_a_mistake_is_explained(page, people):
    good = people.read_text(encoding="utf-8")
    block = re.search(r"^alex:\n(?:[ ].*\n|\n)+", good, re.MULTILINE)[0]
    try:
        people.write_text(good + "\n" + block.replace("alex:", "zoe:", 1).replace("name: Alex", "name: Zoë", 1), encoding="utf-8")
        expect(page.locator("#persona [data-id=zoe]")).to_contain_text("Zoë", timeout=15_000)
        people.write_text(good.replace("name: Alex", "nmae: Alex", 1), encoding="utf-8")
        expect(page.locator("#persona-problem")).to_contain_text(re.compile(r"line \d+.*nmae", re.DOTALL), timeout=15_000)
        expect(page.locator("#persona [data-id=zoe]")).to_be_visible()
    finally:
        people.write_text(good, encoding="utf-8")
    expect(page.locator("#persona-problem")).to_be_hidden(timeout=15_000)
    expect(page.locator("#persona [data-id=zoe]")).to_have_count(0)


def wav_of(samples: np.ndarray, rate: int = 16_000) -> bytes:
    import io

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def float_wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    data = samples.astype("<f4").tobytes()
    head = b"WAVEfmt " + (18).to_bytes(4, "little") + (3).to_bytes(2, "little") + (1).to_bytes(2, "little") + rate.to_bytes(4, "little")
    head += (rate * 4).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little") + (0).to_bytes(2, "little")
    body = head + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


SINE = 0.3 * np.sin(np.arange(16_000) / 8)
UPLOADS = {
    "empty": b"",
    "silent": wav_of(np.zeros(16_000)),
    "fifty bytes": wav_of(SINE)[:50],
    "truncated": wav_of(SINE)[:44],
    "not a number": float_wav(np.full(16_000, np.nan)),
    "ten minutes": wav_of(np.tile(SINE[:8_000], 600), 8_000),
    "not audio": b"<html>this is no sound</html>" * 50,
}


@pytest.mark.parametrize("data", UPLOADS.values(), ids=UPLOADS)
def test_a_file_that_cannot_be_used_is_answered_in_a_sentence(page, data):
    page.locator("input[type=file]").first.set_input_files({"name": "question.wav", "mimeType": "audio/wav", "buffer": data})
    expect(page.locator("#status")).to_have_attribute("data-state", "failed", timeout=30_000)
    sentence = page.locator("#status").inner_text()
    assert len(sentence.split()) > 3
    assert not re.search(r"Traceback|Error\b|Exception|/tmp", sentence)
    say(page, "Hello.")
    assert answered(page)


def test_an_audio_file_is_answered(page, spoken):
    page.locator("input[type=file]").first.set_input_files(str(spoken[0]))
    expect(page.locator("#chat .mine .words").last).not_to_have_text("…")
    assert answered(page)


@pytest.mark.parametrize("text", ["x" * 100_000, "   "], ids=["100 000 characters", "blank"])
def test_text_that_cannot_be_used_is_answered_in_a_sentence(page, text):
    say(page, text)
    expect(page.locator("#status")).to_contain_text(re.compile(r"characters|first"))
    say(page, "Hello.")
    assert answered(page)


def test_markup_is_text_everywhere(page):
    say(page, '<img src=x onerror="window.hacked=1"> ${window.hacked=1} {{constructor}}')
    answered(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#chat img").count() == 0
    expect(page.locator("#chat .mine .words").last).to_contain_text("onerror")


def test_the_page_works_by_keyboard_alone(page):
    page.locator("#say textarea").focus()
    page.keyboard.type("Hello there.")
    page.keyboard.press("Enter")
    answered(page)
    page.locator("#persona [aria-checked=true]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "sam")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.down("Space")
    expect(page.locator("#status")).to_have_attribute("data-state", "listening")
    page.wait_for_timeout(2500)
    page.keyboard.up("Space")
    expect(page.locator("#chat .mine")).to_have_count(1)
    reached = set()
    page.locator("#talk").focus()
    for _ in range(12):
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.closest('[id]')?.id"))
        page.keyboard.press("Tab")
    assert {"talk", "stop", "clear", "send", "file"} <= reached


def test_a_refused_microphone_is_explained_and_typing_goes_on(browser, address):
    page = visit(browser, address, permissions=[])
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')) }")
    page.locator("#talk").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "failed")
    expect(page.locator("#status")).to_contain_text("icrophone")
    say(page, "Hello.")
    assert answered(page)
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_everything_fits_and_can_be_read(browser, address, width, height, scheme):
    page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce").new_page()
    page.goto(f"{address}?face=2d")
    expect(page.locator("#status")).to_have_attribute("data-state", re.compile("idle|speaking"), timeout=60_000)
    expect(page.locator("#chat .theirs")).to_have_count(1)
    say(page, "Hello there.")
    expect(page.locator("#chat .theirs")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 800:
        assert page.evaluate("document.documentElement.scrollHeight > innerHeight"), "the conversation below must be within reach"
    for name in ("talk", "stop", "clear", "send", "say", "file"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 40
        assert box["y"] + box["height"] <= height
    for selector in ("#chat .mine .words", "#chat .theirs .words", "#status", ".person-line", "#send", "#talk"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, (selector, ratio)
    page.context.close()


def test_the_three_dimensional_person_speaks(browser, address):
    if not (HOUSE / "avatar_assets" / "node_modules").is_dir():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = visit(browser, address, query="")
    frame = stage(page)
    frame.wait_for_function("document.querySelector('canvas')", timeout=90_000)
    frame.wait_for_function("window.stageProbe?.events.some(({ out }) => out?.face === '3d')", timeout=90_000)
    frame.evaluate(LISTEN)
    say(page, "Hello there.")
    answered(page)
    seen = frame.evaluate("seen")
    assert seen["loudest"] > 0.01
    assert len([name for name, weight in seen["shapes"].items() if name != "sil" and weight > 0.2]) >= 3
    assert page.problems == []
    page.context.close()


DROP = """([place, name, data]) => {
  const window = place === 'stage' ? document.querySelector('iframe.stage-page').contentWindow : globalThis;
  const dataTransfer = new window.DataTransfer();
  dataTransfer.items.add(new window.File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
  for (const type of ['dragenter', 'dragover', 'drop'])
    window.document.body.dispatchEvent(new window.DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}"""


def drop(page: Page, name: str, data: bytes, place: str = "page") -> None:
    page.evaluate(DROP, [place, name, base64.b64encode(data).decode()])


def found(page: Page) -> set[str]:
    return set(page.locator(".own-told li").evaluate_all("all => all.map((one) => one.dataset.code)"))


@pytest.fixture(scope="module")
def wardrobe(browser, address) -> Iterator[Page]:
    """A page with a person in 3-D, for whom files are dropped one after the other."""
    if not modules.installed():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = visit(browser, address, query="", script=STUB_DRAWING)  # here it matters what moves, not what a processor can draw
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    stage(page).wait_for_function("stageProbe.events.some(({ out }) => out?.face === '3d')", timeout=90_000)
    yield page
    assert page.problems == []
    page.context.close()


@pytest.mark.parametrize("name", OTHERS)
def test_an_avatar_of_ones_own_is_dropped_mended_worn_and_speaks(wardrobe, address, name):
    frame = stage(wardrobe)
    data = OTHERS[name]().to_bytes()
    wardrobe.asked.clear()
    drop(wardrobe, name, data, "stage" if name.endswith("vrm") else "page")
    told = wardrobe.locator(".own-told")
    expect(told.locator("summary")).to_have_text(name)
    expect(told).to_have_attribute("data-verdict", re.compile("mended|partly"))
    assert {one.code for one in check(name, data).findings} == found(wardrobe)
    expect(told.locator(".own-hint")).to_contain_text("not uploaded")
    frame.evaluate(LISTEN)
    say(wardrobe, "Hello there.")
    answered(wardrobe)
    seen = frame.evaluate("seen")
    assert seen["loudest"] > 0.01
    assert len([shape for shape, weight in seen["shapes"].items() if weight > 0.2]) >= 3
    assert frame.locator(".body:not(.waiting) canvas").count() == 1
    assert all(url.startswith((address, "blob:", "data:")) for url in wardrobe.asked)
    assert not [url for url in wardrobe.asked if "upload" in url]


@pytest.mark.parametrize(
    "name", ["a ZIP archive", "all but the last byte", "a buffer elsewhere", "Draco", "not a number", "a VRM without arms"]
)
def test_a_bad_file_is_refused_with_a_sentence_and_the_person_stays(wardrobe, name):
    frame = stage(wardrobe)
    frame.evaluate("() => { stageProbe.events.length = 0 }")
    wardrobe.asked.clear()
    drop(wardrobe, "<img src=x onerror=alert(1)>.glb", BAD[name][1]())
    expect(wardrobe.locator(".own-told")).to_have_attribute("data-verdict", "refused")
    assert found(wardrobe) == {BAD[name][0]}
    expect(wardrobe.locator(".own-hint")).to_contain_text("stays as before")
    assert wardrobe.locator(".own-told img").count() == 0
    assert not frame.evaluate("stageProbe.events.filter(({ out }) => out?.type === 'face')")
    assert frame.locator(".body:not(.waiting) canvas").count() == 1
    assert not [url for url in wardrobe.asked if "example.invalid" in url]
    wardrobe.keyboard.press("Escape")


def test_names_that_look_like_scripts_are_text(wardrobe):
    avatar = Avatar()
    avatar.json["nodes"][-1]["name"] = "<img src=x onerror=window.hacked=1>"
    avatar.json["materials"][0]["name"] = "javascript:window.hacked=1"
    drop(wardrobe, "mia.glb", avatar.to_bytes())
    expect(wardrobe.locator(".own-told [data-code=markup]")).to_contain_text("<img src=x")
    assert wardrobe.evaluate("window.hacked") is None
    assert stage(wardrobe).evaluate("window.hacked") is None


def test_the_own_body_comes_back_and_is_kept_per_persona_until_then(wardrobe, browser, address):
    frame = stage(wardrobe)
    drop(wardrobe, "old.vrm", OTHERS["old.vrm"]().to_bytes())
    expect(wardrobe.locator(".own-told summary")).to_have_text("old.vrm")
    expect(wardrobe.locator(".own-back")).to_be_visible()
    other = visit(browser, address, query="face=2d")
    assert other.locator(".own-told").is_hidden(), "another visitor does not see it"
    drop(other, "new.vrm", OTHERS["new.vrm"]().to_bytes())
    expect(other.locator(".own-told [data-code=no_3d]")).to_be_visible()
    other.context.close()
    wardrobe.locator("#persona [data-id=sam]").click()
    expect(wardrobe.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "sam")
    expect(wardrobe.locator(".own-told")).to_be_hidden()
    answered(wardrobe)
    wardrobe.locator("#persona [data-id=maya]").click()
    expect(wardrobe.locator(".own-told summary")).to_have_text("old.vrm")
    answered(wardrobe)
    wardrobe.locator(".own-told summary").click()
    wardrobe.locator(".own-back").click()
    expect(wardrobe.locator(".own-told")).to_be_hidden()
    frame.wait_for_function("document.querySelectorAll('.body')[1].classList.contains('waiting')")


def test_a_dropped_body_that_fails_while_it_is_drawn_costs_only_itself(wardrobe):
    frame = stage(wardrobe)
    drop(wardrobe, "arkit.glb", OTHERS["arkit.glb"]().to_bytes())
    expect(wardrobe.locator(".own-told summary")).to_have_text("arkit.glb")
    expect(wardrobe.locator(".own-back")).to_be_visible()
    wardrobe.keyboard.press("Escape")
    frame.evaluate("""() => {
      const draw = WebGL2RenderingContext.prototype.clear;
      WebGL2RenderingContext.prototype.clear = () => {
        WebGL2RenderingContext.prototype.clear = draw;
        throw new Error('the drawing broke');
      };
    }""")
    expect(wardrobe.locator(".own-told [data-code=unshown]")).to_contain_text("the drawing broke")
    frame.wait_for_timeout(1000)
    assert frame.locator(".body:not(.waiting) canvas").count() == 1
    say(wardrobe, "Hello there.")
    assert answered(wardrobe)


def test_a_file_in_the_folder_of_avatars_is_named_by_its_stem(chromium, tmp_path):
    if not modules.installed():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    copy = tmp_path / "house"
    shutil.copytree(HOUSE, copy, ignore=shutil.ignore_patterns("node_modules", ".git", "__pycache__", ".*_cache", "tests", "docs"))
    (copy / "avatar_assets" / "node_modules").symlink_to(modules.NODE_MODULES)
    avatars = copy / "avatar_assets" / "avatars"
    (avatars / "guest.vrm").write_bytes(OTHERS["new.vrm"]().to_bytes())
    (avatars / "broken.glb").write_bytes(BAD["a ZIP archive"][1]())
    people = (copy / "personas.yaml").read_text(encoding="utf-8")
    people = re.sub(r"(?m)^(maya:(?:\n[ ].*|\n)*?\n  avatar: )\S+", r"\1guest", people)
    people = re.sub(r"(?m)^(sam:(?:\n[ ].*|\n)*?\n  avatar: )\S+", r"\1broken", people)
    (copy / "personas.yaml").write_text(people, encoding="utf-8")
    with running(copy, **EMBEDDED) as (url, _), chromium(machine.AUTOPLAY) as browser:
        page = visit(browser, url, query="")
        frame = stage(page)
        frame.wait_for_function("stageProbe.events.some(({ out }) => out?.face === '3d')", timeout=90_000)
        expect(page.locator(".own-told summary")).to_have_text("guest.vrm")
        expect(page.locator(".own-told")).to_have_attribute("data-verdict", "mended")
        page.locator("#persona [data-id=sam]").click()
        expect(frame.locator("#notice")).to_contain_text("ZIP archive")
        answered(page)
        assert page.problems == []


def test_without_webgl_the_drawn_face_speaks_and_says_why(chromium, address):
    with chromium("--disable-3d-apis", machine.AUTOPLAY) as browser:
        page = visit(browser, address, query="")
        frame = stage(page)
        frame.wait_for_function("window.stageProbe?.events.some(({ out }) => out?.face === '2d' && out.reason)")
        frame.evaluate(LISTEN)
        say(page, "Hello there.")
        answered(page)
        assert frame.evaluate("seen.loudest") > 0.01
        assert frame.evaluate("Object.values(seen.shapes).filter((weight) => weight > 0.2).length") >= 3
        assert page.problems == []


def settings(page: Page) -> Frame:
    """Open the stage's menu."""
    frame = stage(page)
    frame.locator("#settings summary").click()
    expect(frame.locator("#settings form")).to_be_visible()
    return frame


def film(page: Page) -> Path:
    """Save the last reply as a video."""
    last = page.locator("#chat .said").last
    with page.expect_download(timeout=90_000) as download:
        last.get_by_text(re.compile(r"Save video \((WebM|MP4)\)")).click()
        expect(last.locator(".film-note")).to_contain_text(re.compile(r"Recording … \d+ of \d+ s"))
    assert re.fullmatch(r"visavis\.(webm|mp4)", download.value.suggested_filename)
    return Path(download.value.path())


def tracks(file: Path) -> tuple[list[float], list[float], np.ndarray]:
    """When a film's frames are shown and the start and end of its sound, in s; the brightness of its last frame."""
    av = pytest.importorskip("av")
    with av.open(str(file)) as container:
        frames = [(float(frame.time), frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]
    with av.open(str(file)) as container:
        sound = [(float(block.time), block.samples / block.sample_rate) for block in container.decode(audio=0)]
    return [at for at, _ in frames], [sound[0][0], sound[-1][0] + sound[-1][1]], frames[-1][1]


def test_a_reply_is_saved_as_a_video_as_long_as_its_sound(page):
    say(page, "Hello there.")
    answered(page)
    with page.expect_download() as download:
        page.locator("#chat .said").last.get_by_text("Sound (WAV)").click()
    rate, samples = read_wav(Path(download.value.path()).read_bytes())
    wanted = len(samples) / rate
    over = []
    for _ in range(3):  # a busy machine's timers are late
        shown, (begins, ends), picture = tracks(film(page))
        assert len(shown) >= 5
        assert picture.std() > 10, "a face is to be seen"
        over.append(max(ends, shown[-1]) - min(begins, shown[0]) - wanted)
        if abs(over[-1]) <= 0.1:
            break
    assert min(map(abs, over)) <= 0.1, over


def test_saving_a_video_can_be_cancelled_and_saying_something_else_ends_it(page):
    say(page, "Tell me about whales.")
    answered(page)
    last = page.locator("#chat .said").last
    downloads: list[str] = []
    page.on("download", lambda download: downloads.append(download.suggested_filename))
    last.get_by_text(re.compile("Save video")).click()
    expect(last.locator(".film-note")).to_contain_text("Recording")
    last.get_by_text("Cancel").click()
    expect(last.get_by_text(re.compile("Save video"))).to_be_visible()
    expect(last.locator(".film-note")).to_be_hidden()
    last.get_by_text(re.compile("Save video")).click()
    expect(last.locator(".film-note")).to_contain_text("of")
    say(page, "Hello.")
    answered(page)
    assert downloads == []
    assert page.locator(".film-note:visible").count() == 0


@pytest.mark.parametrize(
    ("lacking", "named"),
    [("delete window.MediaRecorder", "MediaRecorder"), ("delete HTMLCanvasElement.prototype.captureStream", "captureStream")],
    ids=["MediaRecorder", "captureStream"],
)
def test_a_browser_that_cannot_record_says_so(browser, address, lacking, named):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(lacking)
    page = context.new_page()
    page.goto(f"{address}?face=2d&debug=1")
    last = page.locator("#chat .theirs").last
    last.get_by_text("Save video", exact=True).click(timeout=60_000)
    expect(last.locator(".film-note")).to_contain_text(named)
    context.close()


def test_the_stage_is_set_by_keyboard_and_remembers(page):
    frame = stage(page)
    frame.locator("#settings summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")  # from the upper body to the head
    expect(frame.locator("input[value=head]")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(frame.locator("input[value=study]")).to_be_checked()
    frame.wait_for_function("document.querySelector('#person svg').getAttribute('viewBox').startsWith('85')")
    page.keyboard.press("Escape")
    expect(frame.locator("#settings form")).to_be_hidden()
    assert frame.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.reload()
    frame = settings(page)
    expect(frame.locator("input[value=head]")).to_be_checked()
    expect(frame.locator("input[value=study]")).to_be_checked()
    frame.get_by_text("Whole person", exact=True).click()
    frame.wait_for_function("document.querySelector('#person svg').getAttribute('viewBox').startsWith('40')")
    expect(frame.locator("#settings")).to_contain_text("has no legs")


def test_a_picture_of_ones_own_is_the_background_and_what_is_none_is_refused_by_name(page):
    frame = settings(page)
    frame.locator("#settings input[type=file]").set_input_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    expect(frame.locator(".refusal")).to_contain_text("“notes.png” is no picture")
    frame.locator("#settings input[type=file]").set_input_files({"name": "empty.png", "mimeType": "image/png", "buffer": b""})
    expect(frame.locator(".refusal")).to_contain_text("“empty.png” is empty")
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    frame.locator("#settings input[type=file]").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": picture.getvalue()})
    expect(frame.locator(".refusal")).to_be_hidden()
    red = """(() => {
      const [r, g, b] = document.getElementById('backdrop').getContext('2d').getImageData(5, 5, 1, 1).data;
      return r > 200 && g < 60 && b < 60;
    })()"""
    frame.wait_for_function(red)
    page.reload()
    stage(page).wait_for_function(red)


BEHIND = """(selector) => {
  const canvas = document.getElementById('backdrop');
  const box = document.querySelector(selector).getBoundingClientRect();
  const scale = canvas.width / document.getElementById('stage').clientWidth;
  const { data } = canvas.getContext('2d').getImageData(box.left * scale, box.top * scale, box.width * scale, box.height * scale);
  const tones = [];
  for (let at = 0; at < data.length; at += 4) tones.push([...data.slice(at, at + 3)]);
  tones.sort((one, other) => one.reduce((a, b) => a + b) - other.reduce((a, b) => a + b));
  return [tones[0], tones.at(-1)].map((tone) => `rgb(${tone})`);
}"""
"""The darkest and the lightest colour of the background behind an element."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_on_the_stage_can_be_read_before_every_background(browser, address, scheme):
    page = visit(browser, address, color_scheme=scheme)
    frame = stage(page)
    say(page, "Tell me about whales.")
    expect(frame.locator("#captions .now")).to_be_visible()
    for name in ("plain", "study", "evening", "shelves"):
        frame.evaluate("name => document.querySelector(`#settings input[value=${name}]`).click()", name)
        for selector, where in (("#state", "#state"), ("#captions", "#captions"), ("#captions .now", "#captions")):
            frame.wait_for_function("selector => document.querySelector(selector)", arg=selector)
            for tone in frame.evaluate(BEHIND, where):
                ratio = frame.locator(selector).first.evaluate(CONTRAST.replace("['white']", f"['{tone}']"))
                assert ratio >= 4.5, (name, selector, tone, ratio)
    page.context.close()


SPEAK = """(speaker) => {
  const { contentWindow: stage } = document.querySelector('iframe.stage-page');
  const pcm = new Int16Array(24000 * 6).map((_, at) => 8000 * Math.sin(at / 9)).buffer;
  const visemes = Array(30).fill('aa');
  const mouth = { visemes, vtimes: visemes.map((_, at) => at * 200), vdurations: visemes.map(() => 200) };
  const said = { text: 'Hello.', words: ['Hello.'], wtimes: [0], wdurations: [900] };
  const segment = { type: 'segment', turn: `turn-${speaker}`, index: 0, sampleRate: 24000, pcm, speaker, ...mouth, ...said };
  stage.postMessage(segment, location.origin, [pcm]);
  stage.postMessage({ type: 'end', turn: segment.turn }, location.origin);
}"""
"""The stage is told that somebody speaks for six seconds."""
MOUTHS = (
    "['first', 'second'].map((seat) => Math.max(...Object.entries(stageProbe.weights(seat)).map(([name, w]) => (name === 'sil' ? 0 : w))))"
)
GAZE = """(seat) => {
  const eye = document.querySelector(`[data-seat=${seat}] svg g[clip-path] g`);
  return Number(/translate\\((-?[\\d.]+)/.exec(eye.getAttribute('transform'))[1]);
}"""


def test_two_people_on_the_stage_speak_with_their_own_mouths_and_look_at_each_other(page):
    answered(page)
    frame = settings(page)
    assert "Dr. Maya Chen" not in frame.locator("select[name=guest]").inner_text()
    frame.locator("select[name=guest]").select_option("captain")
    expect(frame.locator(".seat")).to_have_count(2)
    expect(frame.locator("[data-seat=second] svg")).to_have_attribute("aria-label", "Captain Alex")
    for speaker, mine, theirs, sign in (("captain", 1, 0, 1), ("maya", 0, 1, -1)):
        page.evaluate(SPEAK, speaker)
        frame.wait_for_function(f"{MOUTHS}[{mine}] > 0.3")
        assert frame.evaluate(MOUTHS)[theirs] == 0
        listener = ("first", "second")[theirs]
        frame.wait_for_function(f"({GAZE})('{listener}') * {sign} > 5")
        assert abs(frame.evaluate(GAZE, ("first", "second")[mine])) < 5
        frame.wait_for_function(f"Math.max(...{MOUTHS}) === 0")
    page.evaluate(SPEAK, "nobody")
    frame.wait_for_function("stageProbe.events.some(({ out }) => out?.type === 'error' && out.message.includes('nobody'))")
    page.locator("#persona [data-id=captain]").click()
    expect(frame.locator(".seat")).to_have_count(1)
    expect(frame.locator("[data-seat=first] svg")).to_have_attribute("aria-label", "Captain Alex")


STALL = """async (tap) => {
  const { audioContext: context, output } = stageProbe;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([tap], { type: 'text/javascript' })));
  const node = new AudioWorkletNode(context, 'tap', { numberOfOutputs: 0 });
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(...data);
  output.connect(node);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const from = context.currentTime;
  for (const until = performance.now() + 1000; performance.now() < until; );
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { from, blocks };
}"""


def test_a_stalled_picture_does_not_stall_the_voice(page):
    answered(page)
    frame = stage(page)
    page.evaluate(SPEAK, "maya")
    frame.wait_for_function(f"{MOUTHS}[0] > 0.3")
    stalled = frame.evaluate(STALL, (HOUSE / "benchmarks" / "av_sync_tap.mjs").read_text(encoding="utf-8"))
    during = [level for at, level in stalled["blocks"] if stalled["from"] <= at <= stalled["from"] + 0.95]
    assert len(during) >= 0.9 * 0.95 * 44_100 / 128, "the sound's clock went on"
    assert min(during) > 0.1, "and nothing was missing in it"


def test_the_whole_person_stands_on_a_phones_stage(browser, address):
    if not (HOUSE / "avatar_assets" / "node_modules").is_dir():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce").new_page()
    page.add_init_script("""localStorage.setItem('visavis.stage', '{"view":"full"}')""")
    page.goto(f"{address}?debug=1")
    frame = stage(page)
    frame.wait_for_function("stageProbe.events.some(({ out }) => out?.type === 'people')", timeout=120_000)
    frame.wait_for_function("!document.getElementById('captions').textContent", timeout=60_000)
    frame.evaluate("for (const one of document.querySelectorAll('#state, #settings, #notice')) one.style.display = 'none'")
    if frame.evaluate("stageProbe.events.findLast(({ out }) => out?.type === 'face').out.face") != "3d":
        pytest.skip("this machine is too busy for 3-D")
    picture = Image.open(io.BytesIO(page.locator("iframe.stage-page").screenshot())).convert("RGB")
    pixels = np.asarray(picture, dtype=np.int16)[4:-4, 20:-20]  # without the rounded corners
    person = np.abs(pixels - pixels[:, :1]).sum(2) > 90  # the background is the same from side to side, nearly
    rows, columns = np.flatnonzero(person.any(1)), np.flatnonzero(person.any(0))
    height, width = person.shape
    assert 0.01 * height < rows[0] < 0.2 * height
    assert 0.85 * height < rows[-1] < 0.99 * height
    assert columns[0] > 0.05 * width
    assert columns[-1] < 0.95 * width
    page.context.close()


def test_without_npm_and_without_a_network_the_drawn_face_speaks(chromium, tmp_path):
    copy = tmp_path / "house"
    shutil.copytree(HOUSE, copy, ignore=shutil.ignore_patterns("node_modules", ".git", "__pycache__", ".*_cache", "tests", "docs"))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    with running(copy, PATH=str(bin_folder), **EMBEDDED) as (url, lines), chromium(machine.AUTOPLAY) as browser:
        assert any("npm is not installed" in line for line in lines)
        page = visit(browser, url, query="")
        frame = stage(page)
        frame.wait_for_function("window.stageProbe?.events.some(({ out }) => out?.face === '2d' && out.reason)", timeout=60_000)
        say(page, "Hello there.")
        assert answered(page)


def test_sound_waits_for_a_gesture_and_then_the_person_greets(browser, address):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(SILENT_UNTIL_A_GESTURE)
    page = context.new_page()
    page.goto(f"{address}?face=2d&debug=1")
    expect(page.locator("#status")).to_contain_text(re.compile("sound", re.IGNORECASE))
    frame = page.frame_locator("iframe.stage-page")
    expect(frame.locator("#unlock")).to_be_visible()
    expect(page.locator("#chat .theirs")).to_have_count(1)
    expect(page.locator("#chat .actions")).to_have_count(0)
    frame.locator("#unlock").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
    expect(page.locator("#chat .theirs .actions")).to_be_visible()
    expect(page.locator("#chat .theirs")).to_have_count(1)
    context.close()


def test_a_closed_tab_frees_its_session(browser, address):
    page = visit(browser, address)
    say(page, "Tell me about whales.")
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
    page.context.close()
    page = visit(browser, address)
    say(page, "Hello.")
    assert answered(page)
    page.context.close()


def test_a_taken_port_leads_to_the_next_and_help_names_every_option():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "app.py", "--no-browser", "--port", str(port)]
        process = subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, text=True)
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            assert any(f"Port {port} is taken; using " in line for line in lines)
            url = re.search(r"http\S+", lines[-1])[0]
            assert urllib.request.urlopen(url, timeout=30).status == 200
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(15)
    shown = subprocess.run([sys.executable, "app.py", "--help"], cwd=HOUSE, capture_output=True, text=True, check=True, timeout=120).stdout
    for option in ("--no-browser", "--host", "--port", "--share", "--persona", "--help"):
        assert option in shown


@pytest.mark.parametrize("options", [["--persona", "nobody"], ["--tts", "nobody"], ["--port", "0"]], ids=" ".join)
def test_an_option_that_cannot_be_used_is_answered_in_a_sentence(options):
    done = subprocess.run(
        [sys.executable, "app.py", "--no-browser", *options], cwd=HOUSE, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.startswith("visavis: ")
    assert "Traceback" not in done.stderr
