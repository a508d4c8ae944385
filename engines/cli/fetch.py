"""Fetch: bring the weights of engines to this machine, to work without a network later or in a Docker image.

Without arguments, those of the engines that would be used here, as the settings say; the exit status is 1 where something could not be had.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from engines.concurrency.channel import CancelToken
from engines.config.settings import Settings, load_settings
from engines.errors import ConfigError, EngineError
from engines.registry.registry import Registry
from engines.types import STAGES
from engines.weights import catalog, store
from engines.weights.catalog import CatalogModel
from engines.weights.fetching import size

_TELL_EVERY_S = 5.0
"""How often the progress is told where it is written to a file."""
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``WHAT …``, ``--list``, ``--profile FILE``."""
    what = f"a stage ({', '.join(STAGES)}), an engine as NAME or NAME:MODEL, or one of {', '.join(catalog.names())}"
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{what}; without any, all stages")
    parser.add_argument("--list", action="store_true", help="say what there is and what is here, and fetch nothing")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="with the settings of this file")


def run(arguments: argparse.Namespace) -> int:
    """Fetch everything that was asked for, or list it."""
    settings = load_settings(arguments.profile)
    registry = Registry(settings)
    registry.check()
    if arguments.list:
        _list(registry, settings)
        return 0
    wanted = [list(_choices(registry, what)) for what in arguments.what or STAGES]
    try:
        had = [any(_fetched(model, settings) for model in choices) or not choices for choices in wanted]
    except KeyboardInterrupt:
        print("\nWhat has arrived is kept for the next time.", file=sys.stderr)
        return _INTERRUPTED
    return int(not all(had))


def _choices(registry: Registry, what: str) -> Iterator[store.Model]:
    """The models that would do, the best first.

    Raises:
        ConfigError: there is nothing of that name.
    """
    stage = next((stage for stage in STAGES if stage == what), None)
    if stage:
        yield from (model for _, model in registry.wanted(stage))
        return
    if what in catalog.names():
        yield catalog.named(what)
        return
    name = what.partition(":")[0]
    for stage in STAGES:
        if any(info.name == name for info in registry.infos(stage)):
            if model := registry.files(stage, what):
                yield model
            return
    engines = [info.name for stage in STAGES for info in registry.infos(stage)]
    raise ConfigError(f"There is nothing to fetch called {what[:80]!r}; there is {', '.join([*STAGES, *catalog.names(), *engines])}.")


def _fetched(model: store.Model, settings: Settings) -> bool:
    """Fetch a model; whether it is here now."""
    if folder := store.find(model, settings.weights):
        print(f"{model.name} is here: {folder}", flush=True)
        return True
    cancel, ended = CancelToken(), threading.Event()
    failures: list[EngineError] = []

    def work() -> None:
        try:
            store.fetch(model, settings.weights, _Line(model.name).show, cancel)
        except EngineError as error:
            failures.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=work, name="fetch")
    thread.start()
    try:
        while not ended.wait(0.2):  # on Windows, waiting without an end cannot be interrupted
            pass
    except KeyboardInterrupt:
        cancel.cancel()
        raise
    finally:
        thread.join()
    if sys.stdout.isatty():
        print()
    for failure in failures:
        print(f"visavis: {failure.message}", file=sys.stderr, flush=True)
    if not failures:
        print(f"{model.name} is here: {store.find(model, settings.weights)}", flush=True)
    return not failures


class _Line:
    """Progress as a line that is written over, or, where it goes to a file, now and then as a new one."""

    def __init__(self, name: str) -> None:
        self._name, self._over, self._told_at = name, sys.stdout.isatty(), 0.0

    def show(self, progress: store.Progress) -> None:
        share = 100 * progress.done // progress.total if progress.total else 100
        line = f"{self._name}: {share} %, {size(progress.done)} of {size(progress.total)} from {progress.source}"
        if self._over:
            print(f"\r{line}\033[K", end="", flush=True)
        elif time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self._told_at = time.monotonic()
            print(line, flush=True)


def _list(registry: Registry, settings: Settings) -> None:
    wanted = {model.name: model for stage in STAGES for _, model in registry.wanted(stage)}
    best = {next((model.name for _, model in registry.wanted(stage)), "") for stage in STAGES}
    for name, model in {**wanted, **{name: catalog.named(name) for name in catalog.names()}}.items():
        state = "here" if store.find(model, settings.weights) else "to be fetched" if name in best else "not here"
        about = f"{size(model.size)}, {model.title}, {model.licence}" if isinstance(model, CatalogModel) else "on the hub"
        print(f"{name}: {state} ({about})")
