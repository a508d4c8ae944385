"""Bodies in a real Chromium: the three-dimensional person, and avatars of one's own, good ones and bad."""

from __future__ import annotations

import pytest
from browsing import LISTEN, answered, say, stage, visit
from conftest import HOUSE
from fixtures import chromium as machine
from fixtures.avatars import Avatar
from fixtures.bad_avatars import BAD
from fixtures.other_avatars import EXPECTED, OTHERS
from fixtures.own_avatar import drop_file, finding_codes
from playwright.sync_api import Page, expect
from requirements import requirement

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]


def assert_speaks(page: Page) -> None:
    """Sound is heard, and three mouth shapes are seen, the second or third time at the latest: a busy machine draws few frames."""
    stage(page).evaluate(LISTEN)
    for _ in range(3):
        say(page, "Tell me about whales.")
        answered(page)
        seen = stage(page).evaluate("seen")
        shapes = [name for name, weight in seen["shapes"].items() if name != "sil" and weight > 0.2]
        if len(shapes) >= 3:
            break
    assert seen["loudest"] > 0.01
    assert len(shapes) >= 3


@requirement("page.spoken-loop")
def test_the_three_dimensional_person_speaks(browser, address):
    if not (HOUSE / "avatar_assets" / "node_modules").is_dir():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = visit(browser, address, query="")
    frame = stage(page)
    frame.wait_for_function("document.querySelector('canvas')", timeout=90_000)
    frame.wait_for_function("window.stageProbe?.events.some(({ out }) => out?.face === '3d')", timeout=90_000)
    assert_speaks(page)
    assert page.problems == []
    page.context.close()


@pytest.mark.parametrize("name", ["arkit.glb", "axes.glb", "armless.glb", "vowels.glb", "old.vrm", "new.vrm"])
@requirement("avatar.own", "avatar.mended")
def test_an_avatar_of_ones_own_is_dropped_mended_worn_and_speaks(own_avatar_page, address, name):
    frame = stage(own_avatar_page)
    data = OTHERS[name]().to_bytes()
    own_avatar_page.asked.clear()
    drop_file(own_avatar_page, name, data, "stage" if name.endswith("vrm") else "page")
    told = own_avatar_page.locator(".own-told")
    expect(told.locator("summary")).to_have_text(name)
    expect(told).to_have_attribute("data-verdict", EXPECTED[name][0])
    assert EXPECTED[name][1] <= finding_codes(own_avatar_page)
    expect(told.locator(".own-hint")).to_contain_text("not uploaded")
    assert_speaks(own_avatar_page)
    assert frame.locator(".seat > :not(.waiting) canvas").count() == 1
    assert all(url.startswith((address, "blob:", "data:")) for url in own_avatar_page.asked)
    assert not [url for url in own_avatar_page.asked if "upload" in url]


@pytest.mark.parametrize("name", ["a ZIP archive", "a buffer elsewhere", "a VRM without arms"])
@requirement("avatar.refused")
def test_a_bad_file_is_refused_with_a_sentence_and_the_person_stays(own_avatar_page, name):
    frame = stage(own_avatar_page)
    frame.evaluate("() => { stageProbe.events.length = 0 }")
    own_avatar_page.asked.clear()
    drop_file(own_avatar_page, "<img src=x onerror=alert(1)>.glb", BAD[name][1]())
    expect(own_avatar_page.locator(".own-told")).to_have_attribute("data-verdict", "refused")
    assert finding_codes(own_avatar_page) == {BAD[name][0]}, own_avatar_page.locator(".own-told").inner_text()
    expect(own_avatar_page.locator(".own-hint")).to_contain_text("stays as before")
    assert own_avatar_page.locator(".own-told img").count() == 0
    assert not frame.evaluate("stageProbe.events.filter(({ out }) => out?.type === 'face')")
    assert frame.locator(".seat > :not(.waiting) canvas").count() == 1
    assert not [url for url in own_avatar_page.asked if "example.invalid" in url]
    own_avatar_page.keyboard.press("Escape")


def test_names_that_look_like_scripts_are_text(own_avatar_page):
    avatar = Avatar()
    avatar.json["nodes"][-1]["name"] = "<img src=x onerror=window.hacked=1>"
    avatar.json["materials"][0]["name"] = "javascript:window.hacked=1"
    drop_file(own_avatar_page, "mia.glb", avatar.to_bytes())
    expect(own_avatar_page.locator(".own-told [data-code=markup]")).to_contain_text("<img src=x")
    assert own_avatar_page.evaluate("window.hacked") is None
    assert stage(own_avatar_page).evaluate("window.hacked") is None


@requirement("avatar.private")
def test_the_own_body_comes_back_and_is_kept_per_persona_until_then(own_avatar_page, browser, address):
    frame = stage(own_avatar_page)
    drop_file(own_avatar_page, "old.vrm", OTHERS["old.vrm"]().to_bytes())
    expect(own_avatar_page.locator(".own-told summary")).to_have_text("old.vrm")
    expect(own_avatar_page.locator(".own-back")).to_be_visible()
    other = visit(browser, address, query="face=2d")
    assert other.locator(".own-told").is_hidden(), "another visitor does not see it"
    drop_file(other, "new.vrm", OTHERS["new.vrm"]().to_bytes())
    expect(other.locator(".own-told [data-code=no_3d]")).to_be_visible()
    other.context.close()
    own_avatar_page.locator("#persona [data-id=sam]").click()
    expect(own_avatar_page.locator("#persona [aria-checked=true]")).to_have_attribute("data-id", "sam")
    expect(own_avatar_page.locator(".own-told")).to_be_hidden()
    answered(own_avatar_page)
    own_avatar_page.locator("#persona [data-id=maya]").click()
    expect(own_avatar_page.locator(".own-told summary")).to_have_text("old.vrm")
    answered(own_avatar_page)
    own_avatar_page.locator(".own-told summary").click()
    own_avatar_page.locator(".own-back").click()
    expect(own_avatar_page.locator(".own-told")).to_be_hidden()
    frame.wait_for_function("document.querySelectorAll('.seat > div')[1].classList.contains('waiting')")


@requirement("avatar.failing")
def test_a_dropped_body_that_fails_while_it_is_drawn_costs_only_itself(own_avatar_page):
    frame = stage(own_avatar_page)
    drop_file(own_avatar_page, "arkit.glb", OTHERS["arkit.glb"]().to_bytes())
    expect(own_avatar_page.locator(".own-told summary")).to_have_text("arkit.glb")
    expect(own_avatar_page.locator(".own-back")).to_be_visible()
    own_avatar_page.keyboard.press("Escape")
    frame.evaluate("""() => {
      const draw = WebGL2RenderingContext.prototype.clear;
      WebGL2RenderingContext.prototype.clear = () => {
        WebGL2RenderingContext.prototype.clear = draw;
        throw new Error('the drawing broke');
      };
    }""")
    expect(own_avatar_page.locator(".own-told [data-code=unshown]")).to_contain_text("the drawing broke")
    frame.wait_for_timeout(1000)
    assert frame.locator(".seat > :not(.waiting) canvas").count() == 1
    say(own_avatar_page, "Hello there.")
    assert answered(own_avatar_page)


@requirement("avatar.folder")
def test_a_file_in_the_folder_of_avatars_is_named_by_its_stem(own_avatar_page):
    frame = stage(own_avatar_page)
    own_avatar_page.locator("#persona [data-id=guest]").click()
    expect(own_avatar_page.locator(".own-told summary")).to_have_text("guest.vrm")
    expect(own_avatar_page.locator(".own-told")).to_have_attribute("data-verdict", "mended")
    own_avatar_page.locator("#persona [data-id=broken]").click()
    expect(frame.locator("#notice")).to_contain_text("ZIP archive")
    answered(own_avatar_page)
