"""Photographs finished avatars in the real TalkingHead: `python -m avatar_assets.builder.portraits [NAME …]`.

Needs Playwright, a Chromium and the stage's npm modules (`npm ci` in avatar_assets). Writes avatars/NAME.png and
docs/visemes-NAME.png.
"""

import argparse
import io
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from math import atan, degrees
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Error, Page, sync_playwright

from avatar_assets.builder.head.visemes import SPOKEN, STRONGEST, USUAL
from avatar_assets.builder.person import names

ASSETS = Path(__file__).resolve().parent.parent
DOCS = ASSETS.parent / "docs"
PORTRAIT_SIZE, CELL, COLUMNS = 256, 240, 5
PORTRAIT_FOOT, PORTRAIT_DISTANCE = -0.228, 2.0
"""A portrait shows the person from this far below the eyes to just above the crown, from this far away (metres)."""
PORTRAIT = {
    "weights": {"mouthSmile": 0.42, "cheekSquintLeft": 0.3, "cheekSquintRight": 0.3, "eyeBlinkLeft": 0.04, "eyeBlinkRight": 0.04},
    "turn": [0.03, 0.16, 0.02],
}
CLOSE_UP, CLOSE_UP_FROM = -0.043, 1.75
"""Height of a close-up's middle above the eyes, and its distance, metres."""
SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking"]


class _Files(SimpleHTTPRequestHandler):
    """Serves the studio page, the avatars and the npm modules."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".glb": "model/gltf-binary"}  # noqa: RUF012
    roots: dict[str, Path] = {}  # noqa: RUF012

    def translate_path(self, path: str) -> str:
        """Maps /modules/…, /avatars/… and /studio/… to their folders."""
        name, _, rest = path.split("?", maxsplit=1)[0].lstrip("/").partition("/")
        target = (self.roots.get(name, Path("/nowhere")) / rest).resolve()
        return str(target if name in self.roots and target.is_relative_to(self.roots[name]) else Path("/nowhere"))

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def _serving(roots: dict[str, Path]) -> Iterator[str]:
    handler = type("Files", (_Files,), {"roots": {name: root.resolve() for name, root in roots.items()}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def studio(browser: Browser, modules: Path) -> Iterator[Callable[[str], AbstractContextManager[Page]]]:
    """Opens the studio in a browser; what it gives takes a person's name and opens a page with that person in it.

    Raises playwright's Error where the person does not appear.
    """
    roots = {"studio": Path(__file__).parent, "avatars": ASSETS / "avatars", "modules": modules}
    with _serving(roots) as address:

        @contextmanager
        def visit(name: str) -> Iterator[Page]:
            page = browser.new_page()
            page.goto(f"{address}/studio/studio.html?avatar={name}")
            page.wait_for_function("window.ready", timeout=60_000)
            yield page
            page.close()

        yield visit


def _resize(page: Page, size: int) -> None:
    """Gives the page its size and waits until the canvas has followed."""
    page.set_viewport_size({"width": size, "height": size})
    page.wait_for_function("size => document.querySelector('canvas').clientWidth === size", arg=size)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def _shot(page: Page, size: int, pose: dict[str, Any], transparent: bool) -> Image.Image:
    page.evaluate("pose => window.pose(pose)", pose)
    picture = page.screenshot(clip={"x": 0, "y": 0, "width": size, "height": size}, omit_background=transparent)
    return Image.open(io.BytesIO(picture))


def portrait(page: Page) -> Image.Image:
    """A friendly look, PORTRAIT_SIZE pixels square, on a transparent ground."""
    size = PORTRAIT_SIZE * 2
    _resize(page, size)
    foot = page.evaluate("eyes") + PORTRAIT_FOOT
    half = (page.evaluate("crown") + 0.012 - foot) / 2
    middle = foot + half
    angle = degrees(2 * atan(half / PORTRAIT_DISTANCE))
    camera = {"from": [0.0, middle + 0.02, PORTRAIT_DISTANCE], "at": [0.0, middle, 0.0], "angle": angle}
    picture = _shot(page, size, {**PORTRAIT, "camera": camera}, True)
    return picture.convert("RGBA").resize((PORTRAIT_SIZE, PORTRAIT_SIZE), Image.Resampling.LANCZOS)


def visemes(page: Page) -> dict[str, Image.Image]:
    """The face close up with every viseme, as strong as it is played: CELL pixels square each."""
    _resize(page, CELL)
    middle = page.evaluate("eyes") + CLOSE_UP
    camera = {"from": [0.14, middle + 0.01, CLOSE_UP_FROM], "at": [0.0, middle, 0.0], "angle": 7.6}
    poses = {name: {"weights": {f"viseme_{name}": STRONGEST.get(name, USUAL)}, "turn": [0.02, 0, 0], "camera": camera} for name in SPOKEN}
    return {name: _shot(page, CELL, pose, False).convert("RGB") for name, pose in poses.items()}


def contact_sheet(page: Page) -> Image.Image:
    """All visemes side by side, with their names."""
    sheet = Image.new("RGB", (CELL * COLUMNS, CELL * -(-len(SPOKEN) // COLUMNS)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (name, picture) in enumerate(visemes(page).items()):
        x, y = i % COLUMNS * CELL, i // COLUMNS * CELL
        sheet.paste(picture, (x, y))
        draw.rounded_rectangle((x + 5, y + 5, x + 33, y + 21), 5, fill="white")
        draw.text((x + 19, y + 13), name, fill="black", anchor="mm")
    return sheet


def main(arguments: list[str] | None = None) -> int:
    """Photographs the people named, or all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m avatar_assets.builder.portraits", description="Photographs the avatars.")
    parser.add_argument(
        "--modules", type=Path, default=ASSETS / "node_modules", metavar="FOLDER", help="npm modules (default: %(default)s)"
    )
    parser.add_argument("--chromium", default=shutil.which("chromium"), metavar="PROGRAM", help="Chromium (default: the one on PATH)")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"whom to photograph: {', '.join(names())} (default: all)")
    options = parser.parse_args(arguments)
    try:
        with (
            sync_playwright() as playwright,
            studio(playwright.chromium.launch(executable_path=options.chromium, args=SOFTWARE_GL), options.modules) as visit,
        ):
            for name in options.names or names():
                with visit(name) as page:
                    portrait(page).save(ASSETS / "avatars" / f"{name}.png", optimize=True)
                    contact_sheet(page).quantize(256, kmeans=2).save(DOCS / f"visemes-{name}.png", optimize=True)
    except Error as problem:
        print(f"The avatars could not be photographed: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
