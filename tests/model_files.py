"""Folders of a model in which a file that its adapter requires is missing or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


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
    patterns = room.model_of(room.Options(model=str(good)), "cpu").required
    return [(pattern, [file for file in good.iterdir() if any(map(file.match, pattern.split("|")))]) for pattern in patterns]
