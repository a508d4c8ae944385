"""Endings: every signal and a closed terminal end the app in the same way, in the midst of a turn, with nothing left behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks.attack._app import QUICK, end, verdict
from benchmarks.attack._stubs import Tab, tone
from engines.audio import to_wav
from engines.config.address import free_port
from engines.config.settings import PROJECT_ROOT

GOAL_S = 3.0
ENDINGS = ("SIGTERM", "SIGHUP", "SIGINT", "a closed terminal")


def _ended(how: str) -> tuple[float, int, int]:
    """Seconds until it was gone, processes and files that were left."""
    port = free_port("127.0.0.1", 7960)
    mine, theirs = pty.openpty()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT_ROOT / "tests" / "fixtures" / "quick_app.py"), "--no-browser", "--port", str(port)],
            cwd=PROJECT_ROOT,
            env={**os.environ, **QUICK, "VISAVIS_ISOLATE": "true", "TMPDIR": folder},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else runs here
        )
        os.close(theirs)
        said = b""
        while b"Visavis is at" not in said:
            said += os.read(mine, 4096)
        reading = threading.Thread(target=_drain, args=(mine,), daemon=True)
        reading.start()
        children = psutil.Process(process.pid).children(recursive=True)
        tab = Tab(f"http://127.0.0.1:{port}")
        tab.open()
        tab.send("utterance", to_wav(tone(20_000)), turn="t-1")
        began = time.perf_counter()
        if how == "a closed terminal":
            os.close(mine)
        else:
            process.send_signal(getattr(signal, how))
        process.wait(60)
        took_s = time.perf_counter() - began
        time.sleep(0.5)
        left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        return took_s, len(left), len(list(Path(folder).iterdir()))


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        return


def main() -> None:
    """One start for each."""
    held = []
    for how in ENDINGS:
        took_s, processes, files = _ended(how)
        said = f"endings: {how}: gone after {took_s:.1f} s, {processes} processes and {files} files left"
        held.append(verdict(said, holds=took_s <= GOAL_S and not processes and not files, goal="3 s, 0, 0"))
    end(*held)


if __name__ == "__main__":
    main()
