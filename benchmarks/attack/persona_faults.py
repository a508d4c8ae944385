"""Persona-file faults while the app runs: the last good version stays in use, a sentence names the file, and nobody waits."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.attack._app import end, verdict
from benchmarks.attack._stubs import PEOPLE, within
from engines.config.personas import PersonaBook

GOOD = PEOPLE.read_text(encoding="utf-8")
ONE = GOOD[GOOD.index("\nmaya:") + 1 : GOOD.index("\nsam:")]
LAUGHS = "a: &a [x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20))
LIMIT_S = 6


def _write(content: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(target: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return link


FAULTS: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "empty": _write(""),
    "only comments": _write("# nobody\n"),
    "binary": _write(os.urandom(10_000)),
    "UTF-16": _write(GOOD.encode("utf-16")),
    "Latin-1": _write(GOOD.replace("Maya", "Maÿa").encode("latin-1", "replace")),
    "half a character": _write(GOOD.replace("Maya", "\ud800")),
    "NUL": _write(GOOD.replace("Maya", "\0")),
    "2 MB": _write(GOOD + "#" * 2_000_000),
    "billion laughs": _write(LAUGHS),
    "an alias of itself": _write("maya: &a\n  name: *a\n"),
    "a Python object": _write("maya: !!python/object/apply:os.system ['id']\n"),
    "a tag": _write("maya: !secret {name: x}\n"),
    "two documents": _write(GOOD + "\n---\n" + GOOD),
    "tabs": _write(GOOD.replace("\n  ", "\n\t")),
    "nested deeply": _write("maya: " + "[" * 5_000),
    "a list": _write("- maya\n- sam\n"),
    "a word": _write("maya"),
    "an open quote": _write(GOOD.replace("name: ", "name: '", 1)),
    "an open bracket": _write("maya: [\n"),
    "twice the same": _write(ONE + "\n" + ONE),
    "a field too many": _write(ONE.replace("  name:", "  nam:", 1)),
    "a field missing": _write(ONE.replace("  prompt:", "  greeting2:", 1)),
    "an id with a path": _write(ONE.replace("maya:", "../maya:", 1)),
    "an avatar with a path": _write(ONE.replace("  avatar: ", "  avatar: ../../", 1)),
    "a number too large": _write(ONE.rstrip() + "\n  liveliness: 1e999\n"),
    "a colour that is none": _write(ONE.rstrip() + "\n  colour: red\n"),
    "no field at all": _write("maya:\n"),
    "half written": _write(GOOD[: len(GOOD) // 3] + '\n  name: "'),
    "15 000 people": _write("".join(ONE.replace("maya:", f"p{number}:", 1) for number in range(15_000))),
    "a line of 900 000 characters": _write("maya: '" + "x" * 900_000 + "'\n"),
    "a pipe": _pipe,
    "a folder": _folder,
    "a link to itself": _link("people.yaml"),
    "a link to a device": _link("/dev/zero"),
    "a link to the terminal": _link("/dev/tty"),
}


def _survives(book: PersonaBook, path: Path, spoil: Callable[[Path], object]) -> bool:
    spoil(path)
    looked = within(LIMIT_S, lambda: (book.first("maya").name, book.problem or ""))
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.write_text(GOOD, encoding="utf-8")
    healed = within(LIMIT_S, lambda: book.problem is None)
    name, problem = looked or ("", "")
    sentence = problem.startswith("people.yaml") and problem.endswith(".") and "\n" not in problem and len(problem) < 2_000
    return name == "Dr. Maya Chen" and sentence and bool(healed)


def main() -> None:
    """Each fault in turn, and the good file after it."""
    failed = []
    slowest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.yaml"
        path.write_text(GOOD, encoding="utf-8")
        book = PersonaBook(path)
        for name, spoil in FAULTS.items():
            began = time.perf_counter()
            if not _survives(book, path, spoil):
                failed.append(name)
                print(f"attack: a persona file that is {name}: NOT survived")
            slowest_s = max(slowest_s, time.perf_counter() - began)
    held = len(FAULTS) - len(failed)
    end(
        verdict(f"persona-file faults survived: {held} of {len(FAULTS)}", holds=not failed and len(FAULTS) >= 35, goal="35 of 35"),
        verdict(f"persona-file faults: the slowest took {slowest_s:.1f} s", holds=slowest_s < LIMIT_S, goal=f"under {LIMIT_S} s"),
    )


if __name__ == "__main__":
    main()
