"""Frames: what is written is read, and what is no frame is refused."""

from __future__ import annotations

import json
import struct

import pytest
from conftest import awaited

from engines.api.frames import KEEP_ALIVE, frame, read_frame


def read(body: bytes, cut: int = 50, most_text: int = 2**32, most_data: int = 2**32) -> tuple[dict[str, object], bytes]:
    async def pieces():
        for at in range(0, len(body), cut):
            yield body[at : at + cut]

    return awaited(read_frame(pieces(), most_text, lambda _: most_data))


MESSAGES = [
    ({"type": "x"}, b""),
    ({"text": "Zoë 😀 \ud800", "list": [1, None, {"a": 2.5}]}, b"\0\xff" * 1000),
    ({}, b"{}"),
]


@pytest.mark.parametrize(("message", "data"), MESSAGES)
@pytest.mark.parametrize("cut", [1, 7, 9, 100_000])
def test_what_is_written_is_read_however_it_is_cut(message, data, cut):
    assert read(frame(message, data), cut) == (message, data)


def body(text: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<II", len(text), len(data)) + text + data


BAD = {
    "nothing": b"",
    "half a head": b"\0\0\0\0",
    "a keep-alive": KEEP_ALIVE,
    "JSON alone": b'{"type": "greet"}',
    "cut short": frame({"type": "greet"}, b"1234")[:-1],
    "something behind": frame({"type": "greet"}) + b"x",
    "a list": body(b"[1]"),
    "no JSON": body(b"{"),
    "no UTF-8": body(b'{"a": "\xff"}'),
    "endless lengths": struct.pack("<II", 2**32 - 1, 2**32 - 1),
    "nested": body(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a number of 5 000 digits": body(b'{"a":' + b"9" * 5000 + b"}"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_is_no_frame_is_refused(bad):
    with pytest.raises(ValueError, match=r"."):
        read(bad)


def test_what_is_too_long_is_refused_before_it_has_arrived():
    sent = frame({"type": "x"}, b"1234")
    with pytest.raises(OverflowError):
        read(sent[:-4], most_data=3)
    with pytest.raises(OverflowError):
        read(sent[:8], most_text=3)


def test_a_number_that_json_does_not_know_is_not_written():
    with pytest.raises(ValueError, match="JSON"):
        frame({"ms": float("nan")})


def test_the_head_is_what_the_manual_says():
    sent = frame({"type": "segment"}, b"abcd")
    text, data = struct.unpack_from("<II", sent)
    assert json.loads(sent[8 : 8 + text]) == {"type": "segment"}
    assert sent[8 + text :] == b"abcd"
    assert data == 4
