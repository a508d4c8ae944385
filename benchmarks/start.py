"""`python app.py` until its page answers, against a two-line Gradio app started the same way, in turn."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
ROUNDS = 5
PORTS = {"two lines": 7993, "visavis": 7994}
TWO_LINES = "import gradio as gr\ngr.Interface(str, 'text', 'text').launch(server_port=7993, quiet=True, ssr_mode=False)\n"
TARGET = 1.5


def main() -> None:
    """Print both medians and the ratio, pair by pair."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "two_lines.py"
        plain.write_text(TWO_LINES)
        commands = {
            "two lines": [sys.executable, str(plain)],
            "visavis": [sys.executable, str(HOUSE / "app.py"), "--no-browser", "--port", str(PORTS["visavis"])],
        }
        for name, command in commands.items():
            _seconds(command, PORTS[name])  # warm the disk cache; the first start also fetches the npm modules
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(_seconds(command, PORTS[name]))
    ratio = statistics.median(ours / theirs for ours, theirs in zip(times["visavis"], times["two lines"], strict=True))
    medians = ", ".join(f"{name} {statistics.median(values):.2f} s" for name, values in times.items())
    print(f"start: {medians}; ratio {ratio:.2f} (target: at most {TARGET})")


def _seconds(command: list[str], port: int) -> float:
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=HOUSE, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - begun
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None:
                    raise SystemExit(f"{command} ended with {process.returncode}") from None
                time.sleep(0.01)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
