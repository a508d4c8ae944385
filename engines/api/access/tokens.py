"""Bearer tokens of programs on other machines, of which only SHA-256 digests are kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from engines.errors import ConfigError, InputError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_BYTES = 32


class Tokens:
    """The tokens of a file, one line each: name, digest. Read anew when it changes; safe for threads."""

    def __init__(self, path: Path) -> None:
        """Of that file, which need not exist."""
        self._path = path.expanduser()
        self._seen: tuple[int, int] | None = None
        self._digests: dict[str, str] = {}

    def create(self, name: str) -> str:
        """A new token; it is shown once and kept nowhere.

        Raises:
            InputError: the name is taken, or cannot be one.
            ConfigError: the file cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise InputError("A token's name has up to 40 letters, digits, dots, - and _.", code="bad_name")
        if name in self.names():
            raise InputError(f"There is a token called {name} already; take it back first, or choose another name.", code="taken")
        token = secrets.token_urlsafe(_BYTES)
        self._write({**self._digests, name: _digest(token)})
        return token

    def revoke(self, name: str) -> None:
        """Take a token back.

        Raises:
            InputError: there is none of that name.
            ConfigError: the file cannot be written.
        """
        if name not in self.names():
            raise InputError(f"There is no token called {name[:40]!r}.", code="unknown_token")
        self._write({one: digest for one, digest in self._digests.items() if one != name})

    def names(self) -> tuple[str, ...]:
        """Whose tokens there are."""
        self._refresh()
        return tuple(self._digests)

    def owner(self, token: str) -> str | None:
        """Whose token it is; None where it is none."""
        self._refresh()
        digest = _digest(token)
        return next((name for name, known in self._digests.items() if hmac.compare_digest(known, digest)), None)

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                lines = (line.split() for line in self._path.read_text(encoding="ascii", errors="replace").splitlines())
                self._digests = {parts[0]: parts[1] for parts in lines if len(parts) == 2}
                self._seen = seen
        except OSError:
            self._digests, self._seen = {}, None

    def _write(self, digests: dict[str, str]) -> None:
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.touch(mode=0o600)
            beside.write_text("".join(f"{name} {digest}\n" for name, digest in digests.items()), encoding="ascii")
            beside.replace(self._path)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}.") from error
        self._seen = None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
