"""The private temporary folder: nobody else's, gone at the end, and swept where a process was killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import HOUSE
from requirements import requirement

from engines.config.private_folder import private_folder
from engines.errors import ConfigError

HOLDS = """
import time
from engines.config.private_folder import private_folder
with private_folder() as folder:
    (folder / "recording.wav").write_bytes(b"words")
    print(folder, flush=True)
    time.sleep(600)
"""
posix = pytest.mark.skipif(os.name != "posix", reason="signals and permissions")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@requirement("app.leaves-nothing")
def test_what_is_written_for_a_moment_is_nobody_elses_and_goes_at_the_end(place: Path) -> None:
    def work() -> None:
        with private_folder() as folder:
            with tempfile.NamedTemporaryFile(delete=False) as file:
                assert Path(file.name).parent == folder
            if os.name == "posix":
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            with private_folder() as other:
                assert other.parent == folder
            assert tempfile.gettempdir() == str(folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert tempfile.gettempdir() == str(place)
    assert not list(place.iterdir())


@posix
@requirement("app.leaves-nothing")
def test_what_a_killed_process_has_left_is_removed_and_what_a_living_one_uses_is_not(place: Path) -> None:
    killed, living = (
        subprocess.Popen(
            [sys.executable, "-c", HOLDS], cwd=HOUSE, env={**os.environ, "TMPDIR": str(place)}, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    )
    try:
        left, used = (Path(process.stdout.readline().strip()) for process in (killed, living))
        (place / "visavis-of-another-program").mkdir()
        (place / "visavis-link").symlink_to(used)
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        assert left.is_dir()
        with private_folder():
            assert not left.exists()
            assert (used / "recording.wav").exists()
            assert (place / "visavis-of-another-program").is_dir()
    finally:
        for process in (killed, living):
            process.kill()
            process.wait(10)


def test_a_machine_without_a_folder_for_it_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(ConfigError, match="Name one in TMPDIR"), private_folder():
        pass
