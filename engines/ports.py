"""Network ports: whether one is free."""

from __future__ import annotations

import errno
import os
import socket


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
