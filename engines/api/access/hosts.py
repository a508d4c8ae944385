"""Hosts: the names that the app answers to, which keeps DNS rebinding out, and who sits at this machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers
from starlette.types import Scope

from engines.config.address import is_loopback

TUNNELS = """
    gradio.live ngrok.app ngrok.dev ngrok.io ngrok-free.app ngrok-free.dev trycloudflare.com devtunnels.ms app.github.dev hf.space
""".split()
"""Domains whose names lead to their operator alone, so that no attacker can make one of them lead to this machine."""
_FORWARDED = ("forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip")
"""Headers that proxies add, besides those that begin with ``x-forwarded-``."""


def host_of(netloc: str) -> str:
    """The name or address in a ``Host`` header, or in an origin behind ``://``, without port, brackets and a dot at the end."""
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0].lower()
    return netloc.partition(":")[0].rstrip(".").lower()


class Hosts:
    """Which ``Host`` headers are ours. DNS rebinding brings a name of the attacker's; an address cannot be rebound."""

    def __init__(self, bound: str, names: Iterable[str] = ()) -> None:
        """Of one server.

        Args:
            bound: the address that it listens on.
            names: what else it is called: by a reverse proxy, on the network, as a Space.
        """
        self._loopback = is_loopback(bound)
        machine = socket.gethostname().lower()
        self._names = {host_of(name) for name in (bound, *names)} | (set() if self._loopback else {machine, f"{machine}.local"})

    def add(self, name: str) -> None:
        """It is called that, too."""
        self._names.add(host_of(name))

    def knows(self, netloc: str) -> bool:
        """Whether a ``Host`` header names this server."""
        host = host_of(netloc)
        if is_loopback(host) or host in self._names or host.endswith(tuple(f".{tunnel}" for tunnel in TUNNELS)):
            return True
        return not self._loopback and _is_address(host)


def is_at_this_machine(scope: Scope) -> bool:
    """Whether a request comes from a browser or program of this machine, straight.

    Whoever comes through a tunnel or a proxy comes from a loopback address as well; its ``Host``, its ``Origin`` (which browsers send along
    with every POST) or what the proxy adds tells.
    """
    headers, client = Headers(scope=scope), scope.get("client")
    origin = headers.get("origin")
    return (
        client is not None
        and is_loopback(client[0])
        and is_loopback(host_of(headers.get("host", "")))
        and (origin is None or is_loopback(host_of(origin.partition("://")[2])))
        and not _is_forwarded(headers)
    )


def _is_forwarded(headers: Mapping[str, str]) -> bool:
    return any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
