"""The whole loop in a real Chromium with a fake microphone, on the embedded engines, as a user meets it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import CONTRAST, EMBEDDED, LISTEN, answered, read_wav, running, say, stage, visit
from conftest import HOUSE, tone
from fixtures import chromium as machine
from playwright.sync_api import expect
from requirements import requirement

from engines.audio import to_wav

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]

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


def slow_person(page):
    """Talk with somebody whose answers last long enough to be interrupted."""
    page.locator("#persona [data-id=tess]").click()
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "tess")
    answered(page)


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Iterator[tuple[str, list[str]]]:
    """The app as everybody has it, with eSpeak's voice to listen to, on a machine without npm and without a network: address and lines."""
    copy, programs = tmp_path_factory.mktemp("bare") / "house", tmp_path_factory.mktemp("bin")
    shutil.copytree(HOUSE, copy, ignore=shutil.ignore_patterns("node_modules", ".git", "__pycache__", ".*_cache", "tests", "docs"))
    with running(copy, PATH=str(programs), **EMBEDDED) as app:
        yield app


@requirement("page.spoken-loop")
def test_a_spoken_question_is_heard_answered_and_lip_synced(browser, bare, spoken):
    page = visit(browser, bare[0])
    frame = stage(page)
    page.evaluate("""() => { window.levels = [];
      new MutationObserver(() => levels.push(+level.getAttribute('aria-valuenow'))).observe(level, { attributes: true }) }""")
    page.locator("#talk").hover()
    page.mouse.down()
    expect(page.locator("#status")).to_have_attribute("data-state", "listening")
    frame.evaluate(LISTEN)
    page.wait_for_timeout(4000)  # the fake microphone speaks in real time
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
    levels = page.evaluate("levels")
    assert max(levels) - min(levels) > 15
    assert page.problems == []
    page.context.close()


@requirement("page.captions")
def test_a_typed_message_is_answered_with_captions_that_follow(page):
    frame = stage(page)
    frame.evaluate(MARKED_WORDS)
    say(page, "Tell me about wolves.")
    reply = answered(page)
    assert page.locator("#say textarea").input_value() == ""
    marked = frame.evaluate("[...marked]")
    assert len([word for word in marked if word and word in reply]) >= 3, (marked, reply)


@requirement("page.follows")
def test_stop_silences_the_voice_and_rests_the_mouth_and_what_was_not_heard_is_grey(page):
    frame = stage(page)
    page.evaluate("""() => { window.remembered = [];
      const receive = visavis.receive;
      visavis.receive = (event) => (event.type === 'remembered' && remembered.push(event), receive.call(visavis, event)); }""")
    slow_person(page)
    say(page, "Count.")
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
    frame.evaluate(LISTEN)
    frame.wait_for_function("seen.loudest > 0.01")
    page.locator("#stop").click()
    expect(page.locator("#status")).to_have_attribute("data-state", "idle")
    stopped = frame.evaluate("performance.now()")
    page.wait_for_timeout(900)
    frames = frame.evaluate("seen.frames")
    assert max(level for _, level, _ in frames) > 0.01
    late = [(level, mouth) for at, level, mouth in frames if at > stopped + 500]
    assert late
    assert max(level for level, _ in late) < 1e-3
    assert max(mouth for _, mouth in late) < 1e-3
    last = page.locator("#chat .said").last
    expect(last).to_have_class(re.compile("cut"))
    expect(last.locator("mark")).to_have_count(0)
    whole, rest = last.locator(".words").inner_text(), last.locator(".unheard").inner_text()
    said = page.evaluate("remembered.at(-1)")
    assert whole == said["text"] + rest
    marked = frame.evaluate(
        "stageProbe.events.filter(({ out }) => out?.type === 'word' && out.turn).map(({ out }) => [out.turn, out.word])"
    )
    heard = sum(turn == said["turn"] for turn, _ in marked)
    assert 0 <= heard - len(said["text"].split()) <= 1, "the word that was interrupted may count or not"
    say(page, "Hello again.")
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")


@requirement("page.clear")
def test_clear_begins_again(page):
    say(page, "My name is Ana.")
    answered(page)
    page.locator("#clear").click()
    expect(page.locator("#chat .mine")).to_have_count(0)
    page.locator("#chat .undo").click()
    expect(page.locator("#chat .mine .words")).to_have_text("My name is Ana.")
    say(page, "What is my name?")
    assert "Ana" in answered(page)
    page.locator("#clear").click()
    say(page, "What is my name?")
    expect(page.locator("#chat .undo")).to_have_count(0)
    assert "Ana" not in answered(page)


@requirement("page.replay")
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


@requirement("persona.switch")
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


@requirement("persona.file")
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


UPLOADS = {"ten minutes": to_wav(tone(600_000, rate=8_000)), "not audio": b"<html>this is no sound</html>" * 50}
"""Every other kind is the service's to refuse: test_conversation_service.py."""


def test_files_that_cannot_be_used_are_answered_in_a_sentence_each(page):
    for name, data in UPLOADS.items():
        before = page.locator("#chat .theirs").count()
        page.locator("input[type=file]").first.set_input_files({"name": "question.wav", "mimeType": "audio/wav", "buffer": data})
        expect(page.locator("#chat .theirs")).to_have_count(before + 1)
        expect(page.locator("#status")).to_have_attribute("data-state", "failed")
        sentence = page.locator("#status").inner_text()
        assert len(sentence.split()) > 3, name
        assert not re.search(r"Traceback|Error\b|Exception|/tmp", sentence)
    say(page, "Hello.")
    assert answered(page)


def test_an_audio_file_is_answered(page, spoken):
    page.locator("input[type=file]").first.set_input_files(str(spoken[0]))
    expect(page.locator("#chat .mine .words").last).not_to_have_text("…")
    assert answered(page)


def test_text_that_cannot_be_used_is_answered_in_a_sentence(page):
    for text, word in (("x" * 100_000, "characters"), ("   ", "first")):
        say(page, text)
        expect(page.locator("#status")).to_contain_text(word)
        assert page.locator("#say textarea").input_value() == text
    say(page, "Hello.")
    assert answered(page)


@requirement("page.markup")
def test_markup_is_text_everywhere(page):
    say(page, '<img src=x onerror="window.hacked=1"> ${window.hacked=1} {{constructor}}')
    answered(page)
    assert page.evaluate("window.hacked") is None
    assert page.locator("#chat img").count() == 0
    expect(page.locator("#chat .mine .words").last).to_contain_text("onerror")


@requirement("page.keyboard")
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
    page.wait_for_timeout(1500)
    page.keyboard.up("Space")
    expect(page.locator("#chat .mine")).to_have_count(1)
    reached = set()
    page.locator("#talk").focus()
    for _ in range(12):
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.closest('[id]')?.id"))
        page.keyboard.press("Tab")
    assert {"talk", "hands-free", "stop", "clear", "send", "file"} <= reached


def test_the_space_bar_talks_after_a_click_too(page):
    for clicked in ("#stop", "#persona [aria-checked=true]", "#chat"):
        page.locator(clicked).click()
        page.keyboard.down("Space")
        expect(page.locator("#status")).to_have_attribute("data-state", "listening")
        expect(page.locator("#level")).to_be_visible()
        page.locator("#stop").click()  # forgets the recording
        page.keyboard.up("Space")
        expect(page.locator("#level")).to_be_hidden()
    expect(page.locator("#chat .mine")).to_have_count(0)


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
@requirement("page.readable")
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
    for name in ("talk", "hands-free", "stop", "clear", "send", "say", "file"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 40
        assert box["y"] + box["height"] <= height
    for selector in ("#chat .mine .words", "#chat .theirs .words", "#status", ".person-line", "#send", "#talk", "#hands-free"):
        ratio = page.locator(selector).first.evaluate(CONTRAST)
        assert ratio >= 4.5, (selector, ratio)
    page.context.close()


@requirement("stage.drawn-face")
def test_without_webgl_the_drawn_face_speaks_and_says_why(chromium, address):
    with chromium("--disable-3d-apis", machine.AUTOPLAY) as browser:
        page = visit(browser, address, query="")
        frame = stage(page)
        frame.wait_for_function("window.stageProbe?.events.some(({ out }) => out?.face === '2d' && out.reason)")
        frame.evaluate(LISTEN)
        say(page, "Tell me about wolves.")
        answered(page)
        assert frame.evaluate("seen.loudest") > 0.01
        assert frame.evaluate("Object.values(seen.shapes).filter((weight) => weight > 0.2).length") >= 3
        assert page.problems == []


@requirement("page.no-network")
def test_without_npm_and_without_a_network_the_drawn_face_speaks(browser, bare):
    url, lines = bare
    assert any("npm is not installed" in line for line in lines)
    page = visit(browser, url, query="")
    frame = stage(page)
    frame.wait_for_function("window.stageProbe?.events.some(({ out }) => out?.face === '2d' && out.reason)", timeout=60_000)
    say(page, "Hello there.")
    assert answered(page)
    page.context.close()


@requirement("page.gesture")
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
