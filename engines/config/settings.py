"""Settings: the only reader of the environment and the only home of defaults.

Every field can be set in a profile (a YAML file of ``field: value``, named by ``--profile`` or ``VISAVIS_PROFILE``), by an environment
variable named ``VISAVIS_`` plus the field in capitals (``VISAVIS_PORT=8000``), and some on the command line; what comes later in this list
wins. Where a host sets Gradio's own names for address and port (a Hugging Face Space does), they count too.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engines.concurrency.deadlines import Limits
from engines.config.strict_yaml import PlainYaml
from engines.errors import ConfigError

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
"""The repository's top folder."""


def _names(given: object) -> object:
    return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
"""Names with commas between."""


class Settings(BaseSettings):
    """Everything that can be chosen without touching code."""

    model_config = SettingsConfigDict(env_prefix="VISAVIS_", frozen=True, extra="ignore", use_attribute_docstrings=True)

    host: Annotated[str, Field(validation_alias=AliasChoices("host", "VISAVIS_HOST", "GRADIO_SERVER_NAME"))] = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` lets other machines in."""
    port: Annotated[int, Field(ge=1, le=65535, validation_alias=AliasChoices("port", "VISAVIS_PORT", "GRADIO_SERVER_PORT"))] = 7860
    """First port to try; a taken one leads to the next free one."""
    hosts: Annotated[Names, Field(validation_alias=AliasChoices("hosts", "VISAVIS_HOSTS", "SPACE_HOST"))] = ()
    """Names under which the app is reached besides the machine's own, with commas between: those of a reverse proxy, or in a network.
    Requests for any other name are refused. Share links, Spaces and the usual tunnels (ngrok, Cloudflare, VS Code) need none."""
    framed_by: Names = ()
    """Other websites that may show the page inside a page of theirs, with commas between: ``https://example.org``. Spaces need none."""
    personas_file: Path = PROJECT_ROOT / "personas.yaml"
    """The people one can talk with."""
    persona: str | None = None
    """Id of who greets first; None is the first person in the file."""

    stt: str | None = None
    """The engine that hears, by ``NAME`` or ``NAME:MODEL``; None is the best one that can be loaded."""
    llm: str | None = None
    """The engine that thinks, in the same way."""
    tts: str | None = None
    """The engine that speaks, in the same way."""
    stt_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    """Options of the engine that `stt` names, as its file lists them, as JSON: ``{"beam_size": 5}``. Never shown, for there may be keys."""
    llm_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    """Options of the engine that `llm` names."""
    tts_options: Annotated[dict[str, Any], Field(repr=False)] = {}
    """Options of the engine that `tts` names."""
    max_tokens: Annotated[int | None, Field(gt=0)] = None
    """Most tokens that a language model writes in one reply; None is the engine's own limit."""
    stt_language: str = "auto"
    """The language that the user speaks: ``auto`` (found out, where the engine can), ``persona`` (whatever the person on stage speaks) or a
    BCP 47 tag."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where models compute; ``auto`` is what each engine does best on."""
    weights: Path = Path("~/.cache/visavis/weights")
    """Folder of the weights that the catalog names, each file as ``MODEL/NAME``; files laid there by hand count, and it may be read-only
    where all are there. Models that are named by a hub's id stay in the hub's own cache (``HF_HOME``)."""
    tokens: Path = Path("~/.config/visavis/tokens")
    """File of the tokens with which programs on other machines use the API; `python -m engines token` writes it."""
    isolate: bool = True
    """Whether every engine works in a process of its own, so that one that hangs or crashes can be ended and started again; ``false`` keeps
    them in the app's process, as Spaces on ZeroGPU need it."""
    choose_on_page: bool | None = None
    """Whether whoever opens the page may choose engines; None lets those who sit at the app's machine."""

    stt_timeout_s: Annotated[float, Field(gt=0)] = Limits().stt
    """Longest time that an engine may take to transcribe an utterance, in seconds; the utterance's own length comes on top."""
    llm_timeout_s: Annotated[float, Field(gt=0)] = Limits().llm
    """Longest time that a language model may take for one step, in seconds: reading a part of the conversation, or writing a token."""
    tts_timeout_s: Annotated[float, Field(gt=0)] = Limits().tts
    """Longest time that a voice may take for one piece of sound, in seconds."""
    load_timeout_s: Annotated[float, Field(gt=0)] = Limits().load
    """Longest time that a turn waits for an engine that is not ready yet, its download included, in seconds."""
    history_messages: Annotated[int, Field(ge=0)] = 24
    """Most messages that the model is given; when there are more, the older half is left out. The conversation itself keeps them."""
    max_utterance_ms: Annotated[float, Field(gt=0)] = 120_000
    """Longest recording that is taken, in ms."""
    max_text_chars: Annotated[int, Field(gt=0)] = 4_000
    """Longest typed message."""
    max_upload_mb: Annotated[int, Field(gt=0)] = 25
    """Largest audio file that is taken, in MB."""
    max_sessions: Annotated[int, Field(gt=0)] = 256
    """Conversations at once. Who finds no room is told so, and a page waits in a queue; only what was unused for ten minutes makes room."""
    journal: Path | None = None
    """File that gets one JSON line per turn (timings, no words); None keeps no journal."""

    @property
    def limits(self) -> Limits:
        """The time-outs of engine steps."""
        return Limits(self.stt_timeout_s, self.llm_timeout_s, self.tts_timeout_s, self.load_timeout_s)


def load_settings(profile: Path | None = None, **overrides: Any) -> Settings:
    """The settings of this process; `overrides` (the command line's) that are None are left to the others.

    Args:
        profile: a YAML file of settings; None takes the one that ``VISAVIS_PROFILE`` names, if any.
        overrides: values by field.

    Raises:
        ConfigError: a value cannot be used; names the option, the variable, or the file and line that it came from.
    """
    path = profile or Path(os.environ["VISAVIS_PROFILE"]) if profile or os.environ.get("VISAVIS_PROFILE") else None
    document = PlainYaml(path) if path else None
    written = _known(document) if document else {}
    given = {name: value for name, value in overrides.items() if value is not None}
    below = {name: value for name, value in written.items() if name not in given and _variable(name) not in os.environ}
    try:
        settings = Settings(**below, **given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if document and name in below:
            raise document.mistake(f"{name}: {first['msg']}.", document.line_of((name,))) from None  # the value may be a key
        where = f"--{name.replace('_', '-')}" if name in given else _variable(name)
        raise ConfigError(f"{where}: {first['msg']}, but it is {first['input']!r}.") from error
    if path is None:
        return settings
    files: dict[str, Any] = {
        name: path.parent / getattr(settings, name).expanduser()
        for name in ("personas_file", "journal", "weights", "tokens")
        if name in below
    }
    return settings.model_copy(update=files)


def reach_directly(*hosts: str) -> None:
    """Let no proxy that the environment names stand between this process and those hosts, nor this machine."""
    for name in ("no_proxy", "NO_PROXY"):
        given = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*given, "localhost", "127.0.0.1", "::1", *hosts]))


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a program that this process starts: its own, with changes."""
    return {**os.environ, **changes}


def _known(document: PlainYaml) -> dict[str, Any]:
    """The profile's fields, every one of which must be a setting."""
    for name in document.value:
        if name not in Settings.model_fields:
            near = difflib.get_close_matches(name, Settings.model_fields, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There is {', '.join(Settings.model_fields)}."
            raise document.mistake(f"there is no setting called {name!r}. {hint}", document.line_of((name,)))
    return document.value


def _variable(name: str) -> str:
    """The environment variable that a field is read from."""
    alias = Settings.model_fields[name].validation_alias
    names = [str(choice) for choice in alias.choices[1:]] if isinstance(alias, AliasChoices) else [f"VISAVIS_{name.upper()}"]
    return next((variable for variable in names if variable in os.environ), names[0])
