"""Models that compute here: loaded as the app does it, and folders in which a file that an adapter requires is missing or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engines.errors import ChatModelError, EngineError, SpeechToTextError
from engines.weights import store


def loaded(room: ModuleType, options: Any, device: str = "cpu") -> Any:
    """The engine of an adapter, with its files found or fetched."""
    files = room.files(options, device)
    return room.load(options, device, store.fetch(files, Path("none")) if files else None)


def fails(room: ModuleType, model: Path | str, **options: object) -> EngineError:
    """How a model fails to open."""
    with pytest.raises({"stt": SpeechToTextError, "llm": ChatModelError}[room.INFO.stage]) as caught:
        loaded(room, room.Options(model=str(model), **options), "cpu")
    assert caught.value.message.endswith((".", "hf auth login"))
    assert "\n" not in caught.value.message
    return caught.value


def lacking(room: ModuleType, good: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """For each pattern of files that the adapter requires: how an error names it, and a copy of a good model without any that fits it."""
    for number, (pattern, fitting) in enumerate(_required(room, good)):
        (copy := folder / str(number)).mkdir()
        for file in good.iterdir():
            if file not in fitting:
                (copy / file.name).symlink_to(file)
        yield pattern.replace("|", " or "), copy


def damaged(room: ModuleType, good: Path, folder: Path, size: int) -> Iterator[tuple[str, Path]]:
    """For each file that the adapter requires: its name, and a copy of a good model with that many bytes of it (below 0: less than all)."""
    for _, fitting in _required(room, good):
        for spoilt in fitting:
            (copy := folder / spoilt.name).mkdir()
            for file in good.iterdir():
                (copy / file.name).write_bytes(file.read_bytes()[: size if file == spoilt else None])
            yield spoilt.name, copy


def _required(room: ModuleType, good: Path) -> list[tuple[str, list[Path]]]:
    """Each pattern, and the files that fit it."""
    patterns = room.files(room.Options(model=str(good)), "cpu").required
    return [(pattern, [file for file in good.iterdir() if any(map(file.match, pattern.split("|")))]) for pattern in patterns]
