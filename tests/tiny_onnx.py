"""ONNX models of a few nodes, written byte by byte: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3."""

from __future__ import annotations

import struct

FLOAT, INT64 = 1, 7
_INT, _INTS = 2, 7


def model(nodes: list[bytes], inputs: dict[str, int], outputs: dict[str, int], constants: dict[str, tuple[int, list[float]]]) -> bytes:
    """A model of operator set 17; inputs and outputs are names with their element types, constants vectors."""
    graph = b"".join(_part(1, node) for node in nodes) + _part(2, b"tiny")
    graph += b"".join(_part(5, _tensor(name, *given)) for name, given in constants.items())
    for field, values in ((11, inputs), (12, outputs)):
        graph += b"".join(_part(field, _part(1, name.encode()) + _part(2, _part(1, _number(1, kind)))) for name, kind in values.items())
    return _number(1, 8) + _part(7, graph) + _part(8, _number(2, 17))


def node(operator: str, inputs: str, output: str, **attributes: int) -> bytes:
    """One operation; names of inputs are parted by spaces."""
    given = b"".join(_part(1, name.encode()) for name in inputs.split()) + _part(2, output.encode()) + _part(4, operator.encode())
    return given + b"".join(_part(5, _part(1, name.encode()) + _number(3, value) + _number(20, _INT)) for name, value in attributes.items())


def _tensor(name: str, kind: int, values: list[float]) -> bytes:
    raw = b"".join(struct.pack("<q", int(value)) if kind == INT64 else struct.pack("<f", value) for value in values)
    return _number(1, len(values)) + _number(2, kind) + _part(8, name.encode()) + _part(9, raw)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, payload: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
