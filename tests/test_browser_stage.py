"""The stage in a real Chromium: saved videos, its menu, backgrounds, two people, a stalled picture."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from browsing import (
    CONTRAST,
    answered,
    read_wav,
    say,
    stage,
    visit,
)
from conftest import HOUSE
from fixtures import chromium as machine
from PIL import Image
from playwright.sync_api import Frame, Page, expect
from requirements import requirement

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]


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


@requirement("page.video")
def test_a_reply_is_saved_as_a_video_as_long_as_its_sound(page):
    say(page, "Hello there.")
    answered(page)
    with page.expect_download() as download:
        page.locator("#chat .said").last.get_by_text("Sound (WAV)").click()
    rate, samples = read_wav(Path(download.value.path()).read_bytes())
    wanted = len(samples) / rate
    shown, (begins, ends), picture = tracks(film(page))
    assert picture.std() > 10, "a face is to be seen"
    assert shown == pytest.approx(np.arange(len(shown)) / 30, abs=1e-3)
    assert [ends - begins, shown[-1] + 1 / 30] == pytest.approx([wanted, wanted], abs=0.05)


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


def test_a_browser_that_cannot_record_says_so(browser, address):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script("delete window.VideoEncoder")
    page = context.new_page()
    page.goto(f"{address}?face=2d&debug=1")
    last = page.locator("#chat .theirs").last
    last.get_by_text("Save video", exact=True).click(timeout=60_000)
    expect(last.locator(".film-note")).to_contain_text("no WebCodecs")
    context.close()


@requirement("stage.menu")
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


@requirement("stage.picture")
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


SPEAK = """([speaker, seconds]) => {
  const { contentWindow: stage } = document.querySelector('iframe.stage-page');
  const pcm = new Int16Array(24000 * seconds).map((_, at) => 8000 * Math.sin(at / 9)).buffer;
  const visemes = Array(5 * seconds).fill('aa');
  const mouth = { visemes, vtimes: visemes.map((_, at) => at * 200), vdurations: visemes.map(() => 200) };
  const said = { text: 'Hello.', words: ['Hello.'], wtimes: [0], wdurations: [900] };
  const segment = { type: 'segment', turn: `turn-${speaker}`, index: 0, sampleRate: 24000, pcm, speaker, ...mouth, ...said };
  stage.postMessage(segment, location.origin, [pcm]);
  stage.postMessage({ type: 'end', turn: segment.turn }, location.origin);
}"""
"""The stage is told that somebody speaks for so many seconds."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_on_the_stage_can_be_read_before_every_background(browser, address, scheme):
    page = visit(browser, address, color_scheme=scheme)
    frame = stage(page)
    answered(page)
    page.evaluate(SPEAK, ["maya", 6])
    expect(frame.locator("#captions .now")).to_have_text("Hello.")
    frame.evaluate("stageProbe.audioContext.suspend()")  # the words stand still with the sound
    for name in ("plain", "study", "evening", "shelves"):
        frame.evaluate("name => document.querySelector(`#settings input[value=${name}]`).click()", name)
        frame.wait_for_selector(f"#backdrop[data-shown={name}]")
        for selector, where in (("#state", "#state"), ("#captions", "#captions"), ("#captions .now", "#captions")):
            frame.wait_for_function("selector => document.querySelector(selector)", arg=selector)
            for tone in frame.evaluate(BEHIND, where):
                ratio = frame.locator(selector).first.evaluate(CONTRAST.replace("['white']", f"['{tone}']"))
                assert ratio >= 4.5, (name, selector, tone, ratio)
    page.context.close()


MOUTHS = (
    "['first', 'second'].map((seat) => Math.max(...Object.entries(stageProbe.weights(seat)).map(([name, w]) => (name === 'sil' ? 0 : w))))"
)
GAZE = """(seat) => {
  const eye = document.querySelector(`[data-seat=${seat}] svg g[clip-path] g`);
  return Number(/translate\\((-?[\\d.]+)/.exec(eye.getAttribute('transform'))[1]);
}"""


@requirement("stage.second")
def test_two_people_on_the_stage_speak_with_their_own_mouths_and_look_at_each_other(page):
    answered(page)
    frame = settings(page)
    assert "Dr. Maya Chen" not in frame.locator("select[name=guest]").inner_text()
    frame.locator("select[name=guest]").select_option("captain")
    expect(frame.locator(".seat")).to_have_count(2)
    expect(frame.locator("[data-seat=second] svg")).to_have_attribute("aria-label", "Captain Alex")
    for speaker, mine, theirs, sign in (("captain", 1, 0, 1), ("maya", 0, 1, -1)):
        page.evaluate(SPEAK, [speaker, 4])
        frame.wait_for_function(f"{MOUTHS}[{mine}] > 0.3")
        assert frame.evaluate(MOUTHS)[theirs] == 0
        listener = ("first", "second")[theirs]
        frame.wait_for_function(f"({GAZE})('{listener}') * {sign} > 5")
        assert abs(frame.evaluate(GAZE, ("first", "second")[mine])) < 5
        frame.wait_for_function(f"Math.max(...{MOUTHS}) === 0")
    page.evaluate(SPEAK, ["nobody", 1])
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


@requirement("stage.no-stall")
def test_a_stalled_picture_does_not_stall_the_voice(browser, address):
    page = visit(browser, address, bypass_csp=True)  # the test's own worklet is none of ours
    answered(page)
    frame = stage(page)
    page.evaluate(SPEAK, ["maya", 6])
    frame.wait_for_function(f"{MOUTHS}[0] > 0.3")
    stalled = frame.evaluate(STALL, (HOUSE / "tests" / "fixtures" / "level-tap.mjs").read_text(encoding="utf-8"))
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
    answered(page)  # nobody changes while they speak
    frame.evaluate("for (const one of document.querySelectorAll('#state, #settings, #notice, #captions')) one.style.display = 'none'")
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
