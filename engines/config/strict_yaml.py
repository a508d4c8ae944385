"""Strict YAML reader: mappings, lists and texts with the line of each; mistakes are explained in plain words."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from engines.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Where a value stands: ``("maya", "replies", 2, "when")``."""

_MAX_BYTES = 1_000_000
_MAX_DEPTH = 8  # lists and mappings within each other
_TOO_DEEP = "lists are nested too deeply here."
_STANDARD_TAGS = {f"tag:yaml.org,2002:{name}" for name in "str int float bool null seq map timestamp merge value".split()}
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads the same language, forty times faster

_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, section 4.1.1
_QUOTES = ("'", '"')
_BRACKETS = ("[", "{")
_SPECIAL = tuple("@`%&*!|>[{?-#")  # characters that YAML gives a meaning at the beginning of a text
_VALUE = re.compile(r"\s*(?:- +)*(?:[^\s:#\"'\[{]+:\s+)?(.*)")
"""A line; what follows its dashes and its name."""
_STRANGE_SPACE = re.compile("[^\\S \t\r\n]")


def _read(path: Path) -> str:
    try:
        with open(path, "rb", opener=_opened) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError("this is no file, but a folder, a pipe or a device.", file=path.name)
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError("the file is not there. Put it back.", file=path.name) from error
    except OSError as error:
        raise ConfigError(f"the file cannot be read ({error.strerror}).", file=path.name) from error
    if len(data) > _MAX_BYTES:
        raise ConfigError("the file is larger than 1 MB. Keep it smaller.", file=path.name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError("the file is not UTF-8 text. Save it with the encoding UTF-8.", file=path.name, line=line) from error


def _opened(path: str, flags: int) -> int:
    """Opened without waiting for whoever writes into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _line(part: yaml.Node | yaml.Event) -> int:
    mark = part.start_mark
    return mark.line + 1 if mark else 1


class PlainYaml:
    """One reading of a file: `value` is its top-level mapping of dicts, lists, texts and None.

    Every text stays as it was typed (`yes`, `on` and `007` are phrases to the people who write them): YAML's types are not used, and
    neither are its anchors and tags.

    Raises:
        ConfigError: the file cannot be read, is larger than 1 MB, or is not a YAML mapping; names the file and the line.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.name
        self._text = _read(path)
        self._lines: dict[KeyPath, int] = {}
        self.value: dict[str, Any] = self._mapping()

    def line_of(self, path: KeyPath) -> int:
        """The line of the value at that path, or of the nearest value around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def mistake(self, message: str, line: int | None) -> ConfigError:
        """An error about this file, for the caller to raise."""
        return ConfigError(message, file=self._file, line=line)

    def _mapping(self) -> dict[str, Any]:
        if unprintable := _NOT_PRINTABLE.search(self._text):
            line = self._text.count("\n", 0, unprintable.start()) + 1
            raise self.mistake("an invisible control character is in this line. Type the line anew.", line)
        try:
            self._check_events()
            root = yaml.compose(self._text, Loader=_LOADER)
        except yaml.YAMLError as error:
            raise self._not_yaml(error) from error
        if root is None:
            raise self.mistake("the file is empty.", None)
        if not isinstance(root, yaml.MappingNode):
            raise self.mistake("the file must be made of names with a colon, and what belongs to each indented below it.", _line(root))
        value: dict[str, Any] = self._plain(root, ())
        return value

    def _check_events(self) -> None:
        # Aliases make small files unfold into huge ones, and deep nesting exhausts the composer's stack: both end here, before composing.
        depth = 0
        for event in yaml.parse(self._text, Loader=_LOADER):
            if getattr(event, "anchor", None):
                raise self.mistake("names with & and * are not used in this file. Write the text out.", _line(event))
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                raise self.mistake(_TOO_DEEP, _line(event))

    def _not_yaml(self, error: yaml.YAMLError) -> ConfigError:
        mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
        if mark is None:
            return self.mistake("this cannot be read: it is not YAML.", None)
        typed = self._typed(mark)
        if "\t" in typed[: len(typed) - len(typed.lstrip())]:
            return self.mistake("the line is indented with a tab. Use spaces instead.", mark.line + 1)
        before = typed[: mark.column + 1]
        if sum(map(before.count, _BRACKETS)) > _MAX_DEPTH:  # the parser looks ahead along a line and may give up before it says where it is
            return self.mistake(_TOO_DEEP, mark.line + 1)
        opened = self._typed(begun)[begun.column :] if begun else ""
        lines = self._text.splitlines()
        for number in range(max(min(begun.line if begun else mark.line, mark.line - 1), 0), min(mark.line + 1, len(lines))):
            line = lines[number]
            if _STRANGE_SPACE.search(line[: len(line) - len(line.lstrip())]):
                return self.mistake("an unusual space stands at the beginning of this line. Use ordinary spaces instead.", number + 1)
            if "：" in line and ":" not in line:
                return self.mistake("the colon in this line is a full-width one. Use an ordinary colon and a space.", number + 1)
        if begun and opened.startswith(_QUOTES) and begun.line < mark.line:
            return self.mistake(f"this cannot be read: {_hint(typed, mark.column, opened)}.", begun.line + 1)
        if begun and begun.line < mark.line and ":" not in opened and not opened.startswith((*_QUOTES, *_BRACKETS)):
            return self.mistake("this cannot be read: a field needs a colon and a space after its name.", begun.line + 1)
        return self.mistake(f"this cannot be read: {_hint(typed, mark.column, opened)}.", mark.line + 1)

    def _typed(self, mark: yaml.Mark) -> str:
        """The line that a mark stands on; empty behind the end of the file."""
        lines = self._text.splitlines()
        return lines[mark.line] if mark.line < len(lines) else ""

    def _plain(self, node: yaml.Node, path: KeyPath) -> Any:
        line = _line(node)
        self._lines.setdefault(path, line)
        if node.tag not in _STANDARD_TAGS:
            raise self.mistake("tags with ! are not used in this file. Remove the tag, or put the text in quotation marks.", line)
        if isinstance(node, yaml.ScalarNode):
            typed = self._typed(node.start_mark)[node.start_mark.column :] if node.start_mark else ""
            if not node.style and node.value and typed.startswith(node.value) and re.match(r"\s+#\S", typed[len(node.value) :]):
                raise self.mistake("a # begins a note, which is no part of the text. Put the text in quotation marks.", line)
            return None if node.tag.endswith(":null") and node.style is None else node.value
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.value)]
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = key_node.value, _line(key_node)
            if not isinstance(key, str):
                raise self.mistake("a field's name must be a single word.", line)
            if key in result:
                first = self._lines[(*path, key)]
                raise self.mistake(f"{key!r} is here a second time (first on line {first}). Give it another name or remove it.", line)
            self._lines[(*path, key)] = line
            result[key] = self._plain(value_node, (*path, key))
        return result


def _hint(typed: str, column: int, opened: str) -> str:
    """What is probably wrong, read from the text: what a parser says of it changes from one version to the next.

    Args:
        typed: the line that the parser stopped on.
        column: where on it.
        opened: the text from where the unfinished part began that it stopped in; empty if it did not say.
    """
    if opened.startswith(_QUOTES):
        return "a quotation mark is opened and never closed"
    if opened.startswith(_BRACKETS):
        return "a list that begins with [ needs commas between its items and ] at its end"
    if typed.startswith(("---", "...")):
        return "a line of three dashes begins a second document; remove it"
    value = _VALUE.match(typed)
    if typed.startswith(_SPECIAL[:8], column) or (value and value[1].startswith(_SPECIAL) and not value[1].startswith("-" * 3)):
        return "a text that begins with a special character needs quotation marks around it"
    if typed.startswith(":", column):
        return "a text with a colon in it needs quotation marks, and a field must be indented like its neighbours"
    return "this line is not indented like its neighbours, or a quotation mark is missing"
