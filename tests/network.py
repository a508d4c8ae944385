"""A network that fails on command: a TCP proxy between browser and app that stalls, or cuts every connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


class Network:
    """Relays to one address; see `between`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._flows = threading.Event()
        self._flows.set()
        self._up = True
        self._guard = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Nothing moves any more, and no connection breaks."""
        self._flows.clear()

    def flow(self) -> None:
        """Everything moves again, also what waited."""
        self._flows.set()

    def cut(self) -> None:
        """Break every connection, without a word; new ones are refused until `mend`."""
        with self._guard:
            self._up = False
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._open.clear()

    def mend(self) -> None:
        """Take connections again."""
        self._up = True

    def lead_to(self, address: str) -> None:
        """Take connections again, to another app."""
        self._port = urlsplit(address).port or 80
        self._up = True

    def close(self) -> None:
        """The end."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                try:
                    far = socket.create_connection(("127.0.0.1", self._port)) if self._up else None
                except OSError:  # the app has ended
                    far = None
                if far is None:
                    near.close()
                    continue
                self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=(source, target), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self._flows.wait()
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def between(address: str) -> Iterator[Network]:
    """A network to the app at that address."""
    network = Network(urlsplit(address).port or 80)
    try:
        yield network
    finally:
        network.flow()
        network.close()
