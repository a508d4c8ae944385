"""Real models from the page, in a real Chromium: fetched behind the conversation, stopped, taken up again, changed over, set aside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import hub_server
import pytest
from browsing import QUICK, running
from fixtures import chromium as machine
from hub_server import Fault, Hub
from playwright.sync_api import Page, expect
from test_llm_transformers import make

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(240),
]
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def hub(tmp_path_factory) -> Iterator[Hub]:
    folder = make(tmp_path_factory.mktemp("qwen"))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with hub_server.running(Hub(files=files, faults={"model.safetensors": [Fault(pause_s=0.5), Fault()]})) as hub:
        yield hub


@pytest.fixture(scope="module")
def address(hub, tmp_path_factory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("hub")
    with running(HF_ENDPOINT=hub.endpoint, HF_HOME=str(home), HF_HUB_OFFLINE="0", **QUICK) as (url, _):
        yield url


@pytest.fixture
def page(browser, address) -> Iterator[Page]:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{address}?face=2d")
    page.wait_for_selector(".person")
    yield page
    page.context.close()


def ask(page: Page, text: str) -> str:
    """What the person answers, as it stands in the conversation."""
    answers = page.locator(".said.theirs")
    before = answers.count()
    page.fill("#say textarea, #say input", text)
    page.click("#send")
    expect(answers).to_have_count(before + 1, timeout=WAIT_MS)
    expect(answers.last.locator(".actions, .failure")).to_be_visible(timeout=WAIT_MS)
    return answers.last.locator(".words").inner_text()


def use(page: Page, engine: str, model: str = "") -> None:
    section = page.locator(".engines-stage[data-stage=llm]")
    section.locator("select").select_option(engine)
    if model:
        section.locator("input").fill(model)
    section.get_by_role("button", name="Use").click()


def test_a_model_is_fetched_behind_the_conversation_stopped_taken_up_again_and_used(page, hub):
    page.click("#engines summary")
    section = page.locator(".engines-stage[data-stage=llm]")
    use(page, "transformers", "some/model")
    progress = section.locator(".engine[data-state=downloading] em")
    expect(progress).to_have_text(re.compile(r"downloading \d+ %, \d+ MB of \d+ MB"), timeout=WAIT_MS)
    expect(section.get_by_role("progressbar")).to_be_visible()
    use(page, "scripted")
    expect(section.locator(".engines-question")).to_contain_text("Transformers is still being downloaded.")
    section.get_by_role("button", name="Keep it for later").click()
    expect(section.locator(".engine em")).to_have_text(re.compile(r"downloading \d+ %, .*, kept for later"), timeout=WAIT_MS)
    use(page, "transformers", "some/model")
    expect(section.locator(".engine em")).to_have_text(
        re.compile(r"downloading \d+ %, \d+ MB of \d+ MB from [\d.:]+(, \d+ s left)?$"), timeout=WAIT_MS
    )
    section.get_by_role("button", name="Cancel: Transformers").click()
    expect(section.get_by_role("button", name="Retry: Transformers")).to_be_visible(timeout=WAIT_MS)
    arrived = sum(request.sent for request in hub.asked("model.safetensors"))
    assert 0 < arrived < len(hub.files["model.safetensors"])
    page.keyboard.press("Escape")
    assert "whale" in ask(page, "Tell me about whales.").lower()

    page.click("#engines summary")
    section.get_by_role("button", name="Retry: Transformers").click()
    expect(section.locator(".engine").first.locator("b")).to_have_text("Transformers", timeout=WAIT_MS)
    expect(section.locator(".engine").first.locator("code")).to_have_text("some/model")
    assert hub.asked("model.safetensors")[-1].range, "the download began anew"
    page.keyboard.press("Escape")
    assert "humpback" not in ask(page, "Tell me about whales.").lower()

    page.click("#engines summary")
    use(page, "transformers", "nobody/nothing")
    aside = section.locator(".engine[data-state=failed]")
    expect(aside).to_contain_text("was set aside: ", timeout=WAIT_MS)
    expect(aside).to_contain_text("'nobody/nothing'")
    expect(aside.get_by_role("button", name="Retry: Transformers")).to_be_visible()
    expect(section.locator(".engine").first.locator("code")).to_have_text("some/model")
    use(page, "transformers", str(Path(__file__).parent))
    expect(section.locator(".problem")).to_contain_text("A folder can only be named where the app is started")
