"""Packed avatar files in a real Chromium: unpacked by three's own decoders, worn, or refused with a sentence."""

from __future__ import annotations

import base64
import io
import json
import struct

import numpy as np
import pytest
from browsing import LISTEN, answered, say, stage, visit
from fixtures import chromium as machine
from fixtures import packed_avatars
from fixtures.avatars import Avatar, pack_glb, read_accessor, split_glb
from fixtures.bad_avatars import PACKED
from fixtures.other_avatars import EXPECTED
from fixtures.own_avatar import drop_file, finding_codes
from PIL import Image
from playwright.sync_api import Page, expect
from requirements import requirement

from avatar_assets import npm_modules

pytestmark = [
    pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH; .ci/run installs Debian's"),
    pytest.mark.timeout(180),
]


@pytest.mark.parametrize("name", PACKED)
@requirement("avatar.packed")
def test_a_packed_file_is_unpacked_here_worn_and_speaks(own_avatar_page, address, name):
    frame = stage(own_avatar_page)
    data = PACKED[name][1]()
    own_avatar_page.asked.clear()
    drop_file(own_avatar_page, name, data)
    told = own_avatar_page.locator(".own-told")
    expect(told.locator("summary")).to_have_text(name)
    verdict, codes = EXPECTED[PACKED[name][0]]
    expect(told).to_have_attribute("data-verdict", verdict)
    assert codes <= finding_codes(own_avatar_page)
    expect(told.locator("[data-code^=packed]")).to_contain_text("The page unpacks it")
    frame.evaluate(LISTEN)
    say(own_avatar_page, "Hello there.")
    answered(own_avatar_page)
    seen = frame.evaluate("seen")
    assert seen["loudest"] > 0.01
    assert len([shape for shape, weight in seen["shapes"].items() if weight > 0.2]) >= 3
    assert all(url.startswith((address, f"blob:{address}", "data:")) for url in own_avatar_page.asked), "the decoders are ours"


OPEN = """async ([name, data]) => {
  const { loadAvatar } = await import('../avatar_file/load.mjs');
  const { report, bytes } = await loadAvatar(name, Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
  const reader = new FileReader();
  const read = new Promise((resolve) => (reader.onload = resolve));
  reader.readAsDataURL(new Blob([bytes ?? '']));
  await read;
  return { report, bytes: reader.result.split(',')[1] ?? '' };
}"""


def opened(page: Page, name: str, data: bytes) -> tuple[dict, bytes]:
    """What the page says of a file, and what it makes of it."""
    result = stage(page).evaluate(OPEN, [name, base64.b64encode(data).decode()])
    return result["report"], base64.b64decode(result["bytes"])


def corners(data: bytes) -> dict[str, np.ndarray]:
    """Where each mesh begins and ends, and how far each of its shapes goes, by its name."""
    described, numbers = split_glb(data)
    result = {}
    for mesh in described["meshes"]:
        names = mesh.get("extras", {}).get("targetNames", [])
        for number, part in enumerate(mesh["primitives"]):
            lists = [part["attributes"]["POSITION"], *(target["POSITION"] for target in part.get("targets", []))]
            for name, accessor in zip(["", *names], lists, strict=True):
                values = read_accessor(described, numbers, accessor)
                result[f"{mesh['name']} {number} {name}"] = np.array([values.min(0), values.max(0)])
    return result


@pytest.mark.parametrize("how", ["draco", "meshopt"])
def test_what_was_unpacked_is_what_was_packed(own_avatar_page, how):
    plain = Avatar().to_bytes()
    report, unpacked = opened(own_avatar_page, "mia.glb", packed_avatars.packed(plain, how))
    assert report["verdict"] == "ready"
    before, after = corners(plain), corners(unpacked)
    assert before.keys() == after.keys()
    assert len(before) > 100
    apart = max(float(np.abs(before[name] - after[name]).max()) for name in before)
    assert apart < 2e-3, "in m"
    described, _ = split_glb(unpacked)
    assert not {"KHR_draco_mesh_compression", "EXT_meshopt_compression"} & {*described["extensionsUsed"], *described["extensionsRequired"]}


def test_an_unpacked_picture_has_its_colour_and_its_transparency(own_avatar_page):
    _, unpacked = opened(own_avatar_page, "mia.glb", packed_avatars.with_ktx2(Avatar(), colour=(200, 40, 90, 128)).to_bytes())
    described, data = split_glb(unpacked)
    view = described["bufferViews"][described["images"][0]["bufferView"]]
    assert described["images"][0]["mimeType"] == "image/png"
    assert [texture["source"] for texture in described["textures"]] == list(range(len(described["images"])))
    picture = Image.open(io.BytesIO(data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]))
    assert picture.mode == "RGBA"
    assert picture.size == (8, 8)
    assert (np.asarray(picture) == (200, 40, 90, 128)).all()


def broken(how: str) -> bytes:
    """A packed file in which some of what is packed is something else, though all is described soundly."""
    if how == "ktx2":
        avatar = packed_avatars.with_ktx2(Avatar())
        at = bytes(avatar.bin).index(b"\xabKTX 20")
        struct.pack_into("<Q", avatar.bin, at + 80, 10**6)  # where its pixels are
        return avatar.to_bytes()
    data = bytearray(packed_avatars.packed(Avatar().to_bytes(), how))
    described, numbers = split_glb(bytes(data))
    if how == "draco":
        said = described["meshes"][0]["primitives"][0]["extensions"]["KHR_draco_mesh_compression"]
        place = described["bufferViews"][said["bufferView"]]
    else:
        place = next(view for view in described["bufferViews"] if "extensions" in view)["extensions"]["EXT_meshopt_compression"]
    begin = len(data) - len(numbers) + place["byteOffset"]
    for at in range(begin + place["byteLength"] // 3, begin + place["byteLength"]):
        data[at] ^= 0x5A
    return bytes(data)


@pytest.mark.parametrize("how", ["draco", "meshopt", "ktx2"])
def test_broken_packed_data_is_refused_with_a_sentence_and_the_person_stays(own_avatar_page, how):
    drop_file(own_avatar_page, "broken.glb", broken(how))
    expect(own_avatar_page.locator(".own-told")).to_have_attribute("data-verdict", "refused")
    assert finding_codes(own_avatar_page) == {"unpacked"}
    expect(own_avatar_page.locator(".own-told [data-code=unpacked]")).to_contain_text("what is packed is damaged")
    expect(own_avatar_page.locator(".own-hint")).to_contain_text("stays as before")
    assert stage(own_avatar_page).locator(".seat > :not(.waiting) canvas").count() == 1
    own_avatar_page.keyboard.press("Escape")


def test_draco_that_holds_more_than_it_says_is_refused(own_avatar_page):
    described, numbers = split_glb(packed_avatars.packed(Avatar().to_bytes(), "draco"))
    part = next(part for mesh in described["meshes"] for part in mesh["primitives"] if "targets" not in part)
    described["accessors"][part["indices"]]["count"] -= 3
    report, _ = opened(own_avatar_page, "more.glb", pack_glb(json.dumps(described).encode(), numbers))
    assert [(one["code"], one["text"]) for one in report["findings"]] == [
        ("damaged", "The file is damaged: what is packed is not what it says. Export it again.")
    ]


def test_decoders_that_do_not_come_are_told_of(browser, address):
    if not npm_modules.installed():
        pytest.skip("npm is not installed: there is no 3-D figure here")
    page = visit(browser, address, query="face=2d")
    page.route("**/libs/**", lambda route: route.abort())
    for how in ("draco", "meshopt"):
        report, _ = opened(page, "packed.glb", packed_avatars.packed(Avatar().to_bytes(), how))
        assert [one["code"] for one in report["findings"]] == ["unpacked"]
        assert "there may be no network" in report["findings"][0]["text"]
    page.context.close()
