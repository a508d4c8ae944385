"""What the tests of avatars of one's own share: a page with a person in 3-D, for whom files are dropped."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from browsing import stage, visit
from playwright.sync_api import Page

from avatar_assets import npm_modules
from benchmarks.stages import STUB_DRAWING

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
    if not npm_modules.installed():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = visit(browser, address, query="", script=STUB_DRAWING)  # here it matters what moves, not what a processor can draw
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    stage(page).wait_for_function("stageProbe.events.some(({ out }) => out?.face === '3d')", timeout=90_000)
    yield page
    assert page.problems == []
    page.context.close()
