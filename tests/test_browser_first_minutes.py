"""The first minutes with the page: a greeting that waits for its body, what to say, files dropped on it, a way back to 3-D."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from browsing import answered, stage, visit
from conftest import tone
from fixtures import chromium as machine
from fixtures.browser import STUB_DRAWING
from playwright.sync_api import Page, Route, expect
from requirements import requirement

from avatar_assets import npm_modules
from engines.audio import to_wav

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]

BODIES = """() => {
  window.twice = [];
  window.came = null;
  const seen = (selector) => [...document.querySelectorAll(selector)].some((one) => getComputedStyle(one).visibility !== 'hidden');
  const look = () => {
    const bodies = [seen('.seat .poster'), seen('.seat svg'), seen('.seat > div > canvas')];
    if (bodies.filter(Boolean).length > 1) twice.push(bodies.join());
    if (bodies[2]) came ??= performance.now();
    requestAnimationFrame(look);
  };
  look();
}"""
"""Notes every moment with more than one body in the seat, and when the one in 3-D came."""
DRAG = """([types, name, type, data]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
  for (const kind of types) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def opened(browser, address) -> Iterator[Page]:
    """One page, whose greeting has been heard."""
    page = visit(browser, address)
    answered(page)
    yield page
    assert page.problems == []
    page.context.close()


@requirement("stage.one-body")
def test_the_greeting_waits_for_its_body_and_nobody_changes_while_they_speak(browser, address):
    if not npm_modules.installed():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(STUB_DRAWING)
    held: list[Route] = []
    page.route("**/avatars/*.glb", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks the function it is given
    page.goto(f"{address}?debug=1")
    frame = stage(page)
    frame.evaluate(BODIES)
    expect(frame.locator(".seat .poster")).to_be_visible()
    assert frame.evaluate("stageProbe.events.filter((one) => one.in === 'segment')") == []
    expect(page.locator("#status")).to_have_attribute("data-state", "speaking")  # after three seconds
    expect(frame.locator(".seat svg")).to_be_visible()
    for route in held:
        route.continue_()
    answered(page)
    expect(frame.locator(".seat svg")).to_have_count(0)
    expect(frame.locator(".seat > :not(.waiting) canvas")).to_be_visible()
    finished = frame.evaluate("stageProbe.events.find(({ out }) => out?.type === 'finished').at")
    assert frame.evaluate("came") >= finished
    assert frame.evaluate("twice") == []

    frame.evaluate("document.querySelector('.seat canvas').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()")
    expect(frame.locator(".seat svg")).to_be_visible()
    expect(frame.locator("#notice")).to_contain_text("3-D stopped working")
    frame.locator("#settings summary").click()
    page.unroute("**/avatars/*.glb")
    frame.get_by_text("Try 3-D again").click()
    expect(frame.locator(".seat > :not(.waiting) canvas")).to_be_visible()
    expect(frame.locator(".seat svg")).to_have_count(0)
    expect(frame.get_by_text("Try 3-D again")).to_be_hidden()
    page.context.close()


@requirement("page.first-words")
def test_it_says_how_to_talk_and_what_to_ask_until_something_was_said(opened):
    page = opened
    expect(page.locator("#beginning")).to_contain_text("space bar")
    page.locator("#beginning button", has_text="wolves").click()
    expect(page.locator("#chat .mine .words")).to_have_text("wolves?")
    expect(page.locator("#beginning")).to_be_hidden()
    assert "wol" in answered(page).lower()


@requirement("persona.remembered")
def test_whom_one_chose_comes_back_with_the_page(page):
    page.locator("#persona [data-id=captain]").click()
    expect(page.locator("#chat .who")).to_have_text(["Captain Alex said: "])
    page.reload()
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "captain")
    answered(page)
    assert stage(page).locator("svg[role=img]").get_attribute("aria-label") == "Captain Alex"
    assert page.locator("#chat .who").first.inner_text() == "Captain Alex said:"


@requirement("page.drop")
def test_a_dropped_file_goes_where_its_kind_belongs(opened):
    page, said = opened, opened.locator("#chat .mine").count()
    sound = base64.b64encode(to_wav(tone(800))).decode()
    page.evaluate(DRAG, [["dragenter"], "question.wav", "audio/wav", sound])
    expect(page.locator(".own-drop")).to_contain_text("Drop the sound")
    page.evaluate(DRAG, [["drop"], "question.wav", "audio/wav", sound])
    expect(page.locator("#chat .mine")).to_have_count(said + 1)
    expect(page.locator(".own-drop")).to_be_hidden()
    page.evaluate(DRAG, [["dragenter", "drop"], "room.png", "image/png", base64.b64encode(b"no picture").decode()])
    expect(stage(page).locator(".refusal")).to_contain_text("“room.png” is no picture")


def test_a_stage_that_cannot_be_loaded_is_told_of(browser, address):
    page = browser.new_context().new_page()
    page.clock.install()
    page.route("**/stage/stage.mjs", lambda route: route.abort())
    page.goto(address)
    expect(page.locator("#chat .theirs")).to_have_count(1)
    page.clock.fast_forward(21_000)
    expect(page.locator("#status")).to_contain_text("Reload the page")
    page.context.close()
