"""Small models on ONNX Runtime, one thread each: opened, tried once, and refused in one sentence where that fails."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from engines.errors import ConfigError, MissingDependency


def open_model(file: Path, title: str, what: str, name: str, trial: Callable[[Any], object]) -> Any:
    """The session of a model, which takes about 0.1 s.

    Args:
        file: the model.
        title: what the package is missing for.
        what: how the sentence begins: ``The voice detector``.
        name: what the catalog of weights calls it.
        trial: runs the session once.

    Raises:
        MissingDependency: onnxruntime is not installed.
        ConfigError: the file is missing, or no model of that kind.
    """
    try:
        runtime = import_module("onnxruntime")
    except ImportError as error:
        raise MissingDependency(title, 'pip install "onnxruntime>=1.20,<2"') from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        trial(session)
    except Exception as error:  # ONNX Runtime has an error class for each fault, and they share no base of their own
        raise ConfigError(f"{what} {file.name} cannot be opened. Fetch it again: python -m engines fetch {name}") from error
    return session
