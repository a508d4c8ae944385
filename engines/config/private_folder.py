"""Private temporary folder: where this process and those that it starts write for a moment; nobody else reads it, and it goes with them."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from engines.errors import ConfigError

_PREFIX, _UNFINISHED = "visavis-", "new-visavis-"
_IN_USE = "in-use"
"""A file that is held open, and locked where locks are, for as long as its process lives."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make the folder, have `tempfile` use it, and remove it at the end; what processes have left that were killed is removed first.

    Raises:
        ConfigError: there is no folder for temporary files that can be written.
    """
    before = tempfile.tempdir
    try:
        parent = Path(tempfile.gettempdir())
        _sweep(parent)
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED if os.name == "posix" else _PREFIX))  # 0700
    except OSError as error:
        raise ConfigError(f"no folder for temporary files can be written ({error.strerror}). Name one in TMPDIR.") from error
    held = (made / _IN_USE).open("wb")
    folder = made.with_name(made.name.replace(_UNFINISHED, _PREFIX, 1))
    try:
        if os.name == "posix":  # elsewhere a file that is open cannot be removed, nor its folder renamed
            _lock(held)
            made.rename(folder)
        else:
            folder = made
        tempfile.tempdir = str(folder)
        yield folder
    finally:
        tempfile.tempdir = before
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_left_over(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(folder: Path) -> bool:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or (os.name == "posix" and status.st_uid != os.getuid()):
        return False
    if os.name != "posix":
        (folder / _IN_USE).unlink()
        return True
    with (folder / _IN_USE).open("rb") as file:
        return _lock(file)


def _lock(file: BinaryIO) -> bool:
    """Lock a file, which nobody else has locked; False where somebody has."""
    import fcntl  # noqa: PLC0415 - POSIX only

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
