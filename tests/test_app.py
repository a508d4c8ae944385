"""The composition root: what the page's events lead to, and a served page that keeps its files to itself."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from browsing import EMBEDDED, running
from conftest import HOUSE, StubMind, stub_engines, tone
from requirements import requirement

import app
from engines.audio import to_wav
from engines.config.address import free_port
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.registry.registry import Registry

WAIT_S = 30
CROWD = 45
"""More turns at once than Gradio has threads if nobody asks for more (40)."""


class StubHouseRegistry(Registry):
    """Every adapter is known, but stub engines work."""

    mind = StubMind()

    def engines(self, language="", input_language=None):
        return stub_engines(mind=self.mind)


@pytest.fixture
def service() -> ConversationService:
    settings = Settings(max_sessions=64)
    return ConversationService(settings, StubHouseRegistry(settings), PersonaBook(settings.personas_file), choosable=True)


@pytest.fixture
def events(service) -> app.PageEvents:
    return app.PageEvents(service)


def request(name: str) -> SimpleNamespace:
    return SimpleNamespace(session_hash=name)


def event(**data: object) -> SimpleNamespace:
    return SimpleNamespace(_data=data)


@requirement("talk.type")
def test_a_typed_message_is_answered_under_the_pages_own_turn(events):
    told = list(events.utterance(event(turn="t-1", text="Hello"), request("a")))
    assert {wire["turn"] for wire in told} == {"t-1"}
    assert [wire["type"] for wire in (told[0], told[1], told[-1])] == ["started", "transcript", "completed"]


def test_two_tabs_share_nothing_and_a_closed_one_is_forgotten(events, service):
    list(events.utterance(event(turn="t-1", text="My secret is 42."), request("a")))
    list(events.utterance(event(turn="t-2", text="What is it?"), request("b")))
    assert not any("42" in message.content for message in StubHouseRegistry.mind.asked[-1])
    assert len(service) == 2
    events.leave(request("a"))
    assert len(service) == 1


@requirement("talk.file")
def test_every_file_is_answered_under_an_id_of_its_own_also_one_that_cannot_be_used(events):
    (first,), (second,) = events.recording(b"no sound", request("a")), events.recording(b"no sound", request("a"))
    assert first["type"] == second["type"] == "failed"
    assert len({first["turn"], second["turn"], ""}) == 3
    assert list(events.recording(to_wav(tone()), request("a")))[-1]["type"] == "completed"


def test_an_unknown_persona_is_answered_in_a_sentence_and_a_known_one_greets(events):
    (failed,) = events.persona(event(turn="t-1", id="../nobody"), request("a"))
    assert (failed["type"], failed["turn"]) == ("failed", "t-1")
    met, *told = events.persona(event(turn="t-2", id="sam"), request("a"))
    assert (met["type"], met["id"]) == ("persona", "sam")
    assert told[-1]["text"] == met["greeting"]


@pytest.mark.parametrize("data", [None, 7, [], "x"])
def test_an_event_without_fields_is_answered_in_a_sentence(events, data):
    nothing = SimpleNamespace(_data=data)
    (failed,) = events.utterance(nothing, request("a"))
    assert failed["type"] == "failed"
    assert list(events.greet(nothing, request("a")))[-1]["type"] == "completed"
    events.stopped(nothing, request("a"))


def test_an_order_for_an_engine_is_answered_with_what_is_wrong_with_it(events):
    assert events.engine({}) == {"problem": ""}
    assert "espeak_ng" in events.engine({"stage": "tts", "choose": "nobody"})["problem"]
    assert events.state()["choosable"] is True


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[ConversationService, str]]:
    """The page as it is served, and the service behind it."""
    settings = Settings(max_sessions=64)
    service = ConversationService(settings, StubHouseRegistry(settings), PersonaBook(settings.personas_file))
    page = app.build(service)
    app.launch(page, settings, free_port("127.0.0.1", 7870))
    yield service, page.local_url
    app.close(page, service)


def post(url: str, body: dict[str, object]) -> dict[str, object]:
    posted = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(posted, timeout=WAIT_S) as answer:
        return json.load(answer)


def function_of(address: str, name: str) -> int:
    with urllib.request.urlopen(f"{address}config", timeout=WAIT_S) as answer:
        return next(one["id"] for one in json.load(answer)["dependencies"] if any(target[1] == name for target in one["targets"]))


def test_no_stop_waits_for_another_persons_turn(served, monkeypatch):
    service, address = served
    go_on, stopped = threading.Event(), threading.Event()
    mind = StubMind(before=lambda index: index < 1 or go_on.wait(WAIT_S))
    monkeypatch.setattr(StubHouseRegistry, "mind", mind)
    monkeypatch.setattr(service, "stop", lambda session, position: stopped.set())
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


def upload(address: str, file: bytes) -> Path:
    boundary = "b0undary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="secret.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    body = head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
    posted = urllib.request.Request(f"{address}gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    with urllib.request.urlopen(posted, timeout=WAIT_S) as answer:
        (stored,) = map(Path, json.load(answer))
    return stored


@pytest.mark.skipif(os.name != "posix", reason="signals are sent in another way elsewhere")
@requirement("app.end")
def test_ctrl_c_ends_the_app_also_where_it_was_ignored_at_start_and_no_recording_stays_on_the_disk():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background; inherited
    try:
        with running(**EMBEDDED) as (address, _):
            stored = upload(address, to_wav(tone()))
            assert stored.is_file()
            tab = urllib.request.urlopen(f"{address}gradio_api/heartbeat/one", timeout=WAIT_S)  # open for as long as the page is
            asked = time.monotonic()
        assert time.monotonic() - asked < 3
        tab.close()
        assert not stored.exists()
    finally:
        signal.signal(signal.SIGINT, before)


def test_every_signal_that_ends_programs_ends_the_app_but_nohup_is_kept():
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        app.end_on_signals()
        assert [signal.getsignal(number) is signal.default_int_handler for number in numbers] == [True, True, False]
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        app.end_on_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.default_int_handler
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


FILES = ["personas.yaml", "app.py", "engines/config/settings.py", "tests/test_app.py"]
ROADS = ["gradio_api/file=", "file=", "visavis/", "visavis/../", "visavis/avatars/../../", "static/", "assets/", "gradio_api/file/", ""]


def fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


@requirement("app.served")
def test_no_route_serves_a_file_of_the_project(served):
    _, address = served
    for file in FILES:
        content = (HOUSE / file).read_bytes()
        for road in ROADS:
            for spelt in (file, f"{HOUSE}/{file}", quote(f"../{file}", safe="")):
                status, body = fetched(f"{address}{road}{spelt}")
                assert status in {200, 403, 404}, (road, spelt, status)
                assert content[:200] not in body, (road, spelt)


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
