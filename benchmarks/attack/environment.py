"""Environment faults at start: each lets the app work, or ends it with one sentence; never a traceback."""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.attack._app import QUICK, end, verdict
from engines.config.address import free_port
from engines.config.settings import PROJECT_ROOT

NOWHERE = "/proc/visavis"
"""A folder that not even root can make."""
LONGEST_S = 120
UNKNOWN = "import pwd; pwd.getpwuid = pwd.getpwnam = lambda _: {}[0]"
"""As on a machine whose list of users lacks this one."""
RUN = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
PROGRAM = str(PROJECT_ROOT / "tests" / "fixtures" / "quick_app.py")


@dataclass
class Fault:
    """One thing that is wrong with the machine."""

    environment: dict[str, str | None] = field(default_factory=dict)
    """None takes a variable away."""
    options: tuple[str, ...] = ()
    folder: str | None = None
    """Working directory."""
    before: Callable[[], object] | None = None
    """Is called in the process before it begins."""
    prelude: str = ""
    """Python that runs before the app does."""
    works: bool | None = None
    """Whether it must work; None: or end with a sentence."""


@contextmanager
def mute_proxy() -> Iterator[str]:
    """A proxy that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def faults(folder: Path, proxy: str) -> dict[str, Fault]:
    """All of them, by name; files that they need lie in `folder`."""
    pipe, people = folder / "pipe.yaml", folder / "people.yaml"
    os.mkfifo(pipe)
    people.write_text("maya: [\n")
    dead = "http://127.0.0.1:9"
    fewest = (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    return {
        "a proxy that is dead": Fault({"HTTP_PROXY": dead, "http_proxy": dead, "ALL_PROXY": dead, "NO_PROXY": None}, works=True),
        "a proxy that keeps silent": Fault({"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": None}, works=True),
        "GRADIO_TEMP_DIR that cannot be made": Fault({"GRADIO_TEMP_DIR": NOWHERE}, works=True),
        "TMPDIR that is not there": Fault({"TMPDIR": NOWHERE}, works=True),
        "no HOME": Fault({"HOME": None}, works=True),
        "a HOME that cannot be made, nor its caches": Fault(
            {"HOME": NOWHERE, "HF_HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "VISAVIS_WEIGHTS": NOWHERE}, works=True
        ),
        "an unknown user without HOME": Fault({"HOME": None, "USER": None, "LOGNAME": None}, prelude=UNKNOWN, works=True),
        "a journal in a folder that is not there": Fault({"VISAVIS_JOURNAL": f"{NOWHERE}/journal.jsonl"}, works=True),
        "256 file descriptors": Fault(before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, fewest), works=True),
        "a persona file that is a pipe": Fault({"VISAVIS_PERSONAS_FILE": str(pipe)}, works=False),
        "a persona file with a mistake": Fault({"VISAVIS_PERSONAS_FILE": str(people)}, works=False),
        "a profile that is a pipe": Fault(options=("--profile", str(pipe)), works=False),
        "--host ::1": Fault(options=("--host", "::1")),
        "a host that is not this machine's": Fault(options=("--host", "192.0.2.7"), works=False),
        "a working directory that cannot be written": Fault(folder="/proc", works=True),
        "no standard output and no standard input": Fault(before=lambda: (os.close(0), os.close(1)), works=True),
        "an encoding that knows ASCII only": Fault({"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}, works=True),
    }


def outcome(fault: Fault) -> tuple[bool, str]:
    """Whether it works, and what the app said last."""
    environment = {**os.environ, **QUICK, **fault.environment}
    port = free_port("127.0.0.1", 7960)
    log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed below
    process = subprocess.Popen(
        [sys.executable, "-c", f"{fault.prelude or 'pass'}; {RUN}", PROGRAM, "--no-browser", "--port", str(port), *fault.options],
        cwd=fault.folder or PROJECT_ROOT,
        env={name: value for name, value in environment.items() if value is not None},
        stdout=log,
        stderr=log,
        preexec_fn=fault.before,  # noqa: PLW1509 - nothing else runs here
    )
    timer = threading.Timer(LONGEST_S, process.kill)
    timer.start()
    try:
        while process.poll() is None and not _answers(port, fault.options):
            pass
        works = process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.wait(15)
    finally:
        timer.cancel()
        process.kill()
    log.seek(0)
    said = log.read()
    log.close()
    return works and "Traceback" not in said, said


def _answers(port: int, options: tuple[str, ...]) -> bool:
    host = "::1" if "::1" in options else "127.0.0.1"
    try:
        with socket.create_connection((host, port), 1) as connection:
            connection.settimeout(20)
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {'[::1]' if ':' in host else host}:{port}\r\n\r\n".encode())
            return connection.recv(12).endswith(b"200")
    except OSError:
        return bool(threading.Event().wait(0.2))


def main() -> None:
    """One start for each."""
    survived = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        wanted = sys.argv[1:]
        chosen = {name: fault for name, fault in faults(folder, stack.enter_context(mute_proxy())).items() if not wanted or name in wanted}
        for name, fault in chosen.items():
            works, said = outcome(fault)
            sentence = bool(re.search(r"^visavis: [^\n]+\.$", said, re.MULTILINE)) and "Traceback" not in said
            good = works if fault.works else sentence if fault.works is False else works or sentence
            survived += good
            print(f"attack: {name}: {'works' if works else 'ends with a sentence' if sentence else 'FAILS'}", flush=True)
            if not good:
                print(said[-1500:])
    end(verdict(f"environment faults: {survived} of {len(chosen)}", holds=survived == len(chosen), goal="all, 15 at least"))


if __name__ == "__main__":
    main()
