"""Network addresses that the app listens on: which port is free, and who can reach it."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from engines.errors import ConfigError

_TRIES = 50
"""How many ports are tried, one after another."""


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on that port.

    Raises:
        OSError: `host` is no address of this machine.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":  # as the server itself does; elsewhere the option would take a port from its owner
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
        return True


def free_port(host: str, first: int, tries: int = _TRIES) -> int:
    """The first port from `first` on that nobody listens on.

    Raises:
        ConfigError: every one is taken, or `host` is no address of this machine; says what to do.
    """
    last = min(first + tries, 65536) - 1
    try:
        free = next((port for port in range(first, last + 1) if is_free(host, port)), None)
    except OSError as error:
        message = f"{host} is no address of this machine ({error.strerror}). Choose another with --host, such as 127.0.0.1."
        raise ConfigError(message) from error
    if free is None:
        raise ConfigError(f"no port from {first} to {last} is free on {host}. Choose another with --port.")
    return free


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
