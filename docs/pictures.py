"""The README's pictures, taken from the running app: `python -m docs.pictures`; looked at before they are committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.fixtures import chromium

HERE = Path(__file__).resolve().parent
PICTURES = {
    "page-light": {"size": (1280, 800), "scheme": "light", "query": "", "who": "maya", "say": "Tell me about wolves."},
    "page-dark": {"size": (1280, 800), "scheme": "dark", "query": "", "who": "sam", "say": "Why is the sky blue?"},
    "page-phone": {"size": (390, 844), "scheme": "light", "query": "", "who": "alex", "say": "How are you?"},
    "page-2d": {"size": (1280, 800), "scheme": "light", "query": "face=2d", "who": "captain", "say": "What can you see from up there?"},
}
LOADED_MS, INTO_THE_ANSWER_MS = 15_000, 3_000
"""A computer without a GPU needs some time until the figure is drawn."""
AS_WITH_A_GRAPHICS_CARD = """
  const { getExtension } = WebGL2RenderingContext.prototype;
  WebGL2RenderingContext.prototype.getExtension = function (name) {
    return name === 'WEBGL_debug_renderer_info' ? null : getExtension.call(this, name);
  };
  const { requestAnimationFrame: request } = window;
  let [real, told] = [0, 0];
  window.requestAnimationFrame = (callback) => request((time) => {
    if (time !== real) [real, told] = [time, told + 1000 / 60];
    callback(told);
  });
"""
"""The stage does not see that a processor draws, and how long it takes: the pictures show what most people see."""
EMBEDDED = ["--stt", "pocketsphinx", "--llm", "scripted", "--tts", "espeak_ng"]
"""The pictures show what everybody sees first, whatever else is installed here."""


def main() -> None:
    """Start the app, take each picture in the middle of an answer."""
    command = [sys.executable, "app.py", "--no-browser", *EMBEDDED, "--port", "7980"]
    app = subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True)
    try:
        address = next(found[1] for line in app.stdout or () if (found := re.search(r"Visavis is at (\S+)", line)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium.PROGRAM, args=[*chromium.QUIET, *chromium.SOFTWARE_GL, chromium.AUTOPLAY]
            )
            for name in sys.argv[1:] or PICTURES:
                take(browser, address, name)
            browser.close()
    finally:
        app.terminate()
        app.wait()


def take(browser: Browser, address: str, name: str) -> None:
    """One picture into this folder."""
    picture = PICTURES[name]
    width, height = picture["size"]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=picture["scheme"])
    page.add_init_script(AS_WITH_A_GRAPHICS_CARD)
    page.goto(f"{address}?{picture['query']}")
    page.wait_for_timeout(LOADED_MS)
    card = page.locator(f"#persona [data-id={picture['who']}]")
    if card.get_attribute("aria-checked") != "true":
        card.click()
        page.wait_for_timeout(LOADED_MS)
    page.locator("#say textarea").fill(picture["say"])
    page.locator("#send").click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(INTO_THE_ANSWER_MS)
    page.screenshot(path=HERE / f"{name}.png")
    page.close()


if __name__ == "__main__":
    main()
