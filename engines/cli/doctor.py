"""Doctor: look over this machine and say what is missing, and which command mends it.

Every check yields findings; nothing is changed, nothing is downloaded. The exit status is 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from engines.config.address import is_free, is_loopback
from engines.config.personas import load_personas
from engines.config.settings import PROJECT_ROOT, Settings, load_settings
from engines.errors import EngineError
from engines.registry.discovery import EngineOption
from engines.registry.registry import Registry
from engines.types import STAGES, EngineInfo, Finding, Stage
from engines.weights import hardware, store
from engines.weights.recommended import language_model

_OLDEST_PYTHON = (3, 11)
_LITTLE_MEMORY_GB = 4
_LITTLE_SPACE_GB = 5
"""Whisper, Kokoro and a small language model together take about 3 GB."""
_PROBE_S = 60
_PROBE = "import importlib, sys; engine = importlib.import_module(sys.argv[1]); engine.load(engine.Options(), 'cpu', None)"
_MARKS = {"ok": "✓", "hint": "·", "wrong": "✗"}


Check = Callable[[Settings], Iterable[Finding]]
"""Looks at something that this package knows nothing of, such as the stage's files; given by whoever starts the command line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--profile FILE``, ``--json``."""
    parser.add_argument("--profile", type=Path, metavar="FILE", help="look with the settings of this file")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print every finding."""
    findings = []
    for finding in examine(load_settings(arguments.profile), arguments.checks):
        findings.append(finding)
        if not arguments.json:
            print(f"{_MARKS[finding.state]} {finding.what}: {finding.detail}", flush=True)
            if finding.mend:
                print(f"    {finding.mend}")
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    return int(any(finding.state == "wrong" for finding in findings))


def examine(settings: Settings, checks: Sequence[Check] = ()) -> Iterator[Finding]:
    """Everything there is to look at, in the order in which one would mend it; `checks` come after the people."""
    yield _python()
    yield _memory()
    yield _disk()
    yield from _personas(settings)
    for check in checks:
        yield from check(settings)
    yield from _address(settings)
    registry = Registry(settings)
    try:
        registry.check()
    except EngineError as error:
        yield Finding("settings", "wrong", error.message)
        return
    for stage in STAGES:
        for offer in registry.options(stage):
            yield _engine(registry, settings, stage, offer)


def _python() -> Finding:
    version, where = platform.python_version(), f"{platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("Python", "wrong", f"{version} is too old.", "install Python 3.11 or newer, then: pip install -r requirements.txt")
    return Finding("Python", "ok", f"{version} on {where}.")


def _memory() -> Finding:
    memory = hardware.memory_gb()
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    model = language_model("mlx" if apple else "gguf", memory)
    if memory < _LITTLE_MEMORY_GB:
        return Finding("memory", "hint", f"{memory:.1f} GB: the embedded engines fit, larger models do not.")
    return Finding("memory", "ok", f"{memory:.0f} GB, which suits {model}.")


def _disk() -> Finding:
    from huggingface_hub import constants  # noqa: PLC0415 - heavy

    folder = Path(constants.HF_HUB_CACHE)
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free / 2**30
    detail = f"{free:.0f} GB are free where models are kept ({folder})."
    if free < _LITTLE_SPACE_GB:
        return Finding("disk", "hint", f"{detail} Models for all three stages need about 3 GB.", "hf cache prune")
    return Finding("disk", "ok", detail)


def _personas(settings: Settings) -> Iterator[Finding]:
    try:
        people = load_personas(settings.personas_file)
    except EngineError as error:
        yield Finding("people", "wrong", error.message)
        return
    yield Finding("people", "ok", f"{', '.join(person.name for person in people.values())}.")


def _address(settings: Settings) -> Iterator[Finding]:
    where = f"{settings.host}:{settings.port}"
    try:
        if is_free(settings.host, settings.port):
            yield Finding("port", "ok", f"{where} is free.")
        else:
            yield Finding("port", "hint", f"{where} is taken; the app takes the next free one.", "python app.py --port NUMBER")
    except OSError as error:
        yield Finding(
            "port", "wrong", f"{settings.host} is no address of this machine ({error.strerror}).", "python app.py --host 127.0.0.1"
        )
    if is_loopback(settings.host):
        yield Finding("microphone", "ok", "browsers on this machine may use it at this address.")
    else:
        rule = "browsers on other machines may use theirs over HTTPS only."
        yield Finding("microphone", "hint", rule, "python app.py --share, or a proxy with a certificate in front")


def _engine(registry: Registry, settings: Settings, stage: Stage, offer: EngineOption) -> Finding:
    info, what = offer.info, f"{stage} {offer.info.name}"
    if offer.state.name == "needs":
        return Finding(what, "hint", f"{info.title} is not installed.", offer.state.detail)
    if offer.state.name == "unfit":
        return Finding(what, "hint", f"{info.title} {offer.state.detail}.")
    if info.embedded:
        return _probed(what, stage, info)
    try:
        files = registry.files(stage, info.name)
        if files is None:
            return Finding(what, "ok", f"{info.title} is installed; it works with a server that you name.")
        if store.find(files, settings.weights):
            return Finding(what, "ok", f"{info.title} is installed, and its model {files.name} is here.")
    except EngineError as error:
        return Finding(what, "wrong", error.message)
    detail = f"{info.title} is installed; its model {files.name} is fetched when it is first used."
    return Finding(what, "hint", detail, f"python -m engines fetch {info.name}")


def _probed(what: str, stage: Stage, info: EngineInfo) -> Finding:
    """Start an embedded engine in a process of its own: a C library that aborts must not take the doctor along."""
    mend = "pip install --force-reinstall -r requirements.txt"
    done = _tried([sys.executable, "-c", _PROBE, f"engines.{stage}.{info.name}"])
    if isinstance(done, str):
        return Finding(what, "wrong", f"{info.title} {done}", mend)
    if done.returncode:
        return Finding(what, "wrong", f"{info.title} does not start: {_last_line(done)}", info.install or mend)
    return Finding(what, "ok", f"{info.title} starts.")


def _tried(command: list[str]) -> subprocess.CompletedProcess[str] | str:
    """What became of a command, or, as the end of a sentence, that it did not end."""
    try:
        return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=_PROBE_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"did not start within {_PROBE_S} s."


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
