"""The headless browser that films are made in: the machine's own Chrome, Chromium or Edge, found and run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engines.errors import EngineError, InputError

_COMMANDS = (
    "google-chrome google-chrome-stable chromium chromium-browser microsoft-edge microsoft-edge-stable chrome msedge brave-browser".split()
)
"""Names on the PATH, in the order in which they are looked for."""
_MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "Brave Browser.app/Contents/MacOS/Brave Browser",
)
"""Below ``/Applications`` or the user's own."""
_WINDOWS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
    "BraveSoftware/Brave-Browser/Application/brave.exe",
)
"""Below the folders of programs."""
_FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-dev-shm-usage",  # containers give little of it
    "--enable-unsafe-swiftshader",  # the processor draws where there is no graphics card; only our own pages are opened
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--force-device-scale-factor=1",
    "--window-size=1280,1280",
)
_LINUX_CARD_FLAGS = ("--use-angle=gl-egl", "--ignore-gpu-blocklist")
"""A card's own OpenGL hands pictures to the encoder three times as fast as Vulkan, the first choice without a screen (H200)."""
_LINUX_CARDS = ("nvidia0", "dri/renderD*")
"""Below ``/dev``."""
_END_S = 5.0


def find_browser(asked: str | None = None, platform: str = sys.platform) -> str:
    """The program of a browser that can make films.

    Args:
        asked: a path or a name on the PATH; None looks for the usual ones.
        platform: as `sys.platform`.

    Raises:
        InputError: code ``no_browser``: there is none.
    """
    if asked is not None:
        if found := shutil.which(asked):
            return found
        raise InputError(f"There is no browser {asked}; give the program of Chrome, Chromium or Edge with --browser.", code="no_browser")
    for name in _COMMANDS:
        if found := shutil.which(name):
            return found
    for path in _places(platform):
        if path.is_file():
            return str(path)
    raise InputError(
        "A film needs Chrome, Chromium or Edge, and none was found; install one, or say where it is with --browser.", code="no_browser"
    )


def flags(platform: str = sys.platform, devices: Path = Path("/dev")) -> tuple[str, ...]:
    """The browser's command line.

    Args:
        platform: as `sys.platform`.
        devices: where Linux shows its graphics cards.
    """
    has_card = platform == "linux" and any(next(devices.glob(card), None) for card in _LINUX_CARDS)
    return (*_FLAGS, *_LINUX_CARD_FLAGS) if has_card else _FLAGS


def _places(platform: str) -> list[Path]:
    if platform == "darwin":
        return [folder / name for folder in (Path("/Applications"), Path.home() / "Applications") for name in _MAC]
    if platform == "win32":
        drive = Path(Path.home().anchor)
        folders = (drive / "Program Files", drive / "Program Files (x86)", Path.home() / "AppData" / "Local")
        return [folder / name for folder in folders for name in _WINDOWS]
    return []


class Headless:
    """A browser without a window that shows one page; see `headless`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def require_running(self) -> None:
        """Nothing, while it runs.

        Raises:
            EngineError: code ``browser``: it has ended; the message holds its last words.
        """
        if self._process.poll() is not None:
            lines = [line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
            why = f": {lines[-1].strip()[:300]}" if lines else ""
            raise EngineError(f"The browser ended with status {self._process.returncode} before the film was made{why}", code="browser")


@contextlib.contextmanager
def headless(program: str, address: str) -> Iterator[Headless]:
    """Open an address in a browser of its own profile, which is ended, with all its processes, when the block is left.

    Raises:
        EngineError: code ``browser``: it cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="visavis-film-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "browser.log"
        command = [program, *flags(), f"--user-data-dir={Path(folder) / 'profile'}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium does not start as root otherwise
        with log.open("wb") as errors:
            try:
                process = subprocess.Popen(  # noqa: S603 - a browser that was found, and our own page
                    [*command, address],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:
                raise EngineError(f"The browser {program} could not be started: {error.strerror or error}.", code="browser") from error
        try:
            yield Headless(process, log)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Politely, then not; its helpers are in its own session."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait()
