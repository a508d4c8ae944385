"""Hands-free in a real Chromium: a fake microphone speaks, pauses, interrupts and hums; ears and voice are quick ones, loudness decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import QUICK, answered, running, say, stage, visit
from fixtures import chromium as machine
from page_client import unframe
from playwright.sync_api import Page, expect
from requirements import requirement

RATE = 16_000
WATCH_GAIN = """() => {
  window.gains = [];
  setInterval(() => gains.push(stageProbe.output.gain.value), 10);
}"""


@pytest.fixture(scope="module")
def home(people, tmp_path_factory) -> Iterator[str]:
    """The app with somebody whose answers last 7 s, and without the models of hands-free listening."""
    quick = {**QUICK, "VISAVIS_STT": "lengths", "VISAVIS_PERSONA": "tess", "VISAVIS_PERSONAS_FILE": str(people)}
    with running(HF_HUB_OFFLINE="1", VISAVIS_WEIGHTS=str(tmp_path_factory.mktemp("none")), **quick) as (url, _):
        yield url


@pytest.fixture(scope="module")
def voice():
    """Somebody says something, as long as it is."""
    from engines.audio import resample
    from engines.tts import espeak_ng

    engine = espeak_ng.load(espeak_ng.Options(rate_wpm=130), "cpu")

    def say(words: str) -> np.ndarray:
        (speech,) = engine.synthesize(words, "en-us")
        return resample(speech.audio, RATE).samples

    return say


def recording(folder: Path, *parts: float | np.ndarray) -> str:
    """A file for the fake microphone, of silences in s and of sounds; it is heard once."""
    hiss = np.random.default_rng(3)
    quiet = [hiss.standard_normal(round(part * RATE)) * 1e-4 if isinstance(part, float) else part for part in parts]
    target = folder / "said.wav"
    soundfile.write(target, np.concatenate(quiet), RATE)
    return f"--use-file-for-fake-audio-capture={target}%noloop"


def switch_on(page: Page) -> None:
    expect(page.locator("#status")).to_have_attribute("data-state", "idle")  # the greeting is over
    page.locator("#hands-free").click()
    expect(page.locator("#hands-free")).to_have_attribute("aria-checked", "true")
    expect(page.locator("#status")).to_contain_text("just speak")


@requirement("live.hands-free")
@requirement("live.barge-in")
def test_what_is_said_is_answered_without_a_button_and_words_interrupt(chromium, home, voice, tmp_path):
    question = voice("we will see what happens tomorrow morning")
    with chromium(recording(tmp_path, 1.0, question, 3.2, question, 3.0), machine.AUTOPLAY) as browser:
        page = visit(browser, home, permissions=["microphone"])
        frame = stage(page)
        frame.evaluate(WATCH_GAIN)
        told: list[dict] = []
        page.on("request", lambda request: request.url.endswith("/message") and told.append(unframe(request.post_data_buffer)[0]))
        switch_on(page)
        expect(page.locator(".mine-state")).to_contain_text("speaking")
        expect(page.locator("#status")).to_have_attribute("data-state", "listening")
        expect(page.locator("#chat .mine .words").first).to_have_text("What about Tuesday?")
        expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
        expect(page.locator("#chat .mine")).to_have_count(2)  # while the first answer is heard
        expect(page.locator("#chat .theirs.cut")).to_have_count(1)
        answered(page)
        stopped = [message for message in told if message["type"] == "stopped"]  # the stage may know better than the page a moment later
        assert len({message["turn"] for message in stopped}) == 1
        assert all(message["index"] >= 0 and 0 < message["ms"] < 5000 for message in stopped)
        assert frame.evaluate("stageProbe.events.some((event) => event.in === 'act')"), "nobody nodded"
        assert min(frame.evaluate("gains")) < 0.5
        assert frame.evaluate("stageProbe.output.gain.value") > 0.99
        assert page.problems == []
        page.locator("#hands-free").click()
        expect(page.locator(".hands-free-row")).to_be_hidden()


@requirement("live.barge-in")
def test_a_backchannel_lowers_the_voice_and_it_goes_on(chromium, home, voice, tmp_path):
    recorded = recording(tmp_path, 1.0, voice("we will see what happens tomorrow morning"), 3.2, voice("okay"), 9.0)
    with chromium(recorded, machine.AUTOPLAY) as browser:
        page = visit(browser, home, permissions=["microphone"])
        frame = stage(page)
        switch_on(page)
        expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
        frame.evaluate(WATCH_GAIN)
        answered(page)
        told = frame.evaluate("stageProbe.events.map(({ out }) => out).filter((out) => ['paused', 'started'].includes(out?.type))")
        paused = next(at for at, message in enumerate(told) if message["type"] == "paused")
        assert [told[paused + 1][key] for key in ("type", "turn", "index")] == ["started", told[paused]["turn"], told[paused]["index"]]
        gains = frame.evaluate("gains")
        assert min(gains) < 0.5
        assert gains[-1] > 0.99
        expect(page.locator("#chat .mine")).to_have_count(1)
        expect(page.locator("#chat .cut")).to_have_count(0)
        assert page.problems == []


LOUDSPEAKER = """([delay, gain]) => {
  navigator.mediaDevices.getUserMedia = async () => {
    const { audioContext, output } = document.querySelector('iframe.stage-page').contentWindow.stageProbe;
    const room = audioContext.createMediaStreamDestination();
    output.connect(new DelayNode(audioContext, { delayTime: delay })).connect(new GainNode(audioContext, { gain })).connect(room);
    return room.stream;
  };
}"""
"""A microphone that hears nothing but the persona."""


@requirement("live.echo")
def test_the_persona_does_not_interrupt_itself(browser, home):
    page = visit(browser, home, permissions=["microphone"])
    stage(page)
    expect(page.locator("#status")).to_have_attribute("data-state", "idle")
    page.evaluate(LOUDSPEAKER, [0.15, 0.5])
    switch_on(page)
    say(page, "Hello.")
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
    answered(page)
    expect(page.locator("#chat .mine")).to_have_count(1)
    expect(page.locator("#chat .cut")).to_have_count(0)
    assert page.problems == []
    page.context.close()


@requirement("talk.microphone-errors")
@requirement("talk.stop")
def test_without_a_microphone_the_switch_goes_back_and_says_why_and_keys_stop_all_the_same(browser, home):
    page = visit(browser, home, permissions=[])
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')) }")
    expect(page.locator("#status")).to_have_attribute("data-state", "idle")
    page.locator("#hands-free").click()
    expect(page.locator("#status")).to_contain_text("not allowed")
    expect(page.locator("#hands-free")).to_have_attribute("aria-checked", "false")
    expect(page.locator(".hands-free-row")).to_be_hidden()
    for number, key in enumerate(("Escape", "Space"), 1):
        say(page, "Hello.")
        expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(key)
        expect(page.locator("#chat .theirs.cut")).to_have_count(number)
    assert page.problems == []
    page.context.close()


KEEP_TRACK = """() => {
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (...what) => {
    const stream = await ask(...what);
    [window.track] = stream.getAudioTracks();
    return stream;
  };
}"""


@requirement("talk.device-vanishes")
@requirement("live.device-vanishes")
@requirement("talk.second-tab")
def test_a_microphone_that_vanishes_costs_no_word_and_of_two_tabs_one_listens(chromium, home, voice, tmp_path):
    question = voice("we will see what happens tomorrow morning and on all the other days of the week")
    with chromium(recording(tmp_path, 0.5, question, 0.3, question, 0.3, question, 0.3, question, 9.0), machine.AUTOPLAY) as browser:
        page = visit(browser, home, permissions=["microphone"])
        page.evaluate(KEEP_TRACK)
        expect(page.locator("#status")).to_have_attribute("data-state", "idle")
        page.locator("#talk").hover()
        page.mouse.down()
        expect(page.locator("#talk")).to_have_attribute("data-elapsed", "0:01")
        page.evaluate("track.dispatchEvent(new Event('ended'))")
        expect(page.locator("#talk")).to_contain_text("Hold to talk")
        expect(page.locator("#chat .notice")).to_contain_text("was sent")
        page.mouse.up()
        expect(page.locator("#chat .mine .words")).to_have_text("What about Tuesday?")
        page.locator("#stop").click()
        switch_on(page)
        expect(page.locator(".mine-state")).to_contain_text("speaking 0:0")
        page.evaluate("track.dispatchEvent(new Event('ended'))")
        expect(page.locator("#chat .mine")).to_have_count(2)
        expect(page.locator("#status")).to_have_attribute("data-state", "speaking")
        page.locator("#stop").click()
        page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
        expect(page.locator("#status")).to_contain_text("just speak")
        other = page.context.new_page()
        other.goto(home)
        expect(other.locator("#hands-free")).to_have_attribute("aria-checked", "true")  # remembered
        expect(page.locator("#hands-free")).to_have_attribute("aria-checked", "false")
        expect(page.locator("#chat .notice").last).to_contain_text("Another tab")
        assert page.problems == []
