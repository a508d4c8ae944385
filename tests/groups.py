"""Groups of tests that cost minutes: each runs where its inputs changed since it last passed as a whole, or with ``--all``.

``python -m pytest --all`` runs everything, ``--group=NAME`` the tests of one group. What passes is noted by the digest of its inputs in
`passed.json`, which is committed with the change that it proves. Without a note that fits, a group runs.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTE = ROOT / "tests" / "passed.json"

_FIGURE = [f"avatar_assets/web/{room}/*" for room in ("stage", "playback", "lipsync", "acting", "recording")]
_FIGURE += ["avatar_assets/web/avatar*", "avatar_assets/avatars/*", "avatar_assets/package-lock.json", "avatar_assets/served.py"]
_FIGURE += ["tests/fixtures/*avatar*.py"]

GROUPS: dict[str, dict[str, list[str]]] = {
    "avatars": {
        "tests": ["tests/test_avatar_check.py", "tests/test_browser_avatars.py", "tests/test_browser_packed.py"],
        "inputs": [*_FIGURE, "avatar_assets/commands/check*", "avatar_assets/web/panels/own-avatar*"],
    },
    "builder": {
        "tests": ["tests/test_builder*.py"],
        "inputs": ["avatar_assets/builder/*", "avatar_assets/avatars/*.glb", "avatar_assets/package-lock.json"],
    },
    "film": {"tests": ["tests/test_film.py"], "inputs": [*_FIGURE, "avatar_assets/film/*", "avatar_assets/commands/video.py"]},
    "engines": {
        "tests": [f"tests/test_{name}*.py" for name in ("llm_local", "llm_llama_cpp", "llm_mlx_lm", "llm_transformers", "tts_kokoro")]
        + [f"tests/test_stt_{name}*.py" for name in ("faster_whisper", "local", "mlx_whisper")]
        + ["tests/test_browser_engines.py"],
        "inputs": [f"engines/{room}/*" for room in ("llm", "stt", "tts", "g2p", "vad", "runtimes", "weights", "isolation", "registry")]
        + ["avatar_assets/web/panels/engine-panel.mjs", "requirements-engines.txt"],
    },
    "programs": {
        "tests": [
            f"tests/test_{name}.py"
            for name in ("api_v1*", "api_headtts", "api_realtime", "api_wyoming", "api_mcp", "library", "cli_talking")
        ],
        "inputs": [
            f"engines/{room}/*" for room in ("api/v1", "api/protocols", "library", "cli", "conversation", "live", "speaking", "voices")
        ]
        + ["engines/api/*.py", "engines/audio.py", "docs/python.md", "tests/program_server.py", "tests/fixtures/headtts-client.mjs"],
    },
}
"""Name → its test files and what they depend on, as patterns of paths in the repository; the test files are inputs themselves."""


@cache
def _files() -> tuple[str, ...]:
    """Every file that belongs to the checkout; outside a git checkout, every file there is."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return tuple(sorted(set(done.stdout.splitlines())))
    skipped = {"node_modules", "__pycache__"}
    return tuple(sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and not skipped & set(path.parts)))


def group_of(test_file: str) -> str | None:
    """The group that a test file, a path in the repository, belongs to."""
    return next((name for name, group in GROUPS.items() if any(fnmatch.fnmatch(test_file, one) for one in group["tests"])), None)


@cache
def digest_of(name: str) -> str:
    """SHA-256 of a group's inputs: their paths and contents."""
    patterns = [*GROUPS[name]["tests"], *GROUPS[name]["inputs"]]
    digest = hashlib.sha256()
    for path in _files():
        if any(fnmatch.fnmatch(path, pattern) for pattern in patterns) and (ROOT / path).is_file():
            digest.update(f"{path}\0{hashlib.sha256((ROOT / path).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _noted() -> dict[str, str]:
    return json.loads(NOTE.read_text(encoding="utf-8")) if NOTE.is_file() else {}


def unchanged() -> set[str]:
    """The groups whose inputs are those with which they last passed."""
    noted = _noted()
    return {name for name in GROUPS if noted.get(name) == digest_of(name)}


def note(names: Iterable[str]) -> None:
    """Write down that these groups passed with their present inputs."""
    noted = {**_noted(), **{name: digest_of(name) for name in names}}
    NOTE.write_text(json.dumps({name: noted[name] for name in sorted(noted) if name in GROUPS}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print("\n".join(sorted(set(GROUPS) - unchanged())))
