"""Installation: the platforms that `requirements.txt` has wheels for, its size here, and how soon after it genuine engines answer.

What comes over the network (wheels, weights) is fetched beforehand and is not counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
REQUIREMENTS = HOUSE / "requirements.txt"
PLATFORMS = {
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux aarch64": "aarch64-manylinux_2_28",
    "Windows x86-64": "x86_64-pc-windows-msvc",
    "macOS x86-64": "x86_64-apple-darwin",
    "macOS arm64": "aarch64-apple-darwin",
}
PYTHONS = ("3.11", "3.12", "3.13")
MOST_MB, MOST_S = 950, 60
GENUINE = {"stt": ("faster_whisper", "mlx_whisper"), "tts": ("kokoro_onnx", "kokoro")}


def main() -> None:
    """Print a line for each platform, then the size and the time on this machine."""
    missing = [f"{system}, Python {python}" for system in PLATFORMS for python in PYTHONS if not _has_wheels(system, python)]
    with tempfile.TemporaryDirectory() as work:
        small, quick = _here(Path(work))
    if missing or not small or not quick:
        sys.exit(1)


def _has_wheels(system: str, python: str) -> bool:
    """uv looks, for pip evaluates a requirement's markers for the machine that it runs on."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    command += ["--python-platform", PLATFORMS[system], "--python-version", python, str(REQUIREMENTS)]
    done = subprocess.run(command, env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}, capture_output=True, text=True, check=False)
    packages = [line.partition("==")[0] for line in done.stdout.splitlines()]
    verdict = f"{len(packages)} packages{', torch among them' if 'torch' in packages else ''}"
    print(f"install: {system}, Python {python}: {verdict if done.returncode == 0 else done.stderr.strip()}", flush=True)
    return done.returncode == 0 and ("torch" not in packages or system == "macOS arm64")


def _here(work: Path) -> tuple[bool, bool]:
    """Whether the size and the time on this machine are within their goals."""
    wheels, venv = work / "wheels", work / "venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    before = _megabytes(venv)
    subprocess.run([*pip, "download", "--only-binary=:all:", "-d", str(wheels), "-r", str(REQUIREMENTS)], check=True)
    begun = time.perf_counter()
    subprocess.run([*pip, "install", "--no-index", "--find-links", str(wheels), "-r", str(REQUIREMENTS)], check=True)
    seconds, megabytes = time.perf_counter() - begun, _megabytes(venv) - before
    print(f"install: {megabytes:.0f} MB on disk here, without pip (target: at most {MOST_MB} MB off Apple Silicon)", flush=True)
    environment = {**os.environ, "VISAVIS_WEIGHTS": os.environ.get("VISAVIS_WEIGHTS", str(work / "weights"))}
    subprocess.run([str(python), "-m", "engines", "fetch", *GENUINE], cwd=HOUSE, env=environment, check=True)
    begun = time.perf_counter()
    subprocess.run([str(python), "-m", "benchmarks.install", "answer"], cwd=HOUSE, env=environment, check=True)
    answered = time.perf_counter() - begun
    print(
        f"install: installed in {seconds:.1f} s, answered {answered:.1f} s later: {seconds + answered:.1f} s (target: at most {MOST_S} s)"
    )
    return megabytes <= MOST_MB, seconds + answered <= MOST_S


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def answer() -> None:
    """Start the engines as the app does, and hear and answer one recording as soon as ears and voice are genuine."""
    from engines.config.personas import PersonaBook
    from engines.config.settings import Settings
    from engines.conversation.service import ConversationService
    from engines.events import SegmentReady, TranscriptReady
    from engines.registry.registry import Registry
    from engines.tts import espeak_ng
    from engines.types import Utterance

    settings = Settings()
    registry = Registry(settings)
    service = ConversationService(settings, registry, PersonaBook(settings.personas_file))
    service.prepare()
    (question,) = espeak_ng.load(espeak_ng.Options(), "cpu").synthesize("Hello, how are you today?", "en-us")
    until = time.monotonic() + MOST_S
    while (names := _at_work(registry)) and any(names[stage] not in GENUINE[stage] for stage in GENUINE):
        if time.monotonic() > until:
            sys.exit(f"The genuine engines did not come: {names}")
        time.sleep(0.05)
    for event in service.answer("visitor", lambda: Utterance(audio=question.audio)):
        if isinstance(event, TranscriptReady):
            print(f"install: {names} heard “{event.transcript.text}”", flush=True)
        if isinstance(event, SegmentReady):
            break
    service.close()


def _at_work(registry: object) -> dict[str, str]:
    engines = registry.engines("en", "en")  # type: ignore[attr-defined]
    return {stage: getattr(engines, stage).info.name for stage in ("stt", "llm", "tts")}


if __name__ == "__main__":
    answer() if sys.argv[1:] == ["answer"] else main()
