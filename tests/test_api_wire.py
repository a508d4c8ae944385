"""The JSON shapes: HeadTTS's fields, sound that survives the way, and input that is not trusted."""

from __future__ import annotations

import json
from typing import get_args, get_type_hints

import numpy as np
import pytest
from conftest import HOUSE, stub_engines, tone
from requirements import requirement

from engines.api.page_api import MESSAGES
from engines.api.wire import (
    event_to_wire,
    live_to_wire,
    order_from_wire,
    position_from_wire,
    segment_to_wire,
    status_to_wire,
    utterance_from_wire,
)
from engines.audio import to_wav
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.service import ConversationService
from engines.conversation.status import EngineOrder
from engines.conversation.turn import TurnRequest, failed, run_turn
from engines.errors import AudioError
from engines.events import SegmentReady, TurnEnded, TurnInterrupted
from engines.live.conversation import BargeIn, UserSpeech
from engines.registry.registry import Registry
from engines.types import STAGES, VISEME_NAMES, TurnTimings, Utterance

FIELDS = [("words", "wtimes", "wdurations"), ("visemes", "vtimes", "vdurations")]


@pytest.fixture
def events(persona):
    return list(run_turn(TurnRequest("t", persona, Utterance(audio=tone())), stub_engines()))


def test_every_event_is_json_with_a_type_a_turn_and_a_number(events):
    wires = [json.loads(json.dumps(event_to_wire(event)[0])) for event in events]
    assert [wire["seq"] for wire in wires] == list(range(len(events)))
    assert {wire["turn"] for wire in wires} == {"t"}
    assert len({wire["type"] for wire in wires}) == len({type(event) for event in events})


def test_a_segment_speaks_headtts(events):
    segment = next(event.segment for event in events if isinstance(event, SegmentReady))
    wire, sound = segment_to_wire(segment)
    for names, starts, lengths in FIELDS:
        assert len(wire[names]) == len(wire[starts]) == len(wire[lengths]) > 0
        assert wire[starts] == sorted(wire[starts])
    assert set(wire["visemes"]) <= set(VISEME_NAMES)
    assert wire["timing"] == "measured"
    pcm = np.frombuffer(sound, "<i2")
    assert len(pcm) == len(segment.audio.samples)
    assert np.abs(pcm / 32767 - segment.audio.samples).max() < 1e-3


def test_the_end_carries_the_whole_text_and_the_timings(events):
    wire, sound = event_to_wire(events[-1])
    assert sound == b""
    assert isinstance(events[-1], TurnEnded)
    assert wire["text"] == events[-1].text
    assert wire["timings"]["first_segment_ms"] > 0


def status(settings: Settings, **options: object) -> dict[str, object]:
    service = ConversationService(settings, Registry(settings), PersonaBook(HOUSE / "personas.yaml"))
    return status_to_wire(service.status(), HOUSE / "avatar_assets" / "avatars", **options)


def test_the_status_tells_who_is_there_what_works_and_what_is_taken():
    wire = status(Settings(max_utterance_ms=7000), choosable=True)
    assert json.loads(json.dumps(wire)) == wire
    assert wire["first"] == wire["personas"][0]["id"]
    assert wire["personas"][0]["portrait"] == "mia.png"
    assert wire["personas"][0]["topics"] == ["whales", "wolves", "bears"]
    assert wire["problem"] is None
    assert [engine["stage"] for engine in wire["engines"]] == list(STAGES)
    assert all(engine["summary"] for engine in wire["engines"])
    assert all(engine["name"] in {option["name"] for option in engine["options"]} for engine in wire["engines"])
    assert wire["choosable"] is True
    assert wire["limits"] == {"maxUtteranceMs": 7000, "maxTextChars": 4000, "maxUploadMb": 25}


def test_a_chosen_engine_that_is_not_there_is_told_not_raised():
    wire = status(Settings(tts="nobody", persona="sam"))
    assert "nobody" in wire["engines"][-1]["summary"]
    assert wire["engines"][-1]["state"] == "failed"
    assert wire["first"] == "sam"
    assert set(wire["engines"][-1]) == set(wire["engines"][0])


def test_a_person_who_is_not_in_the_file_does_not_greet():
    wire = status(Settings(persona="gone"))
    assert wire["first"] == wire["personas"][0]["id"]


ORDERS = {
    "choose": ({"stage": "tts", "choose": "kokoro"}, EngineOrder("tts", "choose", "kokoro")),
    "choose and keep": ({"stage": "tts", "choose": "kokoro", "keep": True}, EngineOrder("tts", "choose", "kokoro", keep=True)),
    "stop": ({"stage": "llm", "stop": True}, EngineOrder("llm", "stop")),
    "stop one": ({"stage": "llm", "stop": "mlx_lm:a/b"}, EngineOrder("llm", "stop", "mlx_lm:a/b")),
    "retry": ({"stage": "stt", "retry": True}, EngineOrder("stt", "retry")),
    "nothing": ({}, None),
    "no such stage": ({"stage": "x", "choose": "y"}, None),
    "no action": ({"stage": "tts"}, None),
    "a number": ({"stage": "tts", "choose": 5}, None),
    "a list": ({"stage": ["tts"], "stop": True}, None),
}


@pytest.mark.parametrize(("data", "order"), ORDERS.values(), ids=ORDERS)
def test_an_order_comes_in_and_what_is_none_is_ignored(data, order):
    assert order_from_wire(data) == order


def test_sound_and_text_come_in():
    assert utterance_from_wire({"sampleRate": 16_000}, bytes(32_000), 120_000).audio.duration_ms == 1000
    assert utterance_from_wire({}, to_wav(tone(500)), 120_000).audio.duration_ms == 500
    assert utterance_from_wire({"text": "Hi"}, b"", 120_000) == Utterance(text="Hi")
    assert utterance_from_wire({"text": None}, b"", 120_000) == Utterance(text="")


BAD = {
    "nothing": ({}, 0),
    "no file of sound": ({}, 200),
    "a rate in words": ({"sampleRate": "16000"}, 200),
    "a rate of nothing": ({"sampleRate": 0}, 200),
    "a negative rate": ({"sampleRate": -5}, 200),
    "an absurd rate": ({"sampleRate": 10**12}, 200),
    "a rate of 400 digits": ({"sampleRate": 10**400}, 200),
    "half a sample": ({"sampleRate": 16_000}, 3),
    "ten minutes": ({"sampleRate": 8_000}, 2 * 8_000 * 600),
}


@pytest.mark.parametrize(("message", "length"), BAD.values(), ids=BAD)
def test_a_recording_that_cannot_be_used_is_refused_in_words(message, length):
    with pytest.raises(AudioError) as caught:
        utterance_from_wire(message, bytes(length), 120_000)
    assert len(caught.value.message.split()) > 3


FAR = [{"turn": "a", "index": index, "ms": ms} for index, ms in ((10**400, 0), (0, 10**400), (0, float("nan")), (0, float("-inf")))]


@pytest.mark.parametrize("data", [None, 7, {}, {"turn": 1, "index": 0, "ms": 0}, {"turn": "a", "index": "0", "ms": 0}, [], *FAR])
def test_what_is_not_a_report_of_what_was_heard_is_ignored(data):
    assert position_from_wire(data) is None


def test_a_report_of_what_was_heard_is_read():
    assert position_from_wire({"turn": "a", "index": 2, "ms": 10}) == PlaybackPosition("a", 2, 10.0)


def names_in(value: object) -> set[str]:
    """Every field name in a JSON value."""
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


@requirement("app.documented")
def test_every_field_of_the_wire_is_documented(events):
    page = (HOUSE / "docs" / "wire.md").read_text(encoding="utf-8")
    failure = failed("t", AudioError("Oh.", code="x"))
    interrupted = TurnInterrupted(turn_id="t", seq=0, text="", timings=TurnTimings())
    wires = [*(event_to_wire(event)[0] for event in [*events, failure, interrupted]), status(Settings(tts="nobody"))]
    named = (
        names_in(wires)
        | {wire["type"] for wire in wires[:-1]}
        | {"sampleRate", "heard", "choose", "keep", "stop", "retry"}
        | {"session", "after", "persona", "once", "open", "known", "process", "number"}
    )
    assert not {name for name in named if f"`{name}`" not in page}
    assert not {kind for kind in MESSAGES if f"| `{kind}` |" not in page}


@requirement("app.documented")
@pytest.mark.parametrize(("event", "said"), [(UserSpeech, "state"), (BargeIn, "action")])
def test_every_event_of_an_open_microphone_and_all_that_it_can_say_is_documented(event, said):
    page = (HOUSE / "docs" / "wire.md").read_text(encoding="utf-8")
    values = get_args(get_type_hints(event)[said])
    for value in values:
        wire = live_to_wire(event(value))
        assert wire[said] == value
        assert not {name for name in (wire["type"], *wire, value) if f"`{name}`" not in page}
