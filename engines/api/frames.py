"""Frame: a JSON object with the bytes that belong to it (sound, a file), as the page's stream and its messages carry them.

``uint32`` length of the JSON, ``uint32`` length of the bytes, both little-endian; the JSON in UTF-8; the bytes. The page's ``frames.mjs``
reads and writes the same.
"""

from __future__ import annotations

import json
import struct
from typing import Any

_HEAD = struct.Struct("<II")
KEEP_ALIVE = _HEAD.pack(0, 0)
"""The frame of nothing: says only that the connection lives."""


def frame(message: dict[str, Any], data: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"".join((_HEAD.pack(len(text), len(data)), text, data))


def unframe(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON object and the bytes of a body that is one frame.

    Raises:
        ValueError: it is none.
    """
    if len(body) < _HEAD.size:
        raise ValueError("no head")
    text, data = _HEAD.unpack_from(body)
    if _HEAD.size + text + data != len(body):
        raise ValueError("the lengths do not fit")
    try:
        message = json.loads(body[_HEAD.size : _HEAD.size + text])
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - it is what came in that is wrong
    return message, body[_HEAD.size + text :]
