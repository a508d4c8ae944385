"""The rooms behind the person are the page's, pixel for pixel, and a picture that is none is refused in a sentence."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from conftest import HOUSE
from fixtures import chromium as machine
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from avatar_assets.render import backdrop
from avatar_assets.render.backdrop import BACKDROPS, FIRST_BACKDROP, paint
from engines.errors import InputError

SOURCE = (HOUSE / "avatar_assets/web/stage/backdrop.mjs").read_text(encoding="utf-8")
SETTINGS = (HOUSE / "avatar_assets/web/stage/stage-settings.mjs").read_text(encoding="utf-8")
COLOUR = "#3a7f86"
PAINT = """async ([source, name, colour, dark, width, height]) => {
  const { paintBackdrop } = await import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  const canvas = new OffscreenCanvas(width, height);
  paintBackdrop(canvas.getContext('2d', { willReadFrequently: true }), { name, colour, dark, image: null });
  const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}"""
NAMES = """async (source) => {
  const { BACKDROPS, FIRST_BACKDROP } = await import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  return [Object.keys(BACKDROPS), FIRST_BACKDROP];
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if machine.PROGRAM is None:
        pytest.skip("no Chromium on the PATH; .ci/run installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=machine.PROGRAM, args=machine.QUIET)
        yield browser.new_page()
        browser.close()


def test_the_rooms_are_those_of_the_menu(page):
    names, first = page.evaluate(NAMES, SOURCE)
    assert [*BACKDROPS, "own"] == names
    assert first == FIRST_BACKDROP


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", BACKDROPS)
@pytest.mark.parametrize(("width", "height"), [(480, 360), (300, 420)])
def test_every_room_is_painted_as_the_browser_paints_it(page, name, dark, width, height):
    data = base64.b64decode(page.evaluate(PAINT, [SOURCE, name, COLOUR, dark, width, height]))
    theirs = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    ours = paint(name, COLOUR, dark=dark, width=width, height=height).astype(int)
    assert ours.shape == theirs.shape
    apart = np.abs(ours - theirs)
    assert apart.mean() < 2, "browsers smooth a little differently from version to version"
    assert np.percentile(apart, 99) < 12


def test_the_room_has_the_personas_colour_and_is_darker_in_the_dark():
    rooms = {dark: paint("plain", "#c2557e", dark=dark, width=64, height=64).astype(float).mean(axis=(0, 1)) for dark in (False, True)}
    assert rooms[True].max() < 100 < rooms[False].min()
    assert rooms[False][0] > rooms[False][1] + 10, "it is red"


def test_a_soft_gradient_has_no_bands():
    room = paint("plain", COLOUR, dark=True, width=256, height=256)
    steps = np.abs(np.diff(room[128].astype(int), axis=0))
    assert steps.max() <= 2
    assert np.count_nonzero(steps.any(axis=1)) > 50, "neighbouring shades are mixed pixel by pixel"


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "a.jpg"), ("PNG", "a.png"), ("WEBP", "a.webp")])
def test_the_middle_of_a_picture_fills_the_frame(tmp_path, kind, name):
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = (0, 255, 0)
    Image.fromarray(wide).save(tmp_path / name, kind)
    backdrop.check_picture(tmp_path / name)
    shown = backdrop.picture(tmp_path / name, width=64, height=64)
    assert shown.shape == (64, 64, 3)
    assert (shown[8:-8, 8:-8, 1] > 200).all()


def test_a_picture_stands_upright_and_what_is_clear_is_white(tmp_path):
    turned = Image.fromarray(np.repeat(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8), 8, axis=1).repeat(4, axis=0))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    shown = backdrop.picture(tmp_path / "turned.jpg", width=8, height=8)
    assert shown[0, 4, 2] > 200, "blue is on top"
    Image.new("RGBA", (9, 9), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (backdrop.picture(tmp_path / "clear.png", width=4, height=4) == 255).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "“a.jpg” is empty"),
        (b"<svg onload='alert(1)'/>", "no picture that can be read. Choose a JPEG, PNG or WebP"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "no picture that can be read"),
        (b"\x89PNG\r\n\x1a\n but no more", "no picture that can be read"),
        (b"\xff\xd8\xff\xe0 cut short", "no picture that can be read"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\0\xea\x60" * 2 + b"\x08\x02\0\0\0" + bytes(4), "picture"),
    ],
    ids=["empty", "svg", "gif", "png", "jpeg", "bomb"],
)
def test_what_is_no_picture_is_refused(tmp_path, data, words):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.jpg") as refused:
        backdrop.check_picture(tmp_path / "a.jpg")
    assert words in refused.value.message
    assert refused.value.code == "backdrop"


def test_pictures_that_are_cut_are_refused_wherever_the_cut_is(tmp_path):
    Image.effect_noise((64, 64), 90).convert("RGB").save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    for length in range(1, len(whole) - 20, len(whole) // 17):
        (tmp_path / "cut.png").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut.png"):
            backdrop.check_picture(tmp_path / "cut.png")


def test_a_picture_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"“no.jpg” cannot be read: No such file"):
        backdrop.check_picture(tmp_path / "no.jpg")


def test_a_picture_may_be_as_large_as_in_the_page(tmp_path, monkeypatch):
    assert f"const PICTURE_MAX_MB = {backdrop.PICTURE_MAX_MB};" in SETTINGS
    monkeypatch.setattr(backdrop, "PICTURE_MAX_MB", 0.0001)
    (tmp_path / "a.jpg").write_bytes(bytes(200))
    with pytest.raises(InputError, match="larger than"):
        backdrop.check_picture(tmp_path / "a.jpg")
