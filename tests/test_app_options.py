"""The command line of `python app.py`: what its help names, and a sentence for every option that cannot be used."""

from __future__ import annotations

import tempfile

import pytest
from requirements import requirement

import app


@requirement("app.options")
def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit, match="0"):
        app.parse(["--help"])
    shown = capsys.readouterr().out
    for option in ("--no-browser", "--host", "--port", "--share", "--profile", "--persona", "--stt", "--llm", "--tts", "--help"):
        assert option in shown


@pytest.mark.parametrize("options", [["--persona", "nobody"], ["--tts", "nobody"], ["--port", "0"]], ids=" ".join)
def test_an_option_that_cannot_be_used_is_answered_in_a_sentence(options, monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "TMPDIR", "TEMP", "TMP"):  # which the app sets for its process, and this one goes on
        monkeypatch.setenv(name, tempfile.gettempdir())
    with pytest.raises(SystemExit) as ended:
        app.main(["--no-browser", *options])
    assert str(ended.value).startswith("visavis: ")
