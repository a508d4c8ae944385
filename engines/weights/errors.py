"""Errors while a model is opened, in plain words: one sentence for every library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engines.errors import EngineError
from engines.weights.hardware import is_out_of_memory

_DETAIL_CHARACTERS = 200


@contextmanager
def opening(what: str, how: str, kind: type[EngineError], when_full: Callable[[Exception], EngineError]) -> Iterator[None]:
    """Turns an exception of a library into an error of the stage.

    Args:
        what: how the sentence begins: ``The model 'owner/name'``.
        how: ``by MLX``, ``on cuda as float16``.
        kind: the stage's class of errors; those that are raised inside stay as they are.
        when_full: what is said where the memory does not suffice.

    Raises:
        EngineError: a `kind`, code ``load_failed``; or what `when_full` returns.
    """
    try:
        yield
    except kind:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise when_full(error) from error
        why = " ".join(str(error).split())[:_DETAIL_CHARACTERS].rstrip(".")
        message = f"{what} cannot be opened {how}: {why}. Fetch it again, or choose another."
        raise kind(message, code="load_failed", counts_against_engine=True) from error
