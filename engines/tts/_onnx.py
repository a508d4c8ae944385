"""ONNX Runtime for voices: a session that leaves the processor to others, and inner tensors of a model as outputs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

# Field numbers of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3)
_MODEL_GRAPH, _GRAPH_NODE, _NODE_OUTPUT, _NODE_OPERATOR = 7, 1, 2, 4
_GRAPH_OUTPUT, _VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR, _TENSOR_ELEMENT = 12, 1, 2, 1, 1
_FLOAT = 1
_MOST_THREADS = 4


def with_output(model: bytes, name: str) -> bytes:
    """The model with that inner tensor of float32 as one more output: a second `graph` behind it, which protobuf joins with the first."""
    tensor = bytes([_TENSOR_ELEMENT << 3, _FLOAT])
    value = _field(_VALUE_NAME, name.encode()) + _field(_VALUE_TYPE, _field(_TYPE_TENSOR, tensor))
    return model + _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, value))


def outputs_of(model: bytes, operator: str) -> list[str]:
    """The names of what each operation of that kind gives out.

    Raises:
        ValueError: it is no ONNX model.
    """
    try:
        return [
            str(_text(model, node, _NODE_OUTPUT))
            for graph in _parts(model, (0, len(model)), _MODEL_GRAPH)
            for node in _parts(model, graph, _GRAPH_NODE)
            if _text(model, node, _NODE_OPERATOR) == operator
        ]
    except IndexError:
        raise ValueError("it is no ONNX model, or half of one") from None


class Session:
    """A model on the processor. Several threads may run it at once.

    Its threads sleep while they have nothing to do: those that spin take the time of whoever else computes, a language model above all,
    and then wait for it themselves (2 to 4 times slower on two cores). After each run it gives its memory back, which costs no time that
    can be measured: Kokoro keeps 400 MB instead of 780.
    """

    def __init__(self, model: bytes, threads: int = 0) -> None:
        """0 threads are one for each core, four at most: more make a short first clause no quicker.

        Raises:
            Exception: whatever ONNX Runtime raises for a file that is damaged, or that lacks a tensor.
        """
        runtime = import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads if threads > 0 else min(os.cpu_count() or 1, _MOST_THREADS)
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what matters is raised
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._run_options = runtime.RunOptions()
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._inputs = {each.name for each in self._session.get_inputs()}

    def run(self, **given: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs, each as one row; an input that the model does not have is left out."""
        known = {name: value for name, value in given.items() if name in self._inputs}
        return [output.reshape(-1) for output in self._session.run(None, known, self._run_options)]


_Range = tuple[int, int]


def _parts(data: bytes, within: _Range, wanted: int) -> Iterator[_Range]:
    """Where the payloads of a length-delimited field of a message lie."""
    at, end = within
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(data, at)
            if tag >> 3 == wanted:
                yield at, at + size
            at += size
        elif kind == 0:
            _, at = _varint(data, at)
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("it is no ONNX model")


def _text(data: bytes, within: _Range, wanted: int) -> str | None:
    return next((data[a:b].decode(errors="replace") for a, b in _parts(data, within, wanted)), None)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    size, rest = bytearray(), len(payload)
    while rest > 0x7F:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number << 3 | 2, *size, rest]) + payload
