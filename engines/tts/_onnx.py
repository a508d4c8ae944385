"""ONNX Runtime for voices: a session that leaves the processor to others, and inner tensors of a model as outputs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

FLOAT = 1
"""`TensorProto.DataType` of onnx.proto."""

# Field numbers of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3)
_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR, _TENSOR_ELEMENT = 7, 12, 1, 2, 1, 1


def with_output(model: bytes, name: str, element: int) -> bytes:
    """The model with that inner tensor as one more output: a second `graph` message behind it, which protobuf joins with the first."""
    tensor = bytes([_TENSOR_ELEMENT << 3, element])
    value = _field(_VALUE_NAME, name.encode()) + _field(_VALUE_TYPE, _field(_TYPE_TENSOR, tensor))
    return model + _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, value))


def session(model: bytes, threads: int) -> Any:
    """An `InferenceSession` on the processor.

    Its threads sleep while they have nothing to do: those that spin take the time of whoever else computes, a language model above all,
    and then wait for it themselves (2 to 4 times slower on two cores).

    Raises:
        Exception: whatever ONNX Runtime raises for a file that is damaged, or that lacks a tensor.
    """
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # what matters is raised
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    size, rest = bytearray(), len(payload)
    while rest > 0x7F:
        size.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([number << 3 | 2, *size, rest]) + payload
