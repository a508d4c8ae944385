"""Bearer tokens: made by a command, kept as digests, taken back."""

from __future__ import annotations

import stat
import sys

import pytest
from requirements import requirement

from engines import cli
from engines.api.access.tokens import Tokens
from engines.errors import InputError


@requirement("api.tokens")
def test_a_token_is_known_until_it_is_taken_back_and_kept_nowhere(tmp_path):
    path = tmp_path / "deep" / "tokens"
    tokens, elsewhere = Tokens(path), Tokens(path)
    first, second = tokens.create("rig"), tokens.create("home")
    assert (elsewhere.owner(first), elsewhere.owner(second)) == ("rig", "home")
    assert first not in path.read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for wrong in ("", first[:-1], first.upper(), "x" * 100_000, "é"):
        assert elsewhere.owner(wrong) is None
    elsewhere.revoke("rig")
    assert tokens.owner(first) is None
    assert tokens.names() == ("home",)
    for name in ("home", "a b", "", "../x"):
        with pytest.raises(InputError):
            tokens.create(name)
    with pytest.raises(InputError):
        tokens.revoke("rig")


@requirement("api.tokens")
def test_the_command_shows_it_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VISAVIS_TOKENS", str(tmp_path / "tokens"))
    assert cli.main(["token", "create", "rig"]) == 0
    token = capsys.readouterr().out.strip()
    assert Tokens(tmp_path / "tokens").owner(token) == "rig"
    assert cli.main(["token", "list"]) == 0
    assert capsys.readouterr().out == "rig\n"
    assert cli.main(["token", "revoke", "rig"]) == 0
    assert cli.main(["token", "revoke", "rig"]) == 1
