"""A Hugging Face hub on this machine, for the genuine client: it lists, redirects large files to a store, and can be bad at everything."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from engines.weights import store as weights_store

LARGE = 10_000
"""Files from this many bytes on are kept in the store, as Git LFS does it."""
PIECE = 16_384


@dataclass
class Fault:
    """How one answer is bad."""

    status: int = 0
    """Answer with this instead of the file."""
    code: str = ""
    """With this name of the error."""
    in_store: bool = False
    """The store answers so, and not the hub itself."""
    cut_after: int | None = None
    """Break the connection after so many bytes."""
    silent_after: int | None = None
    """Say nothing more after so many bytes, until the server closes."""
    pause_s: float = 0.0
    """Between two pieces of 16 KB."""
    changed: bool = False
    """Other bytes than those that the checksum is of."""
    no_range: bool = False
    """Send the whole file, whatever was asked for."""


GOOD = Fault()


@dataclass
class Request:
    """What was asked for."""

    method: str
    path: str
    headers: dict[str, str]
    store: bool
    sent: int = 0
    """Bytes of the file that left."""

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass
class Hub:
    """The hub's content and conduct; tests change both while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    repository: str = "some/model"
    commit: str = "c0ffee" + "0" * 34
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """One answer after the other, by file name, the last for ever; ``""`` is the list of files."""
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the list says of a file, instead of the truth."""
    requests: list[Request] = field(default_factory=list)
    endpoint: str = ""
    store: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def asked(self, name: str) -> list[Request]:
        """The requests that sent bytes of that file."""
        return [request for request in self.requests if request.method == "GET" and request.path.endswith(f"/{name}") and request.sent]

    def entry(self, name: str) -> dict[str, Any]:
        content = self.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        entry: dict[str, Any] = {"size": len(content), "blobId": blob}
        if len(content) >= LARGE:
            entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        return entry | self.listed.get(name, {})

    def next_fault(self, name: str) -> Fault:
        faults = self.faults.get(name, [GOOD])
        return faults.pop(0) if len(faults) > 1 else faults[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    store: bool

    def do_GET(self) -> None:
        url, hub = urlsplit(self.path), self.hub
        self.request_made = Request(
            self.command, unquote(url.path), {name.lower(): value for name, value in self.headers.items()}, self.store
        )
        hub.requests.append(self.request_made)
        parts = unquote(url.path).strip("/").split("/")
        with suppress(ConnectionError):
            if parts[:2] == ["api", "models"]:
                self._list("/".join(parts[2:4]), parts[4:])
            elif "resolve" in parts:
                at = parts.index("resolve")
                self._resolve("/".join(parts[:at]), "/".join(parts[at + 2 :]))
            elif self.store and parse_qs(url.query).get("Signature") == ["sesame"]:
                self._send("/".join(parts))
            else:
                self._answer(403)

    do_HEAD = do_GET  # noqa: N815 - the server looks for this name

    def _list(self, repository: str, rest: list[str]) -> None:
        fault = self.hub.next_fault("")
        if fault.silent_after is not None:
            self.hub.closing.wait()
            self.close_connection = True
            return
        if fault.status or repository != self.hub.repository:
            self._answer(fault.status or 404, {"X-Error-Code": fault.code if fault.status else "RepoNotFound"})
            return
        names = [*self.hub.files, *(name for name in self.hub.listed if name not in self.hub.files)]
        entries = {name: self.hub.entry(name) if name in self.hub.files else self.hub.listed[name] for name in names}
        if rest[:1] == ["tree"]:
            large = {name: {"lfs": {"oid": entry["lfs"]["sha256"], **entry["lfs"]}} for name, entry in entries.items() if "lfs" in entry}
            tree = [
                {"type": "file", "path": name, "size": entry["size"], "oid": entry["blobId"], **large.get(name, {})}
                for name, entry in entries.items()
            ]
            self._answer(200, {}, json.dumps(tree).encode())
            return
        siblings = [{"rfilename": name, **entry} for name, entry in entries.items()]
        self._answer(200, {}, json.dumps({"id": repository, "sha": self.hub.commit, "siblings": siblings}).encode())

    def _resolve(self, repository: str, name: str) -> None:
        if name not in self.hub.files or repository != self.hub.repository:
            self._answer(404, {"X-Error-Code": "EntryNotFound"})
            return
        fault = self.hub.faults.get(name, [GOOD])[0]
        if fault.status and not fault.in_store:
            self._answer(self.hub.next_fault(name).status, {"X-Error-Code": fault.code})
            return
        entry = self.hub.entry(name)
        headers = {"X-Repo-Commit": self.hub.commit, "ETag": f'"{entry["blobId"]}"'}
        if "lfs" in entry:
            headers |= {"X-Linked-Size": str(entry["size"]), "X-Linked-Etag": f'"{entry["lfs"]["sha256"]}"'}
            self._answer(302, headers | {"Location": f"{self.hub.store}/{name}?Signature=sesame"})
        else:
            self._send(name, headers)

    def _send(self, name: str, headers: dict[str, str] | None = None) -> None:
        content = self.hub.files[name]
        fault = self.hub.next_fault(name) if self.command == "GET" else GOOD
        if fault.status and fault.in_store:
            self._answer(fault.status)
            return
        if fault.changed:
            content = bytes(byte ^ 1 for byte in content)
        begin = int((self.request_made.range or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        begin = 0 if fault.no_range else begin
        headers = dict(headers or {})
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._begin(206 if begin else 200, headers, len(content) - begin)
        if self.command == "HEAD":
            return
        limits = [limit for limit in (fault.cut_after, fault.silent_after) if limit is not None]
        end = min([len(content), *(begin + limit for limit in limits)])
        for at in range(begin, end, PIECE):
            piece = content[at : min(at + PIECE, end)]
            self.wfile.write(piece)
            self.wfile.flush()
            self.request_made.sent += len(piece)
            time.sleep(fault.pause_s)
        if limits:
            if fault.silent_after is not None:
                self.hub.closing.wait()
            self.close_connection = True

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self._begin(status, headers or {}, len(body))
        if self.command == "GET":
            self.wfile.write(body)

    def _begin(self, status: int, headers: dict[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """The hub and its store, on two free ports."""
    servers = []
    for store in (False, True):
        handler = type("Handler", (_Handler,), {"hub": hub, "store": store})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
    hub.endpoint, hub.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield hub
    finally:
        hub.closing.set()
        for server in servers:
            server.shutdown()
            server.server_close()


def lead_to(hub: Hub, monkeypatch: pytest.MonkeyPatch, cache: Path, timeout_s: float = 20) -> None:
    """Let the genuine client, for the length of a test, know this hub alone and an empty cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(weights_store, "HUB", hub.endpoint)
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", timeout_s)
