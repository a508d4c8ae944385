"""The people's file: what it gives, what its mistakes say, and what happens while it is being edited."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from conftest import StubVoice, speech_of, stub_engines
from requirements import requirement

from engines.api.wire import persona_to_wire
from engines.concurrency.deadlines import Limits
from engines.config import personas, strict_yaml
from engines.config.personas import PersonaBook, load_personas
from engines.conversation.prompt import system_prompt
from engines.errors import ConfigError, InputError
from engines.library.synthesis import speak
from engines.llm import scripted
from engines.types import ChatMessage, Persona, Voice
from engines.voices.choice import voice_of

HOUSE = Path(__file__).resolve().parent.parent
OURS = HOUSE / "personas.yaml"

GOOD = """\
pat:
  name: Pat
  line: Somebody
  prompt: You are Pat.
  avatar: mia
  greeting: Hello, I am Pat.
  replies:
    - when: [Tea, yes]
      say:
        - Milk first.
"""

# What was written → what the message must say, and the line it must name.
MISTAKES = {
    "unknown key": (GOOD.replace("  avatar: mia", "  avatr: mia"), "did you mean avatar", 5),
    "unknown key, nothing near": (GOOD + "  zzz: 1\n", "the fields are name, line", 11),
    "unknown key in a reply": (GOOD.replace("    - when: ", "    - whn: "), "did you mean when", 8),
    "missing field": (GOOD.replace("  avatar: mia\n", ""), "avatar is missing", 1),
    "missing say": (GOOD[: GOOD.index("      say:")], "say is missing", 8),
    "text where a list belongs": (GOOD.replace("[Tea, yes]", "tea"), "when must be a list", 8),
    "list where a text belongs": (GOOD.replace("name: Pat", "name: [Pat]"), "name must be a single text", 2),
    "text where fields belong": (GOOD + "  voices: af_heart\n", "voices must be fields", 11),
    "text where replies belong": (GOOD[: GOOD.index("  replies:")] + "  replies: [hello]\n", "replies, item 1 must be fields", 7),
    "empty list": (GOOD.replace("[Tea, yes]", "[]"), "when is empty", 8),
    "empty phrase": (GOOD.replace("[Tea, yes]", "[tea, '']"), "item 2 is empty", 8),
    "empty name": (GOOD.replace("name: Pat", "name:"), "name is empty", 2),
    "too long": (GOOD.replace("Somebody", "x" * 300), "longer than 200 characters", 3),
    "a number sign in a text": (GOOD.replace("Somebody", "We are #1 here"), "in quotation marks", 3),
    "begins with a direction": (GOOD.replace("Hello, I", "[smile] Hello, I"), "begins with a special character", 6),
    "begins with a dash": (GOOD.replace("Hello, I", "- Hello, I"), "begins with a special character", 6),
    "begins with a sign": (GOOD.replace("Hello, I", "> Hello, I"), "begins with a special character", 6),
    "begins with a question mark": (GOOD.replace("Hello, I", "? Hello, I"), "begins with a special character", 6),
    "a quotation mark left open": (GOOD.replace("Somebody", '"Somebody'), "opened and never closed", 3),
    "an unusual space": (GOOD.replace("  line:", "\u00a0 line:"), "unusual space", 3),
    "a full-width colon": (GOOD.replace("line: ", "line："), "full-width", 3),
    "bad colour": (GOOD + "  colour: greenish\n", "in quotation marks", 11),
    "colour without quotation marks": (GOOD + "  colour: #3a7f86\n", "in quotation marks", 11),
    "bad mood": (GOOD + "  mood: hungry\n", "must be one of neutral", 11),
    "liveliness in words": (GOOD + "  liveliness: very\n", "liveliness must be a number", 11),
    "liveliness is a list": (GOOD + "  liveliness: [1]\n", "liveliness must be a number", 11),
    "too lively": (GOOD + "  liveliness: 3\n", "liveliness must be at most 2", 11),
    "less than dead": (GOOD + "  liveliness: -0.1\n", "liveliness must be at least 0", 11),
    "not a number": (GOOD + "  liveliness: .nan\n", "liveliness must be", 11),
    "bad language": (GOOD + "  language: Klingon!\n", "language tag", 11),
    "bad engine name": (GOOD + "  voices: {../kokoro: x}\n", "voices, ../kokoro must name engines", 11),
    "avatar is a path": (GOOD.replace("mia", "../secret"), "plain name of an avatar", 5),
    "avatar has an ending": (GOOD.replace("mia", "mia.glb"), "plain name of an avatar", 5),
    "id is a path": (GOOD.replace("pat:", "../pat:"), "cannot be a persona's id", 1),
    "id has a newline": (GOOD.replace("pat:", '"pat\\n":'), "cannot be a persona's id", 1),
    "id has capitals": (GOOD.replace("pat:", "Pat:"), "cannot be a persona's id", 1),
    "id twice": (GOOD + GOOD, "'pat' is here a second time (first on line 1)", 11),
    "field twice": (GOOD.replace("  line:", "  name: Sam\n  line:"), "'name' is here a second time", 3),
    "no fields": ("pat:\n", "has no fields", 1),
    "tab": (GOOD.replace("  name", "\tname"), "with a tab", 2),
    "bad indentation": (GOOD.replace("  line", "   line"), "indented like its neighbours", 3),
    "colon in a text": (GOOD.replace("Somebody", "Somebody: nice"), "needs quotation marks", 3),
    "quotation mark left open": (GOOD.replace("name: Pat", 'name: "Pat'), "never closed", None),
    "bracket left open": (GOOD.replace("[Tea, yes]", "[tea, yes"), "commas between", None),
    "special first character": (GOOD.replace("name: Pat", "name: @Pat"), "needs quotation marks", 2),
    "text between fields": (GOOD.replace("  line: Somebody", "  line Somebody"), "needs a colon", 3),
    "field too far left": (GOOD.replace("  greeting", " greeting"), "not indented like its neighbours", 6),
    "quotation mark in the middle": (GOOD.replace("Somebody", '"Some" body'), "quotation mark is missing", 3),
    "two documents": (GOOD + "---\n" + GOOD, "second document", None),
    "empty file": ("", "the file is empty", None),
    "only comments": ("# nobody\n", "the file is empty", None),
    "nobody": ("{}\n", "nobody in the file", None),
    "a list of people": ("- pat\n", "names with a colon", 1),
    "a text": ("hello\n", "names with a colon", 1),
    "fields as id": ("[a, b]:\n  name: x\n", "must be a single word", 1),
    "control character": (GOOD.replace("Somebody", "Some\x07body"), "control character", 3),
    "anchor": (GOOD.replace("name: Pat", "name: &n Pat"), "not used in this file", 2),
    "alias": (GOOD.replace("name: Pat", "name: *n"), "not used in this file", 2),
    "python tag": (GOOD.replace("name: Pat", "name: !!python/object/apply:os.system [ls]"), "tags with !", 2),
    "own tag": (GOOD.replace("name: Pat", "name: !secret Pat"), "tags with !", 2),
    "deep nesting": (GOOD + "  voices: " + "[" * 5000 + "]" * 5000, "nested too deeply", 11),
    "several at once": (GOOD + "  mood: hungry\n  colour: red\n", "And 1 more", 11),
}


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "people.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize("case", MISTAKES)
@requirement("persona.mistake")
def test_a_mistake_is_named_with_its_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, loader: str) -> None:
    monkeypatch.setattr(strict_yaml, "_LOADER", getattr(yaml, loader))
    content, words, line = MISTAKES[case]
    with pytest.raises(ConfigError) as caught:
        load_personas(write(tmp_path, content))
    assert words in caught.value.message
    assert caught.value.message.startswith("people.yaml")
    assert str(tmp_path) not in caught.value.message
    assert "Traceback" not in caught.value.message
    assert "is not right" not in caught.value.message, "pydantic's words"
    if line is not None:
        assert caught.value.line == line, caught.value.message


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@requirement("house.yaml-messages")
def test_no_message_depends_on_the_parsers_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str) -> None:
    class Reworded(getattr(yaml, loader)):  # type: ignore[misc]
        def check_event(self, *choices: type) -> bool:
            with _other_words():
                return bool(super().check_event(*choices))

        def get_single_node(self) -> object:
            with _other_words():
                return super().get_single_node()

    for content, words, _ in MISTAKES.values():
        monkeypatch.setattr(strict_yaml, "_LOADER", Reworded)
        with pytest.raises(ConfigError) as caught:
            load_personas(write(tmp_path, content))
        assert words in caught.value.message


@contextmanager
def _other_words() -> Iterator[None]:
    try:
        yield
    except yaml.MarkedYAMLError as error:
        error.context = error.problem = "in other words"
        raise


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    for content in (GOOD.encode("utf-16"), b"pat:\n  name: M\xfcller\n", b"\xff\xd8\xff\xe0" * 50):
        with pytest.raises(ConfigError, match="UTF-8"):
            load_personas(write(tmp_path, content))


def test_a_file_over_a_megabyte_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load_personas(write(tmp_path, GOOD + "#" * 1_000_000))


def test_a_folder_or_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_personas(tmp_path)
    with pytest.raises(ConfigError, match="not there"):
        load_personas(tmp_path / "none.yaml")


def test_texts_stay_as_they_were_typed(tmp_path: Path) -> None:
    text = GOOD.replace("name: Pat", "name: 007").replace("[Tea, yes]", "[Tea, yes, 1.50, 2026-01-01]")
    person = load_personas(write(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()))["pat"]
    assert person.name == "007"
    assert person.replies[0].when == ("tea", "yes", "1.50", "2026-01-01")


def test_what_is_left_out_has_a_plain_default(tmp_path: Path) -> None:
    person = load_personas(write(tmp_path, GOOD))["pat"]
    assert isinstance(person, Persona)
    assert (person.language, person.mood, person.voices, person.fallbacks) == ("en", "neutral", (), ())
    assert person.voice_for("kokoro") is None


def test_our_people_are_who_they_should_be() -> None:
    people = load_personas(OURS)
    named = {"maya": ("mia", "af_heart"), "sam": ("leo", "am_michael"), "alex": ("ava", "af_bella"), "captain": ("nova", "am_adam")}
    assert {key: (person.avatar, person.voice_for("kokoro")) for key, person in people.items()} == named
    for person in people.values():
        assert (OURS.parent / "avatar_assets" / "avatars" / f"{person.avatar}.glb").is_file()
        assert len(person.replies) >= 10
        assert len(person.fallbacks) >= 2


EVERY_FIELD = """\
pat:
  name: Pat
  line: Somebody
  prompt: You are Pat.
  language: es
  voices: {espeak_ng: es+f3}
  gender: male
  age: old
  avatar: mia
  greeting: Hola.
  mood: happy
  colour: '#ABCDEF'
  liveliness: 0.4
  speed: 2
  max_sentences: 2
  replies:
    - when: [Tea]
      say: [Milk first.]
  fallbacks: [Go on.]
"""
CHOIR = [
    Voice("eva", "Eva", "es", "female"),
    Voice("ivo", "Ivo", "es", "male"),
    Voice("al", "Al", "es"),
    Voice("abuelo", "", "es", age="old"),
]
STEERS: dict[str, Callable[[Persona], object]] = {
    "id": lambda pat: persona_to_wire(pat, Path())["id"] == "pat",
    "name": lambda pat: persona_to_wire(pat, Path())["name"] == "Pat",
    "line": lambda pat: persona_to_wire(pat, Path())["line"] == "Somebody",
    "prompt": lambda pat: "You are Pat." in system_prompt(pat),
    "language": lambda pat: "Spanish" in system_prompt(pat),
    "voices": lambda pat: pat.voice_for("espeak_ng") == "es+f3",
    "gender": lambda pat: voice_of(pat, "choir", CHOIR) in {"ivo", "abuelo"},
    "age": lambda pat: voice_of(dataclasses.replace(pat, gender=""), "choir", CHOIR[2:]) == "abuelo",
    "avatar": lambda pat: persona_to_wire(pat, Path())["avatar"] == "mia",
    "greeting": lambda pat: persona_to_wire(pat, Path())["greeting"] == "Hola.",
    "mood": lambda pat: persona_to_wire(pat, Path())["mood"] == "happy",
    "colour": lambda pat: persona_to_wire(pat, Path())["colour"] == "#abcdef",
    "liveliness": lambda pat: persona_to_wire(pat, Path())["liveliness"] == 0.4,
    "speed": lambda pat: _length_of(pat) < 1500,
    "max_sentences": lambda pat: "at most 2 sentences" in system_prompt(pat),
    "replies": lambda pat: _scripted(pat, "Any tea?") == "Milk first.",
    "fallbacks": lambda pat: _scripted(pat, "Whatever") == "Go on.",
}


def _scripted(person: Persona, question: str) -> str:
    mind = scripted.load(scripted.Options(), "cpu")
    return "".join(delta.text for delta in mind.stream([ChatMessage("user", question)], person))


def _length_of(person: Persona) -> float:
    """Four words, of 500 ms each at the voice's own speed."""
    voice = StubVoice(say=lambda text: iter([speech_of(text, ms_per_word=500)]))
    spoken = speak("One two three four", person, stub_engines(voice=voice), Limits())
    return sum(segment.audio.duration_ms for segment in spoken)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Persona)])
@requirement("persona.fields")
def test_every_field_of_the_file_reaches_what_it_steers(tmp_path: Path, field: str) -> None:
    assert set(yaml.safe_load(EVERY_FIELD)["pat"]) | {"id"} == set(STEERS)
    (pat,) = load_personas(write(tmp_path, EVERY_FIELD)).values()
    plain = load_personas(write(tmp_path, GOOD[: GOOD.index("  replies")]))["pat"]
    assert STEERS[field](pat)
    if field in {"language", "voices", "mood", "colour", "liveliness", "speed", "max_sentences", "replies", "fallbacks"}:
        assert not STEERS[field](plain)


@requirement("persona.file")
def test_an_edit_is_seen_on_the_next_access(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    book = PersonaBook(path)
    before = book.all()
    write(tmp_path, GOOD + GOOD.replace("pat:", "sam:"))
    assert list(book.all()) == ["pat", "sam"]
    assert list(before) == ["pat"]
    assert book.problem is None


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    book = PersonaBook(path)
    stat = path.stat()
    new = tmp_path / "new.yaml"
    new.write_text(GOOD.replace("Somebody", "Everybody"[:8]))
    os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    new.replace(path)
    assert book.get("pat").line == "Everybod"


@pytest.mark.parametrize("spoil", ["mistake", "vanish"])
@requirement("persona.mistake")
def test_a_mistake_leaves_the_last_good_version_and_says_so(tmp_path: Path, spoil: str) -> None:
    path = write(tmp_path, GOOD)
    book = PersonaBook(path)
    if spoil == "vanish":
        path.unlink()
    else:
        path.write_text(GOOD.replace("  avatar", "  avatr"))
    assert book.get("pat").name == "Pat"
    assert book.problem is not None
    assert ("line 5" if spoil == "mistake" else "not there") in book.problem
    assert book.problem.count("last good version") == 1
    path.write_text(GOOD)
    assert book.problem is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
@requirement("persona.stalled")
def test_a_pipe_in_place_of_the_file_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    book = PersonaBook(path)
    path.unlink()
    os.mkfifo(path)
    assert book.get("pat").name == "Pat"
    assert "this is no file" in str(book.problem)
    with pytest.raises(ConfigError, match=r"^people\.yaml: this is no file"):
        PersonaBook(path)
    with pytest.raises(ConfigError, match=r"this is no file|cannot be read"):
        PersonaBook(tmp_path)


@requirement("persona.stalled")
def test_a_disk_that_does_not_answer_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)
    book, answers, stat = PersonaBook(path), threading.Event(), Path.stat
    monkeypatch.setattr(personas, "ANSWERS_S", 0.05)
    monkeypatch.setattr(Path, "stat", lambda path, **how: answers.wait(20) and stat(path, **how))
    try:
        for _ in range(100):
            assert book.get("pat").name == "Pat"
        assert "does not answer" in str(book.problem)
        assert sum(thread.name == "personas" for thread in threading.enumerate()) == 1
        with pytest.raises(ConfigError, match=r"^people\.yaml: the disk .* does not answer\.$"):
            PersonaBook(path)
    finally:
        answers.set()
    monkeypatch.undo()
    write(tmp_path, GOOD.replace("Pat", "Pip"))
    until = time.monotonic() + 20
    while book.get("pat").name != "Pip" and time.monotonic() < until:
        time.sleep(0.01)
    assert book.problem is None


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = PersonaBook(write(tmp_path, GOOD))
    monkeypatch.setattr("engines.config.personas.load_personas", lambda path: pytest.fail("read again"))
    assert list(book.all()) == ["pat"]


@pytest.mark.parametrize("who", ["nobody", "", "../pat", "PAT", "x" * 10_000])
def test_an_unknown_persona_is_answered_with_who_there_is(tmp_path: Path, who: str) -> None:
    with pytest.raises(InputError) as caught:
        PersonaBook(write(tmp_path, GOOD)).get(who)
    assert caught.value.code == "unknown_persona"
    assert "pat" in caught.value.message
    assert len(caught.value.message) < 200


def test_the_book_cannot_be_written_in(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        PersonaBook(write(tmp_path, GOOD)).all()["eve"] = None  # type: ignore[index]


def test_many_threads_read_while_the_file_changes(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    book = PersonaBook(path)
    wrong: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            if "pat" not in book.all() or book.get("pat").name != "Pat":
                wrong.append(book.problem)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        path.write_text(GOOD if turn % 2 else "pat: [\n")
    path.write_text(GOOD + "# done\n")
    stop.set()
    for thread in threads:
        thread.join(5)
    assert not wrong
    assert book.problem is None
