"""Engine discovery: every adapter by its file name, and the options that each one gets from the settings."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from engines.config.settings import Settings
from engines.errors import ConfigError
from engines.protocols import Adapter
from engines.registry.managed_engine import EngineState, fitness
from engines.types import STAGES, EngineInfo, Stage


@dataclass(frozen=True, slots=True)
class EngineOption:
    """Engine that can be chosen, judged without importing anything."""

    info: EngineInfo
    state: EngineState
    """Whether it could work here: ``idle``, ``needs`` or ``unfit``."""
    takes_model: bool
    """Whether it can work with more than one model."""


class EngineDiscovery:
    """Every adapter in `stt/`, `llm/` and `tts/`. A new file there is found without being listed anywhere."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found = {stage: discover(stage) for stage in STAGES}
        self._options = {stage: tuple(map(_option, self.of(stage))) for stage in STAGES}

    def of(self, stage: Stage) -> tuple[Adapter, ...]:
        """All adapters of a stage, the preferred first."""
        return tuple(self._found[stage].values())

    def options(self, stage: Stage) -> tuple[EngineOption, ...]:
        """All engines of a stage, the preferred first, judged without importing anything."""
        return self._options[stage]

    def named(self, stage: Stage, name: str) -> Adapter:
        """The adapter of that name.

        Raises:
            ConfigError: there is none; says which there are.
        """
        adapters = self._found[stage]
        if name not in adapters:
            raise ConfigError(f"There is no {stage} engine called {name[:80]!r}; there is {', '.join(adapters)}.")
        return adapters[name]

    def options_of(self, stage: Stage, adapter: Adapter, model: str) -> Any:
        """The adapter's options: its defaults, and for the engine that the settings name, what they say.

        Raises:
            ConfigError: there is no such option, or it cannot have that value.
        """
        info = adapter.INFO
        ours = info.name == split_selection(getattr(self._settings, stage) or "")[0]
        known = [field.name for field in dataclasses.fields(adapter.Options)]
        limit = {"max_tokens": self._settings.max_tokens} if self._settings.max_tokens and "max_tokens" in known else {}
        given: dict[str, Any] = {
            **limit,
            **(getattr(self._settings, f"{stage}_options") if ours else {}),
            **({"model": model} if model else {}),
        }
        if unknown := sorted(set(given) - set(known)):
            raise ConfigError(f"{info.title} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}.")
        try:
            return TypeAdapter(adapter.Options).validate_python(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][-1])
            secret = any(field.name == name and not field.repr for field in dataclasses.fields(adapter.Options))
            value = "" if secret else f", but it is {first['input']!r}"
            raise ConfigError(f"{info.title}, option {name}: {first['msg']}{value}.") from (None if secret else error)


def discover(stage: Stage) -> dict[str, Adapter]:
    """The adapters of a stage by their names, the preferred first; a file that begins with an underscore is a helper, no engine."""
    package = importlib.import_module(f"engines.{stage}")
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    adapters = [cast(Adapter, importlib.import_module(f"engines.{stage}.{name}")) for name in names]
    return {adapter.INFO.name: adapter for adapter in sorted(adapters, key=lambda adapter: -adapter.INFO.preference)}


def split_selection(selection: str) -> tuple[str, str]:
    """``NAME:MODEL`` → name and model."""
    name, _, model = selection.partition(":")
    return name, model


def _option(adapter: Adapter) -> EngineOption:
    return EngineOption(adapter.INFO, fitness(adapter.INFO), any(field.name == "model" for field in dataclasses.fields(adapter.Options)))
