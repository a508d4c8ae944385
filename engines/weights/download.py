"""Files read over plain HTTP, from the Hugging Face hub or elsewhere: resumed, left at any time, compared with their checksums.

The hub's own library (2.4) would read them too, but it throws away what has come of a file when it is stopped or gives up, takes notice
of nothing for 10 MB at a time (with Xet, until the file's end), and trusts what it gets.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

_AT_ONCE = 4
"""Files read side by side: a model of many small ones would otherwise mostly wait for the network."""
_TRIES, _PAUSE_S = 3, 1.0
"""How often a file is asked for in vain before it is given up, and the pause after the first time; it doubles."""
_CONNECT_S = 3.0
"""How long a server may take to accept a connection: behind some firewalls a hub never does, and another source waits."""
_TELL_EVERY_S = 0.1
_BLOCK = 1 << 20


class Stopped(Exception):  # noqa: N818 - no error: somebody wanted it
    """The download was told to end."""


class Refused(Exception):  # noqa: N818 - reads as what happened
    """The server answered, but with something else than the file."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Damaged(Exception):  # noqa: N818 - reads as what happened
    """A file came, but its checksum is another; it was thrown away. The text is the file's name."""


@dataclass(frozen=True, slots=True)
class File:
    """A file, and where it goes."""

    name: str
    size: int
    """In bytes."""
    digest: str
    """What the hub calls its content: of a large file the SHA-256, of a small one the SHA-1 of its Git blob; hexadecimal."""
    whole: Path
    """Where it is when it is whole and true."""
    url: str = ""
    """Where it is read from."""

    @property
    def part(self) -> Path:
        """Where it is until then."""
        return self.whole.with_name(f"{self.whole.name}.visavis")

    @property
    def here(self) -> int:
        """How many bytes of it are on this machine."""
        if self.whole.exists():
            return self.size
        return min(self.part.stat().st_size, self.size) if self.part.exists() else 0

    def settle(self, go_on: Callable[[], object] = lambda: None) -> None:
        """Give it its name, now that all of it has come; `go_on` is called between blocks, and may raise.

        Raises:
            Damaged: it is not what its digest says; it was thrown away.
        """
        if digest_of(self.part, self.digest, go_on) != self.digest:
            self.part.unlink()
            raise Damaged(self.name)
        self.part.replace(self.whole)


def digest_of(path: Path, like: str = "", go_on: Callable[[], object] = lambda: None) -> str:
    """The digest of a file, of the kind of another: the SHA-1 of a Git blob, else SHA-256; hexadecimal."""
    hasher = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False) if len(like) == 40 else hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            go_on()
            hasher.update(block)
    return hasher.hexdigest()


class Download:
    """Some files on their way."""

    def __init__(
        self, files: Sequence[File], on_progress: Callable[[int, int], object], stop: threading.Event, tries: int = _TRIES
    ) -> None:
        """Nothing is asked for yet.

        Args:
            files: no two of the same content.
            on_progress: called with the bytes that are here and all bytes, about ten times a second, never by two threads at once.
            stop: ends the download with the next piece that arrives (at most 64 KB); while the server is silent, with the time-out of the
                hub's library (10 s, or ``HF_HUB_DOWNLOAD_TIMEOUT``).
            tries: how often a file is asked for in vain before it is given up.
        """
        self._files, self._on_progress, self._stop, self._tries = files, on_progress, stop, tries
        self._failed = threading.Event()
        self._guard, self._told_at = threading.Lock(), 0.0
        self.total = sum(file.size for file in files)
        self.done = sum(file.here for file in files)

    def run(self) -> None:
        """Bring all files to their places.

        Raises:
            Stopped: `stop` was set.
            Refused, Damaged, EOFError (a file was shorter than announced), OSError, or an error of the HTTP library: the first one, which
                stopped the other files as well.
        """
        self._advance(0, now=True)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            errors = [future.exception() for future in [pool.submit(self._settle, file) for file in self._files]]
        for error in sorted(filter(None, errors), key=lambda error: isinstance(error, Stopped)):
            raise error
        self._advance(0, now=True)

    def _settle(self, file: File) -> None:
        try:
            self._go_on()
            if file.whole.exists():
                return
            self._read_on(file)
            file.settle(self._go_on)
        except BaseException:
            self._failed.set()  # the others need not go on
            raise

    def _read_on(self, file: File) -> None:
        """Read until the file has its size, each time from where it broke off."""
        from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415 - heavy

        broken: Any = HfHubHTTPError.__bases__[0]  # the base of all errors of the HTTP library that this version of the hub's works with
        file.part.touch()
        vain = 0
        while (before := file.here) < file.size:
            self._go_on()
            try:
                self._read(file)
                if file.here < file.size:
                    raise EOFError
            except (Refused, EOFError, broken) as error:
                vain = 0 if file.here > before else vain + 1
                if vain >= self._tries or (isinstance(error, Refused) and error.status in {401, 403, 404}):
                    raise
                log.info("%s from %s broke off (%s)", file.name, host_of(file.url), type(error).__name__)
                self._stop.wait(_PAUSE_S * 2**vain / 2)

    def _read(self, file: File) -> None:
        """Ask once for what is missing, and keep what comes."""
        from huggingface_hub import constants, get_session  # noqa: PLC0415 - heavy

        have = file.here
        key = import_module("huggingface_hub.utils").build_hf_headers() if file.url.startswith(f"{constants.ENDPOINT}/") else {}
        headers = {**key, "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        silence_s = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)
        limits = (min(_CONNECT_S, silence_s), silence_s, silence_s, silence_s)  # to connect, read, write, get a place in the pool
        with get_session().stream("GET", file.url, headers=headers, timeout=limits) as response:
            if response.status_code >= 400:
                asked = host_of(str(response.url)) == host_of(file.url)
                raise Refused(response.status_code if asked else 502)  # the store that we were sent to: its link may have grown too old
            if response.status_code != 206:  # the store knows no ranges: the file begins anew
                self._advance(-have)
            with file.part.open("ab" if response.status_code == 206 else "wb") as content:
                for piece in response.iter_bytes():
                    self._go_on()
                    content.write(piece)
                    self._advance(len(piece))
                    if content.tell() > file.size:
                        return  # the checksum will tell

    def _go_on(self) -> None:
        if self._stop.is_set() or self._failed.is_set():
            raise Stopped

    def _advance(self, count: int, *, now: bool = False) -> None:
        with self._guard:
            self.done += count
            if now or time.monotonic() - self._told_at >= _TELL_EVERY_S:
                self._told_at = time.monotonic()
                self._on_progress(self.done, self.total)


def host_of(url: str) -> str:
    """Host and port of an address, for people: without the name and password that may stand before them."""
    return urlsplit(url).netloc.rpartition("@")[2]
