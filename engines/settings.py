"""The only reader of the environment and the only home of defaults.

Every field can be set by an environment variable named ``VISAVIS_`` plus the field in capitals (``VISAVIS_PORT=8000``); the command line
overrides the environment. Where a host sets Gradio's own names for address and port (a Hugging Face Space does), they count too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engines.errors import ConfigError

HOUSE = Path(__file__).resolve().parent.parent
"""The repository's top folder."""


class Settings(BaseSettings):
    """Everything that can be chosen without touching code."""

    model_config = SettingsConfigDict(env_prefix="VISAVIS_", frozen=True, extra="ignore")

    host: Annotated[str, Field(validation_alias=AliasChoices("host", "VISAVIS_HOST", "GRADIO_SERVER_NAME"))] = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` lets other machines in."""
    port: Annotated[int, Field(ge=1, le=65535, validation_alias=AliasChoices("port", "VISAVIS_PORT", "GRADIO_SERVER_PORT"))] = 7860
    """First port to try; a taken one leads to the next free one."""
    personas_file: Path = HOUSE / "personas.yaml"
    persona: str | None = None
    """Id of who greets first; None is the first person in the file."""

    stt: str | None = None
    """Engine by ``NAME`` or ``NAME:MODEL``; None is the best one that can be loaded."""
    llm: str | None = None
    tts: str | None = None
    stt_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    """Options of the engine named above, as its file lists them, as JSON: ``{"beam_size": 5}``. Never shown, for there may be keys."""
    llm_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    tts_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    device: Literal["cpu", "cuda", "mps"] = "cpu"

    history_messages: Annotated[int, Field(ge=0)] = 12
    """How many of the last messages the model is given."""
    max_utterance_ms: Annotated[float, Field(gt=0)] = 120_000
    """Longest recording that is taken, in ms."""
    max_text_chars: Annotated[int, Field(gt=0)] = 4_000
    """Longest typed message."""
    max_upload_mb: Annotated[int, Field(gt=0)] = 25
    max_sessions: Annotated[int, Field(gt=0)] = 256
    """Conversations kept at once; the one unused for longest makes room."""
    journal: Path | None = None
    """File that gets one JSON line per turn (timings, no words); None keeps no journal."""


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` (the command line's) that are None are left to the environment and the defaults.

    Raises:
        ConfigError: a value cannot be used; names the option or the variable that it came from.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        where = _variable(name) if overrides.get(name) is None else f"--{name.replace('_', '-')}"
        raise ConfigError(f"{where}: {first['msg']}, but it is {first['input']!r}.") from error


def _variable(name: str) -> str:
    """The environment variable that a field was read from."""
    alias = Settings.model_fields[name].validation_alias
    names = [str(choice) for choice in alias.choices[1:]] if isinstance(alias, AliasChoices) else [f"VISAVIS_{name.upper()}"]
    return next((variable for variable in names if variable in os.environ), names[0])
