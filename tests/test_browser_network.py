"""Connections that break, stall, end or are closed, in a real Chromium: nothing is lost, nothing is said twice, and the user is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browsing import QUICK, answered, running, say, stage, visit
from fixtures import chromium as machine
from network import Network, between
from playwright.sync_api import Page, expect
from requirements import requirement

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]
HEARD = "stageProbe.events.filter(({ out }) => out?.type === 'started').map(({ out }) => `${out.turn} ${out.index}`)"
"""The segments that were heard, in order."""


@pytest.fixture(scope="module")
def network(address) -> Iterator[Network]:
    with between(address) as network:
        yield network


@pytest.fixture(scope="module")
def far(browser, network) -> Iterator[Page]:
    """A page on the other side of the network, with somebody who speaks slowly."""
    page = visit(browser, network.address)
    page.locator("#persona [data-id=tess]").click()
    expect(page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "tess")
    answered(page)
    yield page
    assert page.problems == []
    page.context.close()


def ends_well(page: Page) -> None:
    """The answer was heard to its end, every piece of it once."""
    assert answered(page).count("One two three") == 2
    heard = stage(page).evaluate(HEARD)
    assert len(heard) == len(set(heard))


@requirement("stream.resume")
def test_a_connection_that_breaks_in_the_middle_of_an_answer_loses_nothing(far, network):
    say(far, "Count.")
    expect(far.locator("#status")).to_have_attribute("data-state", "speaking")
    network.cut()
    far.wait_for_timeout(200)
    network.mend()
    ends_well(far)


@requirement("stream.resume")
def test_a_message_that_was_sent_while_the_network_was_away_arrives_once(far, network):
    network.cut()
    say(far, "Count.")
    expect(far.locator("#status")).to_contain_text("does not answer")
    network.mend()
    ends_well(far)


def test_a_network_that_stalls_for_three_seconds_is_waited_for(far, network):
    network.stall()
    say(far, "Count.")
    far.wait_for_timeout(3000)
    expect(far.locator("#status")).to_have_attribute("data-state", "thinking")
    network.flow()
    ends_well(far)


def test_a_page_that_is_loaded_again_begins_anew(page):
    say(page, "My name is Ana.")
    answered(page)
    page.reload()
    expect(page.locator("#chat .theirs")).to_have_count(1)
    expect(page.locator("#chat .mine")).to_have_count(0)
    say(page, "What is my name?")
    assert "Ana" not in answered(page)


def test_an_app_that_has_gone_is_told_and_another_one_greets_anew(far, network, people):
    network.cut()
    expect(far.locator("#status")).to_contain_text("does not answer")
    with running(VISAVIS_PERSONAS_FILE=str(people), **QUICK) as (address, _):
        network.lead_to(address)
        expect(far.locator("#chat .mine")).to_have_count(0)
        expect(far.locator("#chat .theirs")).to_have_count(1)
        say(far, "Hello.")
        assert answered(far)


STORAGE_BLOCKED = """(() => {
  const refuse = () => { throw new DOMException('The user has blocked this.', 'SecurityError'); };
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'BroadcastChannel'])
    Object.defineProperty(window, name, { get: refuse });
  Object.defineProperty(Document.prototype, 'cookie', { get: () => '', set: () => {} });
})()"""
"""What browsers do to a page inside another one where third-party storage is blocked."""


@requirement("stream.inside-another-page")
def test_it_works_inside_a_page_of_another_site_as_a_space_is_shown_where_storage_is_blocked(browser, address, tmp_path):
    shown = f'<iframe src="{address}?face=2d" allow="autoplay; microphone" style="width: 100%; height: 850px"></iframe>'
    (tmp_path / "index.html").write_text(shown)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as outside:
        threading.Thread(target=outside.serve_forever, daemon=True).start()
        context = browser.new_context(viewport={"width": 1280, "height": 900}, permissions=["microphone"])
        context.add_init_script(STORAGE_BLOCKED)
        page, problems = context.new_page(), []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://localhost:{outside.server_port}/")  # which is another site than 127.0.0.1
        inside = page.frame_locator("iframe")
        expect(inside.locator("#chat .theirs")).to_have_count(1)
        inside.locator("#say textarea").fill("Hello.")
        inside.locator("#send").click()
        expect(inside.locator("#chat .theirs .actions")).to_have_count(2)
        inside.locator("#talk").hover()
        page.mouse.down()
        expect(inside.locator("#status")).to_have_attribute("data-state", "listening")
        page.wait_for_timeout(800)
        page.mouse.up()
        expect(inside.locator("#chat .theirs")).to_have_count(3)
        inside.locator("#hands-free").click()
        expect(inside.locator("#hands-free")).to_have_attribute("aria-checked", "true")
        inside.locator("#hands-free").click()
        assert problems == []
        context.close()
        outside.shutdown()
