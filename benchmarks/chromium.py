"""The browser that tests, benchmarks and pictures drive: where it is, and how it is started without a screen, a GPU or a network."""

from __future__ import annotations

import shutil

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""Path of Debian's Chromium, or of another; None where there is none."""

QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Nothing is fetched in the background, nothing is asked."""
AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
SOFTWARE_GL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""WebGL drawn by the processor."""
FAKE_MICROPHONE = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
"""A microphone that nobody has to allow; ``--use-file-for-fake-audio-capture=FILE`` is what it hears."""
