"""The app under attack: as users start it, with quick engines, in a process of its own; and what every part says of its numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from engines.config.address import free_port
from engines.config.settings import PROJECT_ROOT

QUICK = {
    "VISAVIS_STT": "pocketsphinx",
    "VISAVIS_LLM": "scripted",
    "VISAVIS_TTS": "quick",
    "VISAVIS_ISOLATE": "false",
}
"""Engines that cost nothing, in the app's own process, so that its memory is all there is."""
MB = 2**20


@contextmanager
def running(*options: str, descriptors: int = 0, **environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start it, with so many file descriptors unless that is 0; gives its address without a slash at the end, and its process."""
    command = [sys.executable, str(PROJECT_ROOT / "tests" / "fixtures" / "quick_app.py"), "--no-browser"]
    command += ["--port", str(free_port("127.0.0.1", 7960)), *options]
    if descriptors:
        command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env={**os.environ, **QUICK, **environment}, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or ():
            if found := re.search(r"Visavis is at (\S+?)/?(\s|$)", line):
                yield found[1], psutil.Process(process.pid)
                break
        else:
            sys.exit("attack: the app did not start")
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def verdict(what: str, *, holds: bool, goal: str) -> bool:
    """Print a number beside its goal."""
    print(f"attack: {what} (goal: {goal}){'' if holds else ' MISSED'}", flush=True)
    return holds


def end(*held: bool) -> None:
    """End the part."""
    sys.exit(not all(held))
