"""Server faults: whatever an OpenAI-compatible server does, the turn ends, the key stays here, and the next turn is answered."""

from __future__ import annotations

import gzip
import json
import threading
import time

from benchmarks.attack._app import MB, end, verdict
from benchmarks.attack._stubs import PEOPLE, StubRegistry, stub_engines, within
from benchmarks.attack._stubs import openai_server as fake
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.errors import ChatModelError
from engines.events import TurnCompleted, TurnEnded
from engines.llm.openai_compatible import OpenAICompatible, Options
from engines.runtimes.openai_client import OpenAIClient

KEY = "sk-verysecret0123456789"
LIMIT_S = 20
EVENT = fake.event({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "and on "}}]})


def _endless(text: str, pause_s: float = 0.0) -> fake.Act:
    def act(http: fake.Exchange) -> None:
        http.begin()
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            http.chunk(text)
            time.sleep(pause_s)

    return act


def _begun(then: fake.Act) -> fake.Act:
    def act(http: fake.Exchange) -> None:
        http.begin()
        http.delta("One two ")
        then(http)

    return act


def _packed(http: fake.Exchange) -> None:
    http.whole(gzip.compress(b"data: " + bytes(50 * MB)), 200, "text/event-stream", Content_Encoding="gzip")


FAULTS: dict[str, fake.Act] = {
    **{f"status {status}": fake.error(status, f"No: {KEY}") for status in (400, 401, 402, 403, 404, 408, 422, 429, 500, 503)},
    "a page instead of an answer": fake.raw(b"<html>Welcome to the hotel</html>", "text/html"),
    "an error page of 100 MB": lambda http: http.whole(b"x" * 100 * MB, 500, "text/html"),
    "sends requests on": fake.error(307, "There", location="http://localhost:9/v1"),
    "drops the connection": lambda http: http.cut(),
    "keeps silent": lambda http: http.until_hung_up(),
    "falls silent in mid-sentence": _begun(lambda http: http.until_hung_up()),
    "drops in mid-sentence": _begun(lambda http: http.cut()),
    "ends before a word": fake.raw(b"data: [DONE]\n\n"),
    "no JSON": fake.raw(b"data: {oops\n\n"),
    "a list": fake.raw(b"data: []\n\n"),
    "odd choices": fake.raw(b'data: {"choices": 5}\n\n'),
    "no UTF-8": fake.raw(b"data: \xff\xfe\n\n"),
    "an error inside the stream": fake.raw(b'data: {"error": {"code": 502, "message": "Provider is down"}}\n\n'),
    "half an emoji": fake.raw(b'data: {"choices": [{"index": 0, "delta": {"content": "Hi \\ud83d"}, "finish_reason": "stop"}]}\n\n'),
    "an answer without end": _endless(EVENT),
    "an answer of nothing without end": _endless(": keep-alive\n\n"),
    "a line without end": _endless("data: " + "x" * 65_536),
    "a token of 100 MB": fake.raw(b'data: {"choices": [{"index": 0, "delta": {"content": "' + b"a " * 50 * MB + b'"}}]}\n\n'),
    "a packed answer": _packed,
    "nested without end": fake.raw(b"data: " + b"[" * 500_000 + b"\n\n"),
    "a page as a message": fake.error(500, json.dumps({"x": "y" * MB})),
}


def main() -> None:
    """One turn with each fault and one after it, with the real client."""
    threading.excepthook = lambda _: None
    options = {"model": "tiny", "api_key": KEY, "first_token_s": 1.0, "timeout_s": 1.0, "retries": 0}
    failed, leaked = [], 0
    book = PersonaBook(PEOPLE)
    with fake.running() as server:
        chosen = Options(base_url=server.base_url, **options)  # type: ignore[arg-type]
        mind = OpenAICompatible(OpenAIClient("Server", ChatModelError, chosen), chosen, "tiny")
        service = ConversationService(Settings(), StubRegistry(stub_engines(mind=mind)), book)  # type: ignore[arg-type]
        for name, act in FAULTS.items():
            server.play(act)
            last = (within(LIMIT_S, lambda: list(service.say("one", "Tell me."))) or [None])[-1]
            leaked += KEY in getattr(last, "message", "")
            server.play(fake.says("Here ", "I am."))
            after = (within(LIMIT_S, lambda: list(service.say("one", "And now?"))) or [None])[-1]
            if not (isinstance(last, TurnEnded) and isinstance(after, TurnCompleted)):
                failed.append(name)
                print(f"attack: the server {name}: NOT survived ({last and type(last).__name__}, then {getattr(after, 'message', after)})")
    held = len(FAULTS) - len(failed)
    end(
        verdict(f"server faults survived: {held} of {len(FAULTS)}", holds=not failed and len(FAULTS) >= 26, goal="26 of 26"),
        verdict(f"server faults: the key was told {leaked} times", holds=not leaked, goal="0"),
    )


if __name__ == "__main__":
    main()
