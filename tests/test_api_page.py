"""The page's API on a real server: what messages lead to, streams that break off and go on, and requests that are not to be trusted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from conftest import HOUSE, StubMind, StubRegistry, StubVoice, in_threads, stub_engines, tone
from page_client import WAIT_S, Tab, post, serving
from requirements import requirement

from engines.api import clients, page_api
from engines.api.frames import frame
from engines.api.page_api import PageApi
from engines.audio import to_pcm16, to_wav
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.events import SegmentReady
from engines.registry.registry import Registry
from engines.types import AudioChunk

SESSION = "0" * 32
CROWD = 45
"""More turns at once than a server's pool has threads."""


class StubHouse(StubRegistry, Registry):
    """Every adapter is known, but stub engines work."""

    def __init__(self, settings: Settings) -> None:
        Registry.__init__(self, settings)
        self.mind, self.voice = StubMind(), StubVoice()

    @classmethod
    @cache
    def of_all_tests(cls) -> StubHouse:
        """One is enough: to look at all engines for the first time takes a while."""
        return cls(Settings())

    def engines(self, language="", input_language=None):
        return stub_engines(mind=self.mind, voice=self.voice)


@pytest.fixture
def settings() -> Settings:
    return Settings(max_sessions=64, max_upload_mb=1, max_utterance_ms=20_000)


@pytest.fixture
def house() -> StubHouse:
    house = StubHouse.of_all_tests()
    house.mind, house.voice = StubMind(), StubVoice()
    return house


@pytest.fixture
def service(settings, house) -> ConversationService:
    return ConversationService(settings, house, PersonaBook(HOUSE / "personas.yaml"))


@pytest.fixture
def address(service) -> Iterator[str]:
    with serving(PageApi(service, HOUSE / "avatar_assets" / "avatars")) as url:
        yield url


@pytest.fixture
def tab(address) -> Tab:
    tab = Tab(address)
    tab.open()
    return tab


def eventually(holds, seconds: float = WAIT_S) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


# ---- what messages lead to


@requirement("talk.type")
def test_a_typed_message_is_answered_under_the_pages_own_turn(tab):
    told = tab.say("Hello", "t-1")
    assert {event["turn"] for event in told} == {"t-1"}
    assert [told[0]["type"], told[1]["type"], told[-1]["type"]] == ["started", "transcript", "completed"]
    assert [event["number"] for event in told] == list(range(1, len(told) + 1))
    assert all(event["pcm"] for event in told if event["type"] == "segment")


def test_a_recording_is_answered(tab):
    assert tab.send("utterance", to_pcm16(tone()), turn="t-1", sampleRate=16_000) == ""
    assert tab.until("completed")[1]["text"] == "hello there"


@requirement("talk.file")
def test_every_file_is_answered_under_its_own_turn_also_one_that_cannot_be_used(tab):
    for turn, file, end in (("a", b"no sound", "failed"), ("b", b"no sound", "failed"), ("c", to_wav(tone()), "completed")):
        assert tab.send("utterance", file, turn=turn) == ""
        last = tab.until("completed", "failed")[-1]
        assert (last["turn"], last["type"]) == (turn, end)


def test_an_unknown_persona_is_answered_in_a_sentence_and_a_known_one_greets(tab):
    tab.send("persona", turn="t-1", id="../nobody")
    (refused,) = tab.until("failed")
    assert refused["turn"] == "t-1"
    tab.send("persona", turn="t-2", id="sam")
    met, *told = tab.until("completed")
    assert (met["type"], met["id"]) == ("persona", "sam")
    assert told[-1]["text"] == met["greeting"]


def test_stop_and_clear_reach_the_conversation(tab, service):
    told = tab.say("Hello", "t-1")
    assert tab.send("stopped", turn="t-1", index=0, ms=1) == ""
    assert len(service.conversation(tab.session).turn("t-1").said) < len(told[-1]["text"])
    assert tab.send("cleared") == ""
    assert not service.conversation(tab.session).turns


@requirement("talk.heard")
def test_wherever_an_answer_is_interrupted_the_page_is_told_what_is_remembered_to_the_word(tab, service, house):
    """What left the loudspeaker by the page's own account: the words of which more than half was played."""
    house.mind.deltas = ["I ran 3 km today. ", "It took $5, or 20 minutes? ", "Well, yes."]
    dice = np.random.default_rng(11)
    for number in range(30):
        told = tab.say("Go", f"t-{number}")
        segments = [event for event in told if event["type"] == "segment"]
        reply = "".join(event["text"] for event in told if event["type"] == "delta")
        index = int(dice.integers(len(segments)))
        position = {"turn": f"t-{number}", "index": index, "ms": dice.uniform(0, 1500)}
        heard = [end for segment in segments[:index] for end in segment["wends"]]
        begun = zip(*(segments[index][name] for name in ("wends", "wtimes", "wdurations")), strict=True)
        heard += [end for end, start, length in begun if start + length / 2 <= position["ms"]]
        if number % 2:
            assert tab.send("stopped", **position) == ""
        else:
            assert tab.send("utterance", turn=f"next-{number}", text="And?", heard=position) == ""
        (told,) = [event for event in tab.until("remembered") if event["type"] == "remembered"]
        assert told["turn"] == position["turn"]
        assert told["text"] == reply[: max(heard, default=0)].rstrip() == service.conversation(tab.session).turn(told["turn"]).said
        if not number % 2:
            tab.until("completed")


def test_an_order_for_an_engine_is_answered_with_what_is_wrong_with_it(tab):
    assert tab.send("engine") == ""
    assert "espeak_ng" in tab.send("engine", stage="tts", choose="nobody")


@pytest.mark.parametrize(
    "message", [{}, {"turn": 7.5, "text": None}, {"turn": [1], "heard": 5}, {"turn": "\ud800\n" * 99, "text": "\ud800"}]
)
def test_a_message_with_odd_fields_is_answered_all_the_same(tab, message):
    for kind in ("utterance", "greet", "persona"):
        assert tab.send(kind, **message) == ""
        tab.until("completed", "failed")
    assert tab.send("stopped", **message) == ""


def test_a_mistake_of_the_program_is_a_sentence_too(tab, service, monkeypatch, caplog):
    monkeypatch.setattr(service, "answer", lambda *_: 1 / 0)
    assert "inside" in tab.say("Hello", "t-1")[-1]["message"]
    assert "ZeroDivisionError" in caplog.text


def test_a_message_that_is_sent_again_begins_no_second_turn(tab, house):
    tab.say("Hello", "t-1")
    assert tab.send("utterance", turn="t-1", text="Hello") == ""
    tab.say("Again", "t-2")
    assert len(house.mind.asked) == 2


def test_no_stop_waits_for_another_persons_turn(address, house, service, monkeypatch):
    go_on = threading.Event()
    house.mind.before = lambda index: go_on.wait(WAIT_S)
    try:
        tabs = [Tab(address) for _ in range(CROWD)]
        for one in tabs:
            one.open()
            one.send("utterance", turn="t", text="Hello")
        assert eventually(lambda: len(house.mind.asked) == CROWD)
        asked = time.monotonic()
        tabs[-1].send("stopped", turn="t", index=0, ms=1)
        assert time.monotonic() - asked < 5
        assert tabs[-1].until("interrupted")
    finally:
        go_on.set()


def test_one_page_cannot_have_any_number_of_turns(tab, house, monkeypatch):
    go_on, given = threading.Event(), house.engines()
    monkeypatch.setattr(house, "engines", lambda *_: go_on.wait(WAIT_S) and given)
    problems = [tab.send("utterance", turn=f"t-{number}", text="Hello") for number in range(20)]
    go_on.set()
    assert problems[0] == ""
    assert "Too many" in problems[-1]
    assert eventually(lambda: tab.send("utterance", turn="later", text="Hello") == "")


# ---- the stream


def test_the_status_comes_by_itself_and_again_when_something_changes(tab, house, monkeypatch):
    first = tab.next()
    assert first["type"] == "status"
    assert first["personas"]
    monkeypatch.setattr(house, "selection", lambda stage: "something else")
    assert {stage["requested"] for stage in tab.next()["engines"]} == {"something else"}


@requirement("stream.resume")
def test_a_stream_that_broke_off_goes_on_where_it_was_and_nothing_is_said_twice(tab, house):
    go_on = threading.Event()
    house.mind.deltas = ["One two three. F", "our five six. Seven eight nine."]
    house.mind.before = lambda index: index < 1 or go_on.wait(WAIT_S)
    tab.send("utterance", turn="t-1", text="Hello")
    seen = tab.until("segment")
    tab.close()
    go_on.set()
    time.sleep(0.2)
    assert tab.open()["known"] is True
    seen += tab.until("completed")
    assert [event["number"] for event in seen] == list(range(1, len(seen) + 1))
    assert "".join(event["text"] for event in seen if event["type"] == "segment") == seen[-1]["text"]


@requirement("stream.resume")
def test_the_last_events_may_be_asked_for_again(tab):
    told = tab.say("Hello", "t-1")
    tab.last = 2
    tab.open()
    assert tab.until("completed") == told[2:]


def test_another_connection_of_the_same_page_takes_the_place_of_the_first(tab, address):
    second = Tab(address, tab.session)
    assert second.open()["known"] is True
    assert tab.ends()
    assert second.say("Hello", "t-1")


@requirement("talk.private")
def test_two_tabs_share_nothing(tab, address, house):
    other = Tab(address)
    other.open()
    tab.say("My secret is 42.", "t-1")
    assert {event["turn"] for event in other.say("What is it?", "t-2")} == {"t-2"}
    assert not any("42" in message.content for message in house.mind.asked[-1])


@requirement("stream.leave")
def test_a_page_that_stays_away_has_left_and_one_that_comes_back_in_time_has_not(address, service, monkeypatch):
    monkeypatch.setattr(clients, "GRACE_S", 0.3)
    tab, other = Tab(address), Tab(address)
    for one in (tab, other):
        one.open()
        one.say("Hello", "t-1")
        one.close()
    assert other.open()["known"] is True
    assert eventually(lambda: len(service) == 1)
    status, answer = post(tab.host, frame({"type": "greet", "session": tab.session}))
    assert status == 410
    assert len(answer["problem"].split()) > 3
    other.say("Still here", "t-2")
    assert len(service.conversation(other.session).turns) == 2


def test_a_page_that_was_away_for_too_long_finds_whoever_it_shows(address, service):
    tab = Tab(address)
    tab.last = 17
    assert tab.open(persona="sam")["known"] is False
    assert service.persona(tab.session).id == "sam"
    assert tab.say("Hello", "t-1")[0]["number"] == 1
    assert Tab(address).open(persona="somebody who was deleted")["known"] is False


def test_a_page_that_says_that_it_closes_has_left(tab, service, house):
    house.mind.before = lambda index: threading.Event().wait(0.1)
    house.mind.deltas = ["Word. "] * 1000
    tab.send("utterance", turn="t-1", text="Hello")
    tab.until("segment")
    tab.send("leave")
    assert tab.ends()
    assert eventually(lambda: len(service) == 0)
    assert eventually(lambda: not any(thread.name == "turn" for thread in threading.enumerate()))


def test_where_a_proxy_hands_on_only_what_has_ended_a_response_ends_with_its_first_events(tab, monkeypatch):
    tab.close()
    tab.open(once=True)
    tab.send("utterance", turn="t-1", text="Hello")
    tab.until("started")
    assert tab.ends()
    tab.open(once=True)
    monkeypatch.setattr(clients, "KEEP_ALIVE_S", 0.1)
    assert tab.ends()


def test_a_stream_says_something_also_where_there_is_nothing_and_ends_after_a_while(tab, monkeypatch):
    tab.next()  # the status, which is known from now on
    monkeypatch.setattr(clients, "KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr(clients, "STREAM_S", 0.5)
    tab.open()
    tab.next()
    assert tab.response.read(8) == bytes(8)
    assert tab.ends()
    assert tab.open()["known"] is True


@requirement("stream.bounded")
def test_a_reader_who_reads_nothing_costs_little_and_nobody_else(address, service, monkeypatch):
    monkeypatch.setattr(page_api, "STALLED_S", 1)
    monkeypatch.setattr(clients, "GRACE_S", 0.5)
    answer, made = service.answer, []

    def endless(session, utterance, turn_id, position, persona):
        (segment,) = [event for event in answer(session, utterance, turn_id, position, persona) if isinstance(event, SegmentReady)][:1]
        long = replace(segment.segment, audio=AudioChunk(np.zeros(50_000, np.float32), 16_000))
        for _ in range(2000):
            made.append(1)
            yield replace(segment, segment=long)

    monkeypatch.setattr(service, "answer", endless)
    stalled = Tab(address)
    stalled.open()
    stalled.send("utterance", turn="t-1", text="Hello")  # nothing of it is read
    assert eventually(lambda: len(made) > 80), "8 MB"
    time.sleep(0.3)
    assert len(made) < 400, "of 100 kB each; some lie in the buffers of the connection"
    monkeypatch.setattr(service, "answer", answer)
    other = Tab(address)
    other.open()
    asked = time.monotonic()
    assert other.say("How are you?", "t-2")[-1]["type"] == "completed"
    assert time.monotonic() - asked < 2
    assert eventually(lambda: len(service) == 1), "it has left"
    assert eventually(lambda: not any(thread.name == "turn" for thread in threading.enumerate()))


@requirement("app.queue")
def test_who_finds_no_room_is_told_and_comes_in_when_it_is_their_turn(address, settings):
    tabs = [Tab(address) for _ in range(settings.max_sessions)]
    for one in tabs:
        one.open()
    first, second = Tab(address), Tab(address)

    def ask(tab):
        return post(tab.host, frame({"session": tab.session}), route="stream")

    for tab, place in ((first, 1), (second, 2), (first, 1)):
        status, answer = ask(tab)
        assert (status, answer["problem"]) == (
            503,
            f"Everybody here is taken at the moment. You are number {place} in the queue: leave this page open.",
        )
    tabs[0].send("leave")
    assert tabs[1].say("Hello", "t-1")
    assert ask(second)[0] == 503, "it is the first one's turn"
    assert first.open()["known"] is False
    assert "number 1 " in ask(second)[1]["problem"]


@requirement("app.queue")
def test_no_more_come_in_than_there_is_room_for_though_all_come_at_once(house):
    service = ConversationService(Settings(max_sessions=2), house, PersonaBook(HOUSE / "personas.yaml"))
    with serving(PageApi(service, HOUSE)) as url:
        tabs, came = [Tab(url) for _ in range(24)], []

        def come(tab):
            with suppress(AssertionError):
                tab.open()
                came.append(tab)

        in_threads(*(partial(come, tab) for tab in tabs))
        assert len(came) == 2
        assert [tab.say("Hello", "t-1")[-1]["type"] for tab in came] == ["completed"] * 2


@requirement("app.queue")
def test_who_has_been_silent_for_long_makes_room(address, settings, monkeypatch):
    tabs = [Tab(address) for _ in range(settings.max_sessions)]
    for one in tabs:
        one.open()
    tabs[0].say("Hello", "t-1")
    monkeypatch.setattr(clients, "IDLE_S", 0.0)

    new, came = Tab(address), []

    def comes_in(tab):
        with suppress(AssertionError):
            if tab not in came and tab.open()["known"] is False:
                came.append(tab)
        return tab in came

    assert eventually(lambda: comes_in(new)), "as soon as the other's session has ended"
    assert tabs[1].ends(), "it was silent for longest"
    assert tabs[0].say("Hello", "t-2")
    assert eventually(lambda: comes_in(tabs[1])), "the place of another one"


@requirement("app.queue")
def test_a_turn_that_begins_after_its_page_has_left_takes_nobodys_place(tab, service, monkeypatch):
    answer, left = service.answer, threading.Event()
    monkeypatch.setattr(service, "answer", lambda *given: left.wait(WAIT_S) and answer(*given))
    tab.send("utterance", turn="t-1", text="Hello")
    tab.send("leave")
    assert eventually(lambda: len(service) == 0)
    left.set()
    assert eventually(lambda: not any(thread.name == "turn" for thread in threading.enumerate()))
    assert len(service) == 0


@requirement("app.same-person")
def test_an_utterance_says_who_it_is_for(tab, service):
    assert tab.send("utterance", turn="t-1", text="Hello", persona="sam") == ""
    assert tab.until("completed")
    assert service.persona(tab.session).id == "sam"


def test_it_works_behind_a_proxy_that_strips_a_prefix(service):
    with serving(PageApi(service, HOUSE), prefix="/somewhere") as url:
        tab = Tab(url)
        tab.open()
        assert tab.say("Hello", "t-1")[-1]["type"] == "completed"


# ---- requests that are not to be trusted

FOREIGN = {
    "a form": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example", "Content-Type": "text/plain"},
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "a typed address": {"Sec-Fetch-Site": "none"},
    "an old browser": {"Origin": "https://evil.example"},
    "a sandbox": {"Origin": "null"},
    "a forwarded host": {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@requirement("stream.own-site")
def test_no_other_website_gets_anything_done(tab, service, headers):
    order = frame({"type": "cleared", "session": tab.session})
    for route in ("message", "stream"):
        assert post(tab.host, order, headers, route)[0] == 403


def test_the_pages_own_requests_are_let_in(tab):
    order = frame({"type": "cleared", "session": tab.session})
    for headers in ({}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://proxied.example"}, {"Origin": f"http://{tab.host}"}):
        assert post(tab.host, order, headers) == (200, {"problem": ""})


@pytest.mark.parametrize("session", [None, 7, "", "x", "0" * 31, "0" * 33, "g" * 32, ["0" * 32], SESSION + "\n"])
def test_what_is_no_secret_opens_nothing(address, session):
    host = Tab(address).host
    assert post(host, frame({"session": session}), route="stream")[0] == 400
    assert post(host, frame({"type": "greet", "session": session}))[0] == 410


def test_what_is_no_message_is_refused_in_a_sentence(tab):
    bodies = {b"": 400, b"{}": 400, frame({"type": "dance", "session": tab.session}): 400, bytes(4_000_000): 413}
    for body, expected in bodies.items():
        status, answer = post(tab.host, body)
        assert status == expected
        assert len(answer["problem"].split()) > 3


def test_a_body_is_counted_while_it_arrives(tab):
    """Also where it does not say how long it is."""
    with socket.create_connection(tab.host.split(":"), timeout=WAIT_S) as raw:
        raw.sendall(b"POST /visavis/api/message HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (frame({"type": "utterance"}, bytes(10**9))[:1_000_000], *[bytes(1_000_000)] * 3):  # and no end
            raw.sendall(b"f4240\r\n" + piece + b"\r\n")
        assert b" 413 " in raw.recv(100)


# ---- who may choose engines


@requirement("guard.ways")
@pytest.mark.parametrize(
    ("setting", "headers", "expected"),
    [
        (None, {}, True),
        (None, {"X-Forwarded-For": "203.0.113.9"}, False),
        (None, {"Host": "0a1b2c.gradio.live"}, False),
        (True, {"Host": "0a1b2c.gradio.live"}, True),
        (False, {}, False),
    ],
)
def test_who_may_choose_engines_is_decided_for_each_request(house, setting, headers, expected):
    settings = Settings(choose_on_page=setting)
    with serving(PageApi(ConversationService(settings, house, PersonaBook(HOUSE / "personas.yaml")), HOUSE)) as url:
        tab = Tab(url)
        tab.headers = headers
        tab.open()
        assert tab.next()["choosable"] is expected
        refused = "only whoever started the app" in tab.send("engine", stage="tts", choose="nobody")
        assert refused is not expected
