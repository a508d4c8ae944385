"""The composition root: ports, what the page's events lead to, and a served page that keeps its files to itself."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import gradio as gr
import numpy as np
import pytest
from conftest import HOUSE, StubMind, stub_engines, tone

import app
from engines.audio import to_wav
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.registry.registry import Registry
from engines.types import AudioChunk

WAIT_S = 30
CROWD = 45
"""More turns at once than Gradio has threads if nobody asks for more (40)."""


class StubHouseRegistry(Registry):
    """Every adapter is known, but stub engines work."""

    mind = StubMind()

    def engines(self, language=""):
        return stub_engines(mind=self.mind)


@pytest.fixture
def house() -> app.House:
    settings = Settings(max_sessions=64)
    return app.House(settings, StubHouseRegistry(settings), PersonaBook(settings.personas_file))


def request(name: str) -> SimpleNamespace:
    return SimpleNamespace(session_hash=name)


def event(**data: object) -> SimpleNamespace:
    return SimpleNamespace(_data=data)


def test_a_taken_port_leads_to_the_next():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < app.free_port("127.0.0.1", port) <= port + 49
        with pytest.raises(SystemExit, match=f"from {port} to {port} .*--port"):
            app.free_port("127.0.0.1", port, tries=1)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_named(host):
    with pytest.raises(SystemExit, match=rf"{host} is no address of this machine .*--host"):
        app.free_port(host, 7860)


def test_a_typed_message_is_answered_under_the_pages_own_turn(house):
    told = list(house.utterance(event(turn="t-1", text="Hello"), request("a")))
    assert {wire["turn"] for wire in told} == {"t-1"}
    assert [wire["type"] for wire in (told[0], told[1], told[-1])] == ["started", "transcript", "completed"]


def test_two_tabs_share_nothing_and_a_closed_one_is_forgotten(house):
    list(house.utterance(event(turn="t-1", text="My secret is 42."), request("a")))
    list(house.utterance(event(turn="t-2", text="What is it?"), request("b")))
    assert not any("42" in message.content for message in StubHouseRegistry.mind.asked[-1])
    assert len(house.sessions) == 2
    house.leave(request("a"))
    assert len(house.sessions) == 1


def test_an_audio_file_is_answered(house):
    assert list(house.recording(to_wav(tone()), request("a")))[-1]["type"] == "completed"


UPLOADS = {
    "empty": b"",
    "fifty bytes": to_wav(tone())[:50],
    "silent": to_wav(AudioChunk(np.zeros(16_000, np.float32), 16_000)),
    "ten minutes": to_wav(tone(600_000, rate=8_000)),
    "not audio": b"<html></html>" * 99,
}


@pytest.mark.parametrize("file", UPLOADS.values(), ids=UPLOADS)
def test_a_file_that_cannot_be_used_is_answered_in_a_sentence(house, file):
    (failed,) = house.recording(file, request("a"))
    assert failed["type"] == "failed"
    assert len(failed["message"].split()) > 3
    assert list(house.utterance(event(turn="t", text="Hello"), request("a")))[-1]["type"] == "completed"


def test_an_unknown_persona_is_answered_in_a_sentence_and_a_known_one_greets(house):
    (failed,) = house.persona(event(turn="t-1", id="../nobody"), request("a"))
    assert (failed["type"], failed["turn"]) == ("failed", "t-1")
    met, *told = house.persona(event(turn="t-2", id="sam"), request("a"))
    assert (met["type"], met["id"]) == ("persona", "sam")
    assert told[-1]["text"] == met["greeting"]


@pytest.fixture
def page(house) -> Iterator[gr.Blocks]:
    page = app.build(house)
    app.launch(page, house.settings, app.free_port("127.0.0.1", 7870))
    yield page
    page.close()


@pytest.fixture
def address(page) -> str:
    return page.local_url


def post(url: str, body: dict[str, object]) -> dict[str, object]:
    posted = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(posted, timeout=WAIT_S) as answer:
        return json.load(answer)


def function_of(address: str, name: str) -> int:
    with urllib.request.urlopen(f"{address}config", timeout=WAIT_S) as answer:
        return next(one["id"] for one in json.load(answer)["dependencies"] if any(target[1] == name for target in one["targets"]))


def test_no_stop_waits_for_another_persons_turn(house, address, monkeypatch):
    go_on, stopped = threading.Event(), threading.Event()
    mind = StubMind(before=lambda index: index < 1 or go_on.wait(WAIT_S))
    monkeypatch.setattr(StubHouseRegistry, "mind", mind)
    monkeypatch.setattr(house.sessions.get("last"), "stop", lambda heard: stopped.set())
    try:
        ask, stop = function_of(address, "utterance"), function_of(address, "stopped")
        for number in range(CROWD):
            body = {"data": [], "fn_index": ask, "session_hash": f"user{number}", "event_data": {"turn": f"t-{number}", "text": "Hello"}}
            post(f"{address}gradio_api/queue/join", body)
        deadline = time.monotonic() + WAIT_S
        while len(mind.asked) < CROWD and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(mind.asked) == CROWD
        heard = {"turn": "t", "index": 0, "ms": 1}
        threading.Thread(
            target=post,
            args=(f"{address}gradio_api/run/predict", {"data": [], "fn_index": stop, "session_hash": "last", "event_data": heard}),
            daemon=True,
        ).start()
        assert stopped.wait(5)
    finally:
        go_on.set()


def test_an_uploaded_recording_does_not_stay_on_the_disk(page):
    boundary = "b0undary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="secret.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    body = head.encode() + to_wav(tone()) + f"\r\n--{boundary}--\r\n".encode()
    posted = urllib.request.Request(
        f"{page.local_url}gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    with urllib.request.urlopen(posted, timeout=WAIT_S) as answer:
        (stored,) = map(Path, json.load(answer))
    assert stored.is_file()
    page.close()
    deadline = time.monotonic() + WAIT_S
    while stored.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not stored.exists()


FILES = ["personas.yaml", "app.py", "engines/config/settings.py", "tests/test_app.py"]
ROADS = ["gradio_api/file=", "file=", "visavis/", "visavis/../", "visavis/avatars/../../", "static/", "assets/", "gradio_api/file/", ""]


def fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_no_route_serves_a_file_of_the_house(address):
    for file in FILES:
        content = (HOUSE / file).read_bytes()
        for road in ROADS:
            for spelt in (file, f"{HOUSE}/{file}", quote(f"../{file}", safe="")):
                status, body = fetched(f"{address}{road}{spelt}")
                assert status in {200, 403, 404}, (road, spelt, status)
                assert content[:200] not in body, (road, spelt)


class Recorder(Registry):
    """Notes what it is asked for."""

    def __init__(self, settings):
        super().__init__(settings)
        self.asked = []

    def choose(self, stage, wish):
        self.asked.append((stage, wish))
        self._discovery.named(stage, wish)

    def stop(self, stage):
        self.asked.append((stage, "stop"))

    def retry(self, stage):
        self.asked.append((stage, "retry"))


@pytest.mark.parametrize("choosable", [True, False])
def test_engines_are_chosen_only_where_that_is_allowed(choosable):
    registry = Recorder(Settings())
    house = app.House(Settings(), registry, PersonaBook(HOUSE / "personas.yaml"), choosable=choosable)
    assert house.state()["choosable"] is choosable
    orders = [{"stage": "tts", "choose": "espeak_ng"}, {"stage": "llm", "stop": True}, {"stage": "stt", "retry": True}]
    answers = [house.engine(order)["problem"] for order in orders]
    assert registry.asked == ([("tts", "espeak_ng"), ("llm", "stop"), ("stt", "retry")] if choosable else [])
    assert all(bool(problem) is not choosable for problem in answers)


@pytest.mark.parametrize(
    "order", [{}, {"stage": "x", "choose": "y"}, {"stage": "tts"}, {"stage": "tts", "choose": 5}, {"stage": ["tts"], "stop": True}]
)
def test_an_order_that_is_none_changes_nothing(order):
    registry = Recorder(Settings())
    house = app.House(Settings(), registry, PersonaBook(HOUSE / "personas.yaml"), choosable=True)
    assert house.engine(order) == {"problem": ""}
    assert registry.asked == []


def test_an_engine_that_is_not_there_is_answered_in_a_sentence():
    house = app.House(Settings(), Recorder(Settings()), PersonaBook(HOUSE / "personas.yaml"), choosable=True)
    assert "espeak_ng" in house.engine({"stage": "tts", "choose": "nobody"})["problem"]


@pytest.mark.parametrize(
    ("host", "share", "setting", "expected"),
    [
        ("127.0.0.1", False, None, True),
        ("127.0.0.1", True, None, False),
        ("0.0.0.0", False, None, False),
        ("0.0.0.0", True, True, True),
        ("::1", False, False, False),
    ],
)
def test_who_may_choose_follows_from_who_can_come_in(host, share, setting, expected):
    assert app.choosable(Settings(host=host, choose_on_page=setting), share=share) is expected
