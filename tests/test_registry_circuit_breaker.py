"""Circuit breaker: which failures set an engine aside, for how long, and who tries it again; on a virtual clock."""

from __future__ import annotations

import threading

import pytest
from made_up_engines import Adapter, Time, failure, ready, wait_for, with_adapters, working
from requirements import requirement

from engines.errors import EngineError
from engines.registry.circuit_breaker import CircuitBreaker
from engines.registry.managed_engine import EngineState


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time) -> CircuitBreaker:
    return CircuitBreaker(time.clock)


def test_two_failures_within_the_window_are_too_many_and_a_success_between_forgives(breaker, time):
    assert not breaker.record_failure("a")
    breaker.record_success("a")
    assert not breaker.record_failure("a")
    time.passes(121)
    assert not breaker.record_failure("a")
    time.passes(119)
    assert breaker.record_failure("a")


def test_failures_of_one_conversation_do_not_count_while_the_engine_works_for_others(breaker):
    breaker.record_success("b")
    assert not any(breaker.record_failure("a") for _ in range(20))
    breaker.record_success("c")
    breaker.record_success("d")
    assert not breaker.record_failure("b")
    assert breaker.record_failure("c"), "now it fails more than it works for"


def test_what_is_kept_of_outcomes_is_bounded(breaker):
    for number in range(10_000):
        breaker.record_success(str(number))
    assert not breaker.record_failure("a")
    for number in range(127):
        breaker.record_failure(str(number))
    assert breaker.record_failure("the one that makes more than half of 256")


def test_it_is_open_for_a_minute_then_one_turn_at_a_time_tries_it(breaker, time):
    breaker.open()
    assert (breaker.allows_use, breaker.retry_in_s) == (False, 60)
    time.passes(59)
    assert (breaker.allows_use, breaker.retry_in_s) == (False, 1)
    assert not breaker.record_failure("a"), "a turn that had begun before"
    time.passes(1)
    assert (breaker.allows_use, breaker.retry_in_s) == (True, 0)
    breaker.begin_trial()
    assert not breaker.allows_use
    breaker.record_success("a")
    assert (breaker.allows_use, breaker.retry_in_s) == (True, None)


def test_a_trial_that_fails_opens_it_for_longer_and_one_that_comes_to_nothing_for_no_longer(breaker, time):
    pauses = []
    for _ in range(6):
        breaker.open()
        pauses.append(breaker.pause_s)
        time.passes(breaker.pause_s)
        breaker.begin_trial()
        assert breaker.record_failure("a")
    assert pauses == [60, 120, 240, 480, 600, 600]
    breaker.open()
    time.passes(600)
    breaker.begin_trial()
    time.passes(60)
    assert breaker.allows_use
    breaker.record_success("a")
    breaker.open()
    assert breaker.pause_s == 60


# ---- in the registry


@pytest.fixture
def registry(monkeypatch, time):
    registry = with_adapters(monkeypatch, working("best", preference=2), working("embedded", embedded=True), time=time)
    registry.prepare()
    return registry


def fail(registry, source: str = "a", **more: object) -> str:
    return registry.record_failure(registry.engines(), failure(**more), source)


@requirement("engine.set-aside")
def test_an_engine_that_keeps_failing_is_set_aside_with_a_sentence_and_comes_back_by_itself(registry, time):
    assert fail(registry) == ""
    assert fail(registry) == (
        "Made up keeps failing and is set aside; from the next turn on Made up takes its place. It is tried again in a minute."
    )
    assert registry.engines().tts.open() == "embedded"
    (aside,) = registry.awaited("tts")
    assert (aside.state, aside.retry_in_s, aside.selection) == (EngineState("failed", "It broke."), 60, "best")
    time.passes(59)
    assert registry.engines().tts.open() == "embedded"
    time.passes(1)
    trial, other = registry.engines(), None
    assert trial.tts.open() == "best"
    other = registry.engines()
    assert other.tts.open() == "embedded", "one turn tries it"
    registry.record_success(trial, ("stt", "llm", "tts"), "a")
    assert registry.engines().tts.open() == "best"
    assert registry.awaited("tts") == ()


def test_a_trial_that_fails_costs_one_turn_and_doubles_the_pause(registry, time):
    fail(registry)
    fail(registry)
    time.passes(60)
    trial = registry.engines()
    trial.tts.open()
    assert "in 2 minutes" in registry.record_failure(trial, failure(), "b")
    time.passes(119)
    assert registry.engines().tts.open() == "embedded"
    time.passes(1)
    assert registry.engines().tts.open() == "best"


def test_it_is_tried_again_on_demand(registry):
    fail(registry)
    fail(registry)
    registry.retry("tts")
    ready(registry, "best")
    assert fail(registry) == "", "what was before is forgotten"


def test_those_who_may_not_choose_can_have_it_tried_again_now_and_then(registry, time):
    time.passes(100)
    fail(registry)
    fail(registry)
    registry.retry_set_aside("tts")
    ready(registry, "best")
    fail(registry)
    fail(registry)
    registry.retry_set_aside("tts")
    assert registry.awaited("tts")[0].state.name == "failed"
    time.passes(10)
    registry.retry_set_aside("tts")
    ready(registry, "best")


@pytest.mark.parametrize("sources", ["aaaa", "abcd"], ids=["one conversation", "several conversations"])
@requirement("engine.fair")
def test_what_depends_on_one_user_never_takes_an_engine_from_another(registry, sources):
    for source in sources:
        for code in ("busy", "empty_reply", "no_sound", "unknown_voice", "bad_key", "refused", "no_words", "template", "too_long"):
            assert fail(registry, source, code=code, counts=False) == ""
    for stage in ("input", "audio", "config"):
        assert fail(registry, stage=stage) == fail(registry, stage=stage) == ""
    assert registry.engines().tts.open() == "best"


def test_the_last_engine_stays(monkeypatch, time):
    alone = with_adapters(monkeypatch, working("embedded", embedded=True), time=time)
    alone.prepare()
    assert {fail(alone) for _ in range(5)} == {""}
    assert alone.chosen("tts").state.name == "ready"


def test_an_engine_that_cannot_be_loaded_for_a_passing_reason_is_tried_again_later(monkeypatch, time):
    outcomes = [EngineError("Nothing answers.", code="unreachable", retryable=True)] * 2

    def load(options, device, folder):
        if outcomes:
            raise outcomes.pop()
        return "best"

    registry = with_adapters(monkeypatch, Adapter(load, name="best", preference=2), working("embedded", embedded=True), time=time)
    registry.retry("tts")
    wait_for(lambda: registry.awaited("tts")[0].retry_in_s == 60)
    assert (registry.awaited("tts")[0].state.detail, registry.awaited("tts")[0].retry_in_s) == ("Nothing answers.", 60)
    time.passes(60)
    assert registry.awaited("tts")[0].retry_in_s == 120
    time.passes(120)
    assert registry.engines().tts.open() == "best"


def test_an_engine_that_was_at_work_comes_back_while_the_one_chosen_since_gets_ready(monkeypatch, time):
    slow = Adapter(lambda options, device, folder: go_on.wait(10) and "slow", name="slow")
    go_on = threading.Event()
    registry = with_adapters(monkeypatch, working("best", preference=2), slow, working("embedded", embedded=True), time=time)
    registry.prepare()
    registry.choose("tts", "slow")
    fail(registry)
    fail(registry)
    assert registry.engines().tts.open() == "embedded"
    time.passes(60)
    assert registry.engines().tts.open() == "best"
    go_on.set()
    wait_for(lambda: registry.engines().tts.open() == "slow")
