"""Persona file: reads `personas.yaml` into frozen `Persona` values and explains its mistakes in plain words, with the line."""

from __future__ import annotations

import dataclasses
import difflib
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from engines.config.shared import shared
from engines.config.strict_yaml import KeyPath, PlainYaml
from engines.errors import ConfigError, InputError
from engines.types import Persona, ScriptedReply

ANSWERS_S = 5.0
"""How long a disk may take to hand over the file."""
_NEVER = object()


def load_personas(path: Path) -> dict[str, Persona]:
    """Read every persona of the file, in its order.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or a persona in it is not right; names the file, the line and the field.
    """
    document = PlainYaml(path)
    people = {persona_id: _persona(document, persona_id, fields) for persona_id, fields in document.value.items()}
    if not people:
        raise document.mistake("there is nobody in the file. It needs at least one persona.", None)
    return people


class PersonaBook:
    """The personas of a file that people edit while the program runs.

    Every access looks (one `stat`) whether the file changed. A file with a mistake, or one that vanished, leaves the last good version
    in use and explains itself in `problem`; so does one whose disk does not answer, for which nobody waits longer than `ANSWERS_S`.
    Safe for threads.

    Raises:
        ConfigError: the file is not right the first time it is read.
    """

    def __init__(self, path: Path, change: Callable[[Persona], Persona] = lambda persona: persona) -> None:
        """Read the file.

        Args:
            path: the file.
            change: what is different about everybody, whatever the file says: another voice, another prompt.
        """
        self._path, self._change = path, change
        self._guard = threading.Lock()
        self._look: _Look | None = None
        """The one that is under way."""
        self._error: ConfigError | None = None
        self._seen: object = _NEVER
        self._people: Mapping[str, Persona] = MappingProxyType({})
        if not self._refresh():
            raise self._silent()
        if self._error:
            raise self._error

    def all(self) -> Mapping[str, Persona]:
        """Everyone, by id, in the order of the file; a snapshot that does not change."""
        self._refresh()
        return self._people

    def get(self, persona_id: str) -> Persona:
        """One person.

        Raises:
            InputError: nobody has this id (code ``unknown_persona``); the message lists who exists.
        """
        people = self.all()
        if persona_id in people:
            return people[persona_id]
        raise InputError(f"There is no such persona; choose one of: {', '.join(people)}.", code="unknown_persona")

    def first(self, preferred: str | None) -> Persona:
        """Who greets first: the preferred one, or the first of the file where nobody is preferred or that person has left the file."""
        people = self.all()
        return people.get(preferred or "") or next(iter(people.values()))

    @property
    def problem(self) -> str | None:
        """Why the file's newest version is not in use, in plain words for the page; None when it is."""
        error = self._error if self._refresh() else self._silent()
        return f"{error.message} Until this is put right, the last good version stays in use." if error else None

    def _silent(self) -> ConfigError:
        return ConfigError("the disk that the file is on does not answer.", file=self._path.name)

    def _fingerprint(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _refresh(self) -> bool:
        """Have a thread look at the file, which may never come back from a network's disk; whether it has."""
        with self._guard:
            if self._look is None:
                look = _Look()
                try:
                    threading.Thread(target=self._read, args=(look,), name="personas", daemon=True).start()
                except RuntimeError:  # no more threads: it is looked at later
                    return bool(self._people)
                self._look = look
            look = self._look
        return look.over.wait(max(0.0, look.until - time.monotonic()))

    def _read(self, look: _Look) -> None:
        try:
            now = self._fingerprint()
            if now != self._seen:
                self._seen = now  # taken before reading: a write that lands in between is seen on the next access
                people = {name: self._change(persona) for name, persona in load_personas(self._path).items()}
                self._people, self._error = MappingProxyType(people), None
        except ConfigError as error:
            self._error = error
        finally:
            with self._guard:
                self._look = None
            look.over.set()


class _Look:
    """One look at a file."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.until = time.monotonic() + ANSWERS_S
        """Nobody waits longer for it."""


_DEFAULT: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Persona)}
_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
MOODS = tuple(shared("acting/moods.json"))
"""How a face can be at rest; the page shows it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ReplyModel(_Strict):
    when: tuple[_Word, ...] = Field(min_length=1)
    say: tuple[_Line, ...] = Field(min_length=1)


class _PersonaModel(_Strict):
    name: _Word
    line: _Word
    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]
    language: str = Field(default=_DEFAULT["language"], pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    voices: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], _Word] = Field(default_factory=dict)
    gender: str = Field(default=_DEFAULT["gender"], pattern="^(female|male)?$")
    age: str = Field(default=_DEFAULT["age"], pattern="^(child|adult|old)?$")
    avatar: str = Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")
    greeting: _Line
    mood: str = Field(default=_DEFAULT["mood"], pattern=f"^({'|'.join(MOODS)})$")
    colour: str = Field(default=_DEFAULT["colour"], pattern=r"^#[0-9a-fA-F]{6}$")
    liveliness: Annotated[float, Field(ge=0, le=2)] = _DEFAULT["liveliness"]
    speed: Annotated[float, Field(ge=0.5, le=2)] = _DEFAULT["speed"]
    max_sentences: Annotated[int, Field(ge=1, le=50)] = _DEFAULT["max_sentences"]
    replies: tuple[_ReplyModel, ...] = ()
    fallbacks: tuple[_Line, ...] = ()

    def value(self, persona_id: str) -> Persona:
        """The same as a frozen value."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}  # all of them: a field cannot be forgotten here
        replies = tuple(ScriptedReply(when=tuple(word.lower() for word in reply.when), say=reply.say) for reply in self.replies)
        changed = {"id": persona_id, "voices": tuple(self.voices.items()), "colour": self.colour.lower(), "replies": replies}
        return Persona(**{**fields, **changed})


_PERSONA_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")

_PATTERN_WORDS = {
    "avatar": "must be the plain name of an avatar, such as mia: letters, digits, - and _, without a folder or an ending",
    "colour": "must be a colour such as '#3a7f86', in quotation marks",
    "mood": f"must be one of {', '.join(MOODS)}",
    "gender": "must be female or male",
    "age": "must be child, adult or old",
    "language": "must be a language tag such as en, es or pt-BR",
    "voices": "must name engines the way their menu does, such as kokoro or espeak_ng",
}
_EMPTY = "is empty"
_LONG = "is longer than {max_length} characters"
_LIST = "must be a list, such as [one, two]"
_NUMBER = "must be a number, such as 0.8"
_FIELDS = "must be fields, each with a colon after its name"
_KIND_WORDS = {
    "missing": "is missing",
    "too_short": _EMPTY,
    "string_too_short": _EMPTY,
    "string_too_long": _LONG,
    "string_type": "must be a single text; if it contains a colon, put it in quotation marks",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _FIELDS,
    "model_type": _FIELDS,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "must be a whole number, such as 4"),
    "finite_number": _NUMBER,
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
}


def _persona(document: PlainYaml, persona_id: str, fields: Any) -> Persona:
    line = document.line_of((persona_id,))
    if not _PERSONA_ID.fullmatch(persona_id):
        words = "cannot be a persona's id: use small letters, digits, - and _, beginning with a letter, such as maya"
        raise document.mistake(f"{persona_id[:40]!r} {words}.", line)
    if not isinstance(fields, dict):
        raise document.mistake(f"{persona_id} has no fields. Indent its name, line, prompt and so on by two spaces below it.", line)
    try:
        return _PersonaModel.model_validate(fields).value(persona_id)
    except ValidationError as error:
        found = error.errors()
        # A misspelt field is also a missing one: the misspelling is what helps.
        first = min(found, key=lambda item: (item["type"] != "extra_forbidden", document.line_of((persona_id, *item["loc"]))))
        more = f" (And {len(found) - 1} more.)" if len(found) > 1 else ""
        line = document.line_of((persona_id, *first["loc"]))
        raise document.mistake(f"{persona_id}: {_in_words(first)}.{more}", line) from error


def _in_words(error: ErrorDetails) -> str:
    kind, field, where = error["type"], str(error["loc"][0]), _spoken_path(error["loc"])
    if kind == "extra_forbidden":
        known = (_ReplyModel if field == "replies" else _PersonaModel).model_fields
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        return f"there is no field {where}; " + (f"did you mean {near[0]}" if near else f"the fields are {', '.join(known)}")
    if kind == "string_pattern_mismatch" or (error["input"] is None and field in _PATTERN_WORDS):
        return f"{where} {_PATTERN_WORDS[field]}"
    if error["input"] is None:
        kind = "too_short"
    return where + " " + _KIND_WORDS.get(kind, f"is not right: {error['msg']}").format_map(error.get("ctx", {}))


def _spoken_path(path: KeyPath) -> str:
    """``("replies", 2, "when")`` becomes ``replies, item 3, when``."""
    return ", ".join(f"item {part + 1}" if isinstance(part, int) else part for part in path if part != "[key]")
