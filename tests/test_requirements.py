"""Every requirement has a test, and every test that names one names one that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from requirements import REQUIREMENTS

HERE = Path(__file__).parent
KNOWN = [requirement.id for requirement in REQUIREMENTS]


def marks_in_python(source: str) -> set[str]:
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    calls = (mark for function in functions for mark in function.decorator_list if isinstance(mark, ast.Call))
    return {
        argument.value
        for call in calls
        if ast.unparse(call.func) in {"requirement", "pytest.mark.requirement"}
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def marks_in_node(source: str) -> set[str]:
    names = re.findall(r"""^\s*test\(\s*(['"`])(.*)\1""", source, re.MULTILINE)
    return {mark for _, name in names for mark in re.findall(r"\[([a-z]+\.[a-z-]+)\]", name)}


def named() -> dict[str, set[str]]:
    """Each file of tests → the requirements that it names."""
    python = {path.name: marks_in_python(path.read_text(encoding="utf-8")) for path in HERE.glob("test_*.py")}
    return python | {path.name: marks_in_node(path.read_text(encoding="utf-8")) for path in HERE.glob("*.test.mjs")}


def test_every_requirement_has_a_test():
    assert sorted(set(KNOWN) - set().union(*named().values())) == []


def test_every_mark_names_a_requirement():
    assert {file: marks - set(KNOWN) for file, marks in named().items() if marks - set(KNOWN)} == {}


def test_a_requirement_is_told_once_in_a_sentence_with_its_source():
    assert len(KNOWN) == len(set(KNOWN))
    for one in REQUIREMENTS:
        assert re.fullmatch(r"[a-z]+\.[a-z-]+", one.id), one
        assert one.sentence.endswith("."), one
        assert one.source, one


def test_marks_are_found_as_they_are_written():
    python = """
@requirement("a.b", "a.c")
@other
def test_x(): ...

@pytest.mark.requirement("a.e")
def test_y(): ...

@requirement("a.d")
def helper(): ...
"""
    node = "test('stops at once [talk.stop] [a.b-c]', () => {\n  test(`each ${one} [a.d]`, () => {"
    assert marks_in_python(python) == {"a.b", "a.c", "a.e"}
    assert marks_in_node(node) == {"talk.stop", "a.b-c", "a.d"}
