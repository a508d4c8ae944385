"""Frame: a JSON object with the bytes that belong to it (sound, a file), as the page's stream and its messages carry them.

``uint32`` length of the JSON, ``uint32`` length of the bytes, both little-endian; the JSON in UTF-8; the bytes. The page's ``frames.mjs``
reads and writes the same.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import AsyncIterable, Callable
from typing import Any

_HEAD = struct.Struct("<II")
HEAD_BYTES = _HEAD.size
KEEP_ALIVE = _HEAD.pack(0, 0)
"""The frame of nothing: says only that the connection lives."""


def frame(message: dict[str, Any], data: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"".join((_HEAD.pack(len(text), len(data)), text, data))


async def read_frame(
    pieces: AsyncIterable[bytes], most_text: int, most_data: Callable[[dict[str, Any]], int]
) -> tuple[dict[str, Any], bytes]:
    """The JSON object and the bytes of one frame that arrives in pieces; its bytes are in memory once.

    Args:
        pieces: of the frame, however it was cut.
        most_text: longest JSON, in bytes.
        most_data: most bytes behind such an object.

    Raises:
        ValueError: it is none.
        OverflowError: it is longer.
    """
    begin, data = bytearray(), io.BytesIO()
    needed, message, size = HEAD_BYTES, dict[str, Any]() or None, 0
    async for piece in pieces:
        rest = memoryview(piece)
        while message is None and rest:
            taken = needed - len(begin)
            begin += rest[:taken]
            rest = rest[taken:]
            if len(begin) == needed == HEAD_BYTES:
                text, size = _HEAD.unpack(begin)
                needed += text
                if text > most_text:
                    raise OverflowError
            if len(begin) == needed:
                message = _object(bytes(begin[HEAD_BYTES:]))
                if size > most_data(message):
                    raise OverflowError
        data.write(rest)
        if data.tell() > size:
            raise ValueError("the lengths do not fit")
    if message is None or data.tell() != size:
        raise ValueError("the lengths do not fit")
    return message, data.getvalue()


def _object(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - it is what came in that is wrong
    return message
