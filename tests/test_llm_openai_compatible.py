"""The mind on a server, against a loopback server that speaks the protocol well and badly."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
from openai_server import (
    PATIENCE_S,
    OpenAIServer,
    answers,
    chatters,
    delta,
    drops,
    ends,
    error,
    event,
    models,
    raw,
    says,
    steps,
    together,
    waits,
)
from requirements import requirement

from engines.errors import ChatModelError, ConfigError
from engines.llm import openai_compatible
from engines.llm.openai_compatible import OpenAICompatible, Options
from engines.protocols import ChatModel
from engines.runtimes.openai_client import OpenAIClient
from engines.types import ChatMessage

MESSAGES = (ChatMessage("system", "You are Pat."), ChatMessage("user", "Who sings?"))
KEY = "sk-verysecret0123456789"


class Naps:
    """Notes how long it should have slept."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


def mind(server: OpenAIServer, naps: Naps, **options: object) -> OpenAICompatible:
    options = {"first_token_s": PATIENCE_S, "timeout_s": PATIENCE_S, **options}
    chosen = Options(model="tiny", base_url=server.base_url, **options)
    client = OpenAIClient("Test", ChatModelError, chosen, sleep=naps)
    return OpenAICompatible(client, chosen, chosen.model)


def reply(model: ChatModel, persona: object) -> str:
    return "".join(delta.text for delta in model.stream(MESSAGES, persona))


def failure(model: ChatModel, persona: object) -> tuple[str, ChatModelError]:
    """What was said before it failed, and how."""
    said: list[str] = []
    with pytest.raises(ChatModelError) as raised:
        said.extend(delta.text for delta in model.stream(MESSAGES, persona))
    assert raised.value.message.endswith(".")
    return "".join(said), raised.value


def test_an_answer_arrives_as_it_is_written(server, naps, persona):
    server.play(says("Whales", " sing", ", and 鯨も。"))
    engine = openai_compatible.load(Options(base_url=server.base_url, temperature=0.3, max_tokens=77), "cpu")
    assert isinstance(engine, ChatModel)
    assert engine.model == "tiny"
    assert [delta.text for delta in engine.stream(MESSAGES, persona)] == ["Whales", " sing", ", and 鯨も。"]
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.json == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "You are Pat."}, {"role": "user", "content": "Who sings?"}],
        "stream": True,
        "temperature": 0.3,
        "max_tokens": 77,
    }


def test_the_first_word_does_not_wait_for_the_rest(server, naps, persona):
    server.play(steps(delta("First. "), waits))
    stream = mind(server, naps).stream(MESSAGES, persona)
    assert next(stream).text == "First. "
    stream.close()
    assert server.hung_up.wait(PATIENCE_S)


def test_closing_closes_the_connection_at_once(server, naps, persona):
    server.play(steps(delta("One "), delta("two "), waits))
    stream = mind(server, naps).stream(MESSAGES, persona)
    assert next(stream).text + next(stream).text == "One two "
    begun = time.perf_counter()
    stream.close()
    assert server.hung_up.wait(PATIENCE_S)
    assert time.perf_counter() - begun < 2
    assert not naps.taken


def test_a_stream_that_was_never_begun_sends_nothing(server, naps, persona):
    mind(server, naps).stream(MESSAGES, persona).close()
    assert not server.requests


def test_the_connection_is_kept_for_the_next_turn(server, naps, persona, monkeypatch):
    monkeypatch.setattr(openai_compatible, "_END_S", PATIENCE_S)
    ports = set()
    server.play(lambda http: (ports.add(http.client_address[1]), says("Yes.")(http)))
    engine = mind(server, naps)
    assert [reply(engine, persona) for _ in range(3)] == ["Yes."] * 3
    assert len(ports) == 1


THOUGHTS = {
    "tags": [delta("<th"), delta("ink>secret</thi"), delta("nk>\n\nWhales.")],
    "harmony": [delta("<|channel|>analysis<|mess"), delta("age|>secret<|end|><|start|>assistant<|channel|>final<|message|>Whales.")],
    "fields": [delta(None, reasoning_content="secret"), delta(None, reasoning="secret"), delta("Whales.")],
    "field beside text": [delta("Wha", reasoning_content="secret"), delta("les.", reasoning="secret")],
}


@pytest.mark.parametrize("parts", THOUGHTS.values(), ids=THOUGHTS)
def test_thoughts_are_never_passed_on(server, naps, persona, parts):
    server.play(steps(*parts, delta(finish="stop"), ends))
    assert reply(mind(server, naps), persona) == "Whales."


def test_a_thought_that_the_template_opened(server, naps, persona):
    server.play(says("secret", "</think>Whales."))
    assert reply(mind(server, naps, opens_with_thought=True), persona) == "Whales."


def test_what_was_held_back_comes_with_the_end(server, naps, persona):
    server.play(says("1 <"))
    assert reply(mind(server, naps), persona) == "1 <"


def test_the_text_of_the_last_chunk_counts(server, naps, persona):
    server.play(steps(delta("One "), delta("two", finish="length"), ends))
    assert reply(mind(server, naps), persona) == "One two"


def test_a_finished_answer_without_a_formal_end_is_finished(server, naps, persona):
    server.play(steps(delta("Done."), delta(finish="stop"), waits))
    assert reply(mind(server, naps), persona) == "Done."
    assert server.hung_up.wait(PATIENCE_S)


def test_odd_chunks_are_borne(server, naps, persona):
    odd = [lambda http, line=line: http.chunk(line) for line in (": x\n\n", 'data: {"choices": []}\n\n', 'data: {"choices": null}\n\n')]
    odd += [delta(None, tool_calls=[]), delta(7), delta("")]
    server.play(steps(*odd, delta("Yes"), *odd, delta("."), delta(finish="stop"), ends))
    assert reply(mind(server, naps), persona) == "Yes."


def test_how_much_to_think_is_only_sent_when_chosen(server, naps, persona):
    server.play(says("Yes."))
    reply(mind(server, naps, reasoning_effort="low"), persona)
    assert server.requests[0].json["reasoning_effort"] == "low"


REFUSALS = {
    "401": (error(401, "bad"), "bad_key", "Set its API key", False),
    "403": (error(403, "Region not allowed."), "forbidden", "Region not allowed", False),
    "402": (error(402, "pay"), "no_credit", "Top it up", False),
    "429 without credit": (error(429, "pay", "insufficient_quota"), "no_credit", "Top it up", False),
    "404 model": (error(404, "model 'tiny' not found, try pulling it first"), "wrong_model", "ollama pull tiny", False),
    "404 error as a text": (lambda http: http.whole(b'{"error": "no such model"}', 404), "wrong_model", "tiny", False),
    "404 page": (error(404, None), "wrong_address", "/v1", False),
    "400": (error(400, "context length\n exceeded."), "refused", "context length exceeded", False),
    "422": (error(422, ["not", "text"]), "refused", "(422)", False),
    "418 page": (error(418, None), "refused", "(418)", False),
    "429": (error(429, "slow down"), "busy", "in a moment", True),
    "408": (error(408, "late"), "busy", "in a moment", True),
    "500": (error(500, "CUDA out of memory"), "server_error", "CUDA out of memory", True),
    "503 page": (error(503, None), "server_error", "(503)", True),
    "error in the stream": (raw(b'data: {"error": {"code": 502, "message": "Provider is down"}}\n\n'), "server_error", "Provider", True),
    "limit in the stream": (raw(b'data: {"error": {"code": 429, "message": "Slow"}}\n\n'), "busy", "in a moment", True),
    "error without a code": (raw(b'data: {"error": "it broke"}\n\n'), "server_error", "it broke", True),
    "no JSON": (raw(b"data: {oops\n\n"), "bad_answer", "Check the address", False),
    "no object": (raw(b"data: 42\n\n"), "bad_answer", "Check the address", False),
    "a list": (raw(b"data: []\n\n"), "bad_answer", "Check the address", False),
    "odd choices": (raw(b'data: {"choices": 5}\n\n'), "bad_answer", "Check the address", False),
    "odd choice": (raw(b'data: {"choices": [5]}\n\n'), "dropped", "broke off", True),
    "no UTF-8": (raw(b"data: \xff\xfe\n\n"), "bad_answer", "Check the address", False),
    "a page": (raw(b"<html>Welcome to the hotel</html>", "text/html"), "bad_answer", "Check the address", False),
    "not streamed": (answers({"choices": [{"message": {"content": "Hi"}}]}), "bad_answer", "Check the address", False),
    "a line without end": (raw(b"data: " + b"x" * 3_000_000), "bad_answer", "Check the address", False),
    "sent on": (error(307, "There", location="http://localhost:9/v1"), "wrong_address", "another address", False),
    "nothing": (raw(b""), "bad_answer", "Check the address", False),
    "dropped at once": (drops, "dropped", "broke off", True),
    "dropped before a word": (steps(delta("", role="assistant"), drops), "dropped", "broke off", True),
    "ended before a word": (steps(delta("", role="assistant"), ends), "dropped", "broke off", True),
    "empty": (says(), "empty_reply", "tiny answered nothing", True),
    "only a thought": (says("<think>Hm", finish="length"), "empty_reply", "Raise max_tokens", True),
    "only a field": (steps(delta(None, reasoning="Hm"), delta(finish="length"), ends), "empty_reply", "Raise max_tokens", True),
    "withheld": (says(finish="content_filter"), "empty_reply", "withheld", True),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_every_failure_is_told_in_one_plain_sentence(server, naps, persona, name):
    act, code, words, retryable = REFUSALS[name]
    server.play(act)
    said, told = failure(mind(server, naps), persona)
    assert not said
    assert (told.code, told.retryable) == (code, retryable)
    assert words in told.message
    assert server.where in told.message or code in {"empty_reply", "wrong_address"}
    tried_again = retryable and code != "empty_reply"
    assert len(server.requests) == (3 if tried_again else 1)
    assert len(naps.taken) == len(server.requests) - 1


def test_after_a_passing_failure_it_is_tried_again_and_each_wait_is_longer(server, naps, persona):
    server.play(error(500, "x"), drops, error(429, "x"), steps(delta("", role="assistant"), drops), says("Yes."))
    assert reply(mind(server, naps, retries=4), persona) == "Yes."
    assert len(server.requests) == 5
    for nap, longest in zip(naps.taken, [0.5, 1, 2, 4], strict=True):
        assert longest / 2 <= nap <= longest


@pytest.mark.parametrize("after", ["7", lambda: formatdate(time.time() + 17, usegmt=True)], ids=["seconds", "a date"])
def test_the_server_says_how_long_to_wait(server, naps, persona, after):
    server.play(error(429, "slow down", Retry_After=after if isinstance(after, str) else after()), says("Yes."))
    assert reply(mind(server, naps), persona) == "Yes."
    assert len(naps.taken) == 1
    assert 5 < naps.taken[0] <= 17  # a date is whole seconds, and time goes by


def test_nobody_waits_for_minutes(server, naps, persona):
    server.play(error(429, "slow down", Retry_After="90"))
    _, told = failure(mind(server, naps), persona)
    assert told.code == "busy"
    assert "in 90 s" in told.message
    assert not naps.taken


@pytest.mark.parametrize("after", ["soon", "-5", "", "1e9", "Thu, 99 Foo 2020"])
def test_an_odd_wait_is_passed_over(server, naps, persona, after):
    server.play(error(503, "x", Retry_After=after), says("Yes."))
    assert reply(mind(server, naps), persona) == "Yes."
    assert 0.25 <= naps.taken[0] <= 0.5


BREAKS = {
    "dropped": (drops, "dropped"),
    "ended without a reason": (ends, "dropped"),
    "error in the stream": (lambda http: http.chunk('data: {"error": {"code": 502, "message": "x"}}\n\n'), "server_error"),
    "no JSON": (lambda http: http.chunk('data: {"choi\n\n'), "bad_answer"),
    "cut inside an event": (lambda http: (http.chunk('data: {"choices": [{"del'), drops(http)), "dropped"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_after_the_first_word_nothing_is_tried_again(server, naps, persona, name):
    act, code = BREAKS[name]
    server.play(steps(delta("Half an "), act), says("Never asked for."))
    said, told = failure(mind(server, naps), persona)
    assert (said, told.code) == ("Half an ", code)
    assert len(server.requests) == 1


def test_a_thought_is_a_first_word(server, naps, persona):
    server.play(steps(delta(None, reasoning="Hm"), drops))
    assert failure(mind(server, naps), persona)[1].code == "dropped"
    assert len(server.requests) == 1


@pytest.mark.parametrize("act", [waits, steps(waits), steps(delta("", role="assistant"), waits), steps(chatters)])
def test_a_server_that_keeps_silent_is_left(server, naps, persona, act):
    server.play(act)
    said, told = failure(mind(server, naps, first_token_s=0.2), persona)
    assert (said, told.code, told.retryable) == ("", "stalled", True)
    assert server.hung_up.wait(PATIENCE_S)
    assert len(server.requests) == 1


@pytest.mark.parametrize("act", [waits, chatters, lambda http: (http.delta(""), waits(http))])
def test_a_server_that_stops_in_the_middle_is_left(server, naps, persona, act):
    server.play(steps(delta("Half an "), act))
    said, told = failure(mind(server, naps, timeout_s=0.2), persona)
    assert (said, told.code) == ("Half an ", "stalled")
    assert server.hung_up.wait(PATIENCE_S)


def test_the_first_chat_model_of_ones_own_server_is_taken(server):
    assert openai_compatible.load(Options(base_url=server.base_url), "cpu").model == "tiny"
    assert openai_compatible.load(Options(base_url=server.base_url, model="mine"), "cpu").model == "mine"
    server.listing = models("only-embed-this")
    with pytest.raises(ConfigError, match="ollama pull"):
        openai_compatible.load(Options(base_url=server.base_url), "cpu")


def test_elsewhere_the_model_must_be_named():
    client = OpenAIClient("Test", ChatModelError, Options(base_url="https://models.example/v1"))
    with pytest.raises(ConfigError, match=r"models\.example should use: it has a, b\."):
        openai_compatible._first_choice(client, ["a", "b"])


@pytest.mark.parametrize("listing", [error(404, None), error(404, "none"), error(400, "none"), answers({}), raw(b"{", "application/json")])
def test_a_server_without_a_list_of_models_works_with_a_named_one(server, persona, listing):
    server.listing = listing
    server.play(says("Yes."))
    assert reply(openai_compatible.load(Options(base_url=server.base_url, model="tiny"), "cpu"), persona) == "Yes."
    with pytest.raises(ChatModelError):
        openai_compatible.load(Options(base_url=server.base_url), "cpu")


LEAKS = {
    "in a status": error(401, f"Incorrect API key provided: {KEY}."),
    "in a refusal": error(400, f"{KEY} may not do this"),
    "in a stream": raw(event({"error": {"message": f"{KEY} is over its limit"}}).encode()),
    "in a page": lambda http: http.whole(KEY.encode(), 500, "text/plain"),
    "in no JSON": raw(b"data: {%s\n\n" % KEY.encode()),
    "after a word": steps(delta("Half "), lambda http: http.chunk(event({"error": {"message": KEY}}))),
}


@pytest.mark.parametrize("act", LEAKS.values(), ids=LEAKS)
@requirement("engine.keys")
def test_the_key_is_sent_and_never_shown(server, naps, persona, caplog, act):
    server.play(act)
    with caplog.at_level(logging.DEBUG):
        engine = mind(server, naps, api_key=f" {KEY}\n")
        _, told = failure(engine, persona)
        logging.getLogger("test").error("failed", exc_info=told)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [told.message, "".join(traceback.format_exception(told)), caplog.text]
    shown += map(repr, [told, Options(api_key=KEY), engine, engine._client, engine._client.openai])
    shown += [repr(vars(record)) for record in caplog.records if record.name != "test"]
    assert not [text for text in shown if KEY in text]


def test_what_the_environment_holds_for_openai_goes_to_no_other_server(server, naps, persona, monkeypatch):
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", f"{KEY}-{name}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.play(says("Yes."))
    assert reply(mind(server, naps), persona) == "Yes."
    assert KEY not in repr(server.requests)


def test_many_conversations_at_once(server, naps, persona):
    engine = mind(server, naps)
    assert together(server, says("Yes", "."), lambda: reply(engine, persona), 6) == ["Yes."] * 6


def test_it_works_beside_a_running_event_loop(server, naps, persona):
    async def inside() -> str:
        return reply(mind(server, naps), persona)

    server.play(says("Yes."))
    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: Playwright's
        assert thread.submit(asyncio.run, inside()).result() == "Yes."
