"""Who cannot see, hear or point well: axe-core in every state of the page and the stage, forced colours, keyboard, phones on their side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browsing import answered, say, stage, visit
from conftest import HOUSE
from fixtures import chromium as machine
from playwright.sync_api import Page, Route, expect
from requirements import requirement

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]

AXE = HOUSE / "avatar_assets" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = [(scheme, size) for size in ((1440, 900), (390, 844)) for scheme in ("light", "dark")]
RUN = """(rules) => axe
  .run(document, { iframes: false, resultTypes: ['violations'], ...(rules ? { runOnly: rules } : {}) })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.target}: ${one.failureSummary}`)))"""
"""What axe-core finds in one document; the stage's is asked by itself."""


def examine(page: Page, state: str, found: list[str]) -> None:
    """Hold page and stage to axe-core, light and dark, on a desktop and a phone."""
    for scheme, (width, height) in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
        stage(page).wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=scheme)
        # What does not depend on the colours is asked once for each size.
        rules = None if scheme == "light" else ["color-contrast"]
        for name, document in (("page", page.main_frame), ("stage", stage(page))):
            found += [f"{state}, {scheme}, {width} px, {name}: {one}" for one in document.evaluate(RUN, rules)]


@contextmanager
def held(page: Page) -> Iterator[None]:
    """The page's messages do not arrive."""
    waiting: list[Route] = []
    page.route("**/api/message", lambda route: waiting.append(route))  # noqa: PLW0108 - Playwright marks the function it is given
    yield
    while waiting:
        waiting.pop().continue_()
    page.unroute("**/api/message")


@requirement("page.accessible")
def test_axe_finds_nothing_in_any_state(browser, address):
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in avatar_assets brings it")
    page = visit(browser, address, reduced_motion="reduce")
    frame, status = stage(page), page.locator("#status")
    for document in (page.main_frame, frame):
        document.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []

    def state(name: str, shown: str) -> None:
        expect(status).to_have_attribute("data-state", re.compile(shown))
        examine(page, name, found)

    answered(page)
    state("the greeting was heard", "idle")
    with held(page):
        say(page, "Hello there.")
        state("thinking", "thinking")
    answered(page)
    page.locator("#persona [data-id=tess]").click()
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "tess")
    answered(page)
    say(page, "Count.")
    expect(status).to_have_attribute("data-state", "speaking")
    frame.wait_for_selector("#captions .now")
    frame.evaluate("stageProbe.audioContext.suspend()")  # the sentence stands still
    state("speaking", "speaking")
    frame.evaluate("stageProbe.audioContext.resume()")
    page.locator("#talk").dispatch_event("pointerdown", {"button": 0, "pointerId": 1})
    state("recording", "listening")
    page.locator("#stop").click()
    page.locator("input.audio-file").set_input_files({"name": "x.wav", "mimeType": "audio/wav", "buffer": b"<html>" * 50})
    state("a mistake", "failed")
    page.locator("#hands-free").click()
    expect(page.locator(".mine-state")).to_be_visible()
    state("hands-free", "idle|listening|thinking|speaking")
    page.locator("#hands-free").click()
    page.locator("input.own-file").set_input_files({"name": "x.glb", "mimeType": "", "buffer": b"no"})
    expect(page.locator(".own-panel")).to_be_visible()
    state("an avatar of one's own", r"\w")
    page.locator("#engines summary").click()
    frame.locator("#settings summary").click(force=True)
    page.locator("#engines").evaluate("panel => (panel.open = true)")
    frame.evaluate("document.getElementById('unlock').hidden = false")
    state("every panel open, and no sound before a tap", r"\w")
    assert found == []
    page.context.close()


@pytest.fixture(scope="module")
def opened(browser, address) -> Iterator[Page]:
    """One page for the tests that leave it as they found it: the greeting has been heard."""
    page = visit(browser, address, reduced_motion="reduce")  # nothing glides from one size to the other
    answered(page)
    yield page
    assert page.problems == []
    page.context.close()


DIFFERS = """([chosen, other]) => {
  const look = (selector) => {
    const style = getComputedStyle(document.querySelector(selector));
    return [style.backgroundColor, style.borderColor, style.color].join();
  };
  return look(chosen) !== look(other);
}"""
"""Whether two elements look different where only the system's colours are drawn."""


@requirement("page.accessible")
def test_in_forced_colours_what_is_chosen_and_what_is_a_button_can_be_seen(opened):
    page, frame = opened, stage(opened)
    page.emulate_media(forced_colors="active")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert page.evaluate(DIFFERS, ["#persona [aria-checked=true]", "#persona [aria-checked=false]"])
    for button in ("#talk", "#stop", "#send", "#hands-free", "#chat .theirs"):
        expect(page.locator(button).first).to_have_css("border-top-style", "solid")
        expect(page.locator(button).first).to_have_css("border-top-width", "1px")
    frame.locator("#settings summary").click()
    for name in ("view", "backdrop", "captionSize"):
        pair = [f"[name={name}]:checked + span", f"[name={name}]:not(:checked) + span"]
        assert frame.evaluate(DIFFERS, pair), name
    canvas = frame.evaluate("(() => { document.body.style.color = 'Canvas'; return getComputedStyle(document.body).color; })()")
    assert frame.locator("#captions").evaluate("(box) => getComputedStyle(box).borderTopColor") == canvas, "no thick frame"
    page.keyboard.press("Escape")
    page.emulate_media(forced_colors="none")


@requirement("page.accessible")
def test_whatever_has_the_keyboard_shows_it(opened):
    page, frame = opened, stage(opened)
    ring = """() => {
      const at = document.activeElement;
      const seen = at.matches('.choices input, .file input') ? at.nextElementSibling : at;
      const { outlineStyle, outlineWidth } = getComputedStyle(seen);
      return [at.tagName, at.id || at.className || at.name, outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2];
    }"""
    page.locator("#engines summary").focus()
    where: list[list[object]] = []
    for _ in range(26):
        page.keyboard.press("Tab")
        at = page.evaluate(ring)
        where.append(frame.evaluate(ring) if at[0] == "IFRAME" else at)
        if at[0] == "IFRAME" and where[-1][0] == "SUMMARY":
            page.keyboard.press("Enter")
    assert [one for one in where if one[0] != "BODY" and not one[2]] == []
    frame.evaluate("document.getElementById('settings').open = false")
    assert {"TEXTAREA", "SUMMARY", "SELECT", "INPUT", "BUTTON"} <= {one[0] for one in where}, where


@requirement("page.keyboard")
def test_a_panel_closes_by_a_press_in_the_page_or_on_the_stage_and_by_esc(opened):
    page, frame = opened, stage(opened)
    frame.locator("#settings summary").click()
    expect(frame.locator("#settings form")).to_be_visible()
    page.locator(".wordmark").click()
    expect(frame.locator("#settings form")).to_be_hidden()
    page.locator("#engines summary").click()
    expect(page.locator(".engines-panel")).to_be_visible()
    frame.locator("#state").click()
    expect(page.locator(".engines-panel")).to_be_hidden()
    page.locator("#engines summary").click()
    page.locator(".engines-panel select").first.focus()
    page.keyboard.press("Escape")
    expect(page.locator(".engines-panel")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@requirement("stage.captions")
def test_captions_are_enlarged_and_switched_off(opened):
    frame = stage(opened)
    size = "parseFloat(getComputedStyle(document.getElementById('captions')).fontSize)"
    normal = frame.evaluate(size)
    frame.locator("#settings summary").click()
    frame.get_by_text("Very large").click()
    assert frame.evaluate(size) >= 1.7 * normal
    frame.get_by_text("Off", exact=True).click()
    expect(frame.locator("#captions")).to_have_css("opacity", "0")
    frame.get_by_text("Normal", exact=True).click()
    expect(frame.locator("#captions")).to_have_css("opacity", "1")
    opened.keyboard.press("Escape")


@requirement("page.readable")
def test_on_small_screens_everything_to_talk_with_is_in_sight(opened):
    broken = """() => [...document.querySelectorAll('.person-name')].filter((name) => {
      const range = document.createRange();
      const lines = (from, to) => {
        range.setStart(name.firstChild, from);
        range.setEnd(name.firstChild, to);
        return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
      };
      return [...name.textContent.matchAll(/\\S+/g)].some(({ 0: word, index }) => lines(index, index + word.length) > 1);
    }).map((name) => name.textContent)"""
    for width, height in ((844, 390), (667, 375), (820, 1180), (320, 568)):
        opened.set_viewport_size({"width": width, "height": height})
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        for name in ("talk", "hands-free", "stop", "clear", "say", "send", "file"):
            box = opened.locator(f"#{name}").bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width, (width, name)
            assert 40 <= box["height"] <= box["y"] + box["height"] <= height, (width, name)
        assert opened.locator("#stage").bounding_box()["height"] >= 240
        assert opened.locator("#say").bounding_box()["width"] >= 150
        assert opened.evaluate(broken) == [], width
    opened.set_viewport_size({"width": 1440, "height": 900})


@requirement("page.screen-reader", "page.right-to-left")
def test_a_reply_that_is_heard_is_not_read_out_as_well_and_its_buttons_have_names_of_their_own(opened):
    page = opened
    say(page, "Tell me about wolves.")
    answered(page)
    replies = page.locator("#chat .theirs")
    assert [reply.get_attribute("aria-live") for reply in replies.all()] == ["off", "off"]
    assert [who.inner_text() for who in page.locator("#chat .who").all()] == ["Dr. Maya Chen said:", "You said:", "Dr. Maya Chen said:"]
    names = [button.get_attribute("aria-label") for button in page.locator("#chat .actions button").all() if button.is_visible()]
    assert len(names) == len(set(names)) == 8
    assert "Replay: Hello, I'm Maya. Ask me about …" in names
    say(page, "مرحبا.")
    words = page.locator("#chat .mine .words").last
    expect(words).to_have_text("مرحبا.")
    assert words.evaluate("(words) => getComputedStyle(words).direction") == "rtl"
    page.locator("#say textarea").fill("مرحبا.")
    assert page.locator("#say textarea").evaluate("(box) => getComputedStyle(box).direction") == "rtl"
