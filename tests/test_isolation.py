"""Engines in processes of their own: every way of dying costs one sentence, and nothing is left over."""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import psutil
import pytest
from conftest import HOUSE, in_threads, stub_engines, tone
from fixtures import faulty_engine, patient_ears
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.concurrency.deadlines import Limits
from engines.config.settings import Settings
from engines.conversation.turn import TurnRequest, run_turn
from engines.errors import EngineError, SpeechToTextError, TextToSpeechError
from engines.events import TurnCompleted, TurnFailed
from engines.isolation.isolated_engine import IsolatedTextToSpeech, isolated
from engines.isolation.messages import Call, MessageStream, Ready, Setup
from engines.llm import scripted
from engines.protocols import ChatModel, Killable, SpeechToText, TextToSpeech
from engines.registry.registry import EngineHandle, Registry
from engines.types import STAGES

WAIT_S = 20
OPTIONS = faulty_engine.Options
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals")


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HOUSE), str(HOUSE / "tests")])}


def load(**options) -> IsolatedTextToSpeech:
    return isolated(faulty_engine).load(OPTIONS(**options), "auto", None)


def say(engine, text: str) -> list[str]:
    return [speech.words[0].text for speech in engine.synthesize(text, "one")]


def wait_for(true) -> None:
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.fixture(scope="module")
def engine() -> IsolatedTextToSpeech:
    return load()


def test_it_is_a_voice_in_another_process(engine):
    assert isinstance(engine, TextToSpeech)
    assert isinstance(engine, Killable)
    assert psutil.Process(engine.supervisor.pid).ppid() == os.getpid()
    assert [voice.id for voice in engine.voices()] == ["one", "two"]
    (speech,) = engine.synthesize("Hello.", "two")
    ours = faulty_engine.speech("Hello. two")
    assert (speech.audio.samples == ours.audio.samples).all()
    assert speech.audio.samples.dtype == ours.audio.samples.dtype
    assert speech.audio.samples.flags.writeable
    assert (speech.words, speech.phonemes, speech.timing) == (ours.words, ours.phonemes, ours.timing)


@pytest.mark.parametrize("how", ["segfault", "abort", "c_exit", "close_stdout", "late segfault"])
@requirement("engine.crash")
def test_a_crash_costs_one_sentence_and_the_next_call_works(engine, how):
    with pytest.raises(TextToSpeechError) as caught:
        say(engine, how)
    assert caught.value.message == "Faulty crashed and is started again. The text of the answer remains."
    assert (caught.value.code, caught.value.retryable, caught.value.counts_against_engine) == ("crashed", True, True)
    assert say(engine, "hello") == ["hello one"]


@POSIX
def test_a_process_that_the_system_ends_is_told_from_a_crash(engine):
    with pytest.raises(TextToSpeechError, match="perhaps because the memory is full") as caught:
        say(engine, "kill")
    assert caught.value.code == "crashed"
    assert say(engine, "hello") == ["hello one"]


@pytest.mark.parametrize(
    ("how", "kind"), [("memory", MemoryError), ("error", RuntimeError), ("base", RuntimeError), ("exit", RuntimeError)]
)
def test_an_exception_costs_no_process(engine, how, kind):
    pid = engine.supervisor.pid
    with pytest.raises(kind):
        say(engine, how)
    assert say(engine, "hello") == ["hello one"]
    assert engine.supervisor.pid == pid


def test_an_error_of_the_engine_arrives_as_it_is(engine):
    with pytest.raises(TextToSpeechError, match=r"^This voice is hoarse\.$") as caught:
        say(engine, "typed")
    assert (caught.value.code, caught.value.stage, caught.value.retryable) == ("hoarse", "tts", True)


@requirement("talk.cancelled-hearing")
def test_a_recording_that_is_not_wanted_any_more_occupies_nobody():
    ears, token, raised = isolated(patient_ears).load(patient_ears.Options(), "auto", None), CancelToken(), []

    def hear():
        with pytest.raises(SpeechToTextError) as caught:
            ears.transcribe(tone(level=0.05), None, None, token)
        raised.append(caught.value.code)

    hearing = threading.Thread(target=hear)
    hearing.start()
    time.sleep(0.1)
    token.cancel()
    hearing.join(WAIT_S)
    assert raised == ["cancelled"]
    assert ears.transcribe(tone(), None, None, CancelToken()).text == "heard"  # by the same process, which has stopped


def test_what_an_engine_prints_or_reads_is_not_taken_for_messages(engine):
    assert say(engine, "print") == ["print one"]
    assert say(engine, "read") == ["read one"]


def test_a_process_makes_no_step_before_it_is_wanted_and_stops_when_nobody_wants_more(engine):
    before = int(say(engine, "steps")[0])
    pieces = engine.synthesize("count 1000")
    for _ in range(3):
        next(pieces)
    time.sleep(0.1)
    assert int(say(engine, "steps")[0]) == before + 3
    pieces.close()
    wait_for(lambda: int(say(engine, "steps")[0]) == before + 3)
    assert say(engine, "hello") == ["hello one"]


def test_a_message_without_bounds_is_not_sent(monkeypatch):
    monkeypatch.setattr("engines.isolation.messages.LARGEST_BYTES", 1000)
    sink = io.BytesIO()
    stream = MessageStream(io.BytesIO(), sink)
    with pytest.raises(ValueError, match="too large"):
        stream.send("x" * 2000)
    stream.send("fits")
    sink.seek(0)
    assert MessageStream(sink, io.BytesIO()).receive() == "fits"


def test_calls_do_not_wait_for_each_other(engine):
    begun, said = time.monotonic(), list[list[str]]()
    in_threads(*[lambda: said.append(say(engine, "sleep 0.5"))] * 20)
    assert said == [["sleep 0.5 one"]] * 20
    assert time.monotonic() - begun < 5, "one after the other takes 10 s"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("segfault", "crashed"),
        ("abort", "crashed"),
        ("late segfault", "crashed"),
        ("memory", "out_of_memory"),
        ("base", "crashed"),
        ("exit", "crashed"),
        ("error", "crashed"),
        ("typed", "hoarse"),
    ],
)
def test_whatever_happens_the_turn_ends_its_text_remains_and_the_next_turn_is_served(engine, persona, how, code):
    engines = replace(stub_engines(), tts=EngineHandle(faulty_engine.INFO, lambda: engine))
    *_, last = run_turn(TurnRequest("one", persona, None, reply=f"{how} now."), engines)
    assert isinstance(last, TurnFailed)
    assert (last.code, last.stage, last.text) == (code, "tts", f"{how} now.")
    *_, last = run_turn(TurnRequest("two", persona, None, reply="hello."), engines)
    assert isinstance(last, TurnCompleted)


@pytest.mark.parametrize("how", ["hang", pytest.param("freeze", marks=POSIX)])
@requirement("engine.deadline")
def test_a_step_past_its_deadline_is_ended_with_its_process(engine, persona, how):
    pid = engine.supervisor.pid
    engines = replace(stub_engines(), tts=EngineHandle(faulty_engine.INFO, lambda: engine))
    speaking = replace(persona, voices=((faulty_engine.INFO.name, "one"),))
    *_, last = run_turn(TurnRequest("one", speaking, None, reply=f"{how} a while.", limits=Limits(tts=0.3)), engines)
    assert isinstance(last, TurnFailed)
    assert (last.code, last.text) == ("timeout", f"{how} a while.")
    wait_for(lambda: not psutil.pid_exists(pid))
    assert say(engine, "hello") == ["hello one"]
    wait_for(lambda: not any(thread.name.endswith("-one") for thread in threading.enumerate()))


def test_who_was_under_way_when_another_step_took_too_long_notices_nothing(engine):
    results: list[list[str]] = []

    def hang() -> None:
        with pytest.raises(TextToSpeechError):
            say(engine, "hang")
        results.append(["hung"])

    threads = [threading.Thread(target=hang), threading.Thread(target=lambda: results.append(say(engine, "sleep 0.5")))]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    engine.kill()
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(results) == [["hung"], ["sleep 0.5 one"]]


def test_who_was_under_way_when_another_call_crashed_notices_nothing(engine):
    results: list[list[str]] = []

    def crash() -> None:
        with pytest.raises(EngineError, match="crashed"):
            say(engine, "segfault")
        results.append(["crashed"])

    innocent = [threading.Thread(target=lambda: results.append(say(engine, "sleep 0.3"))) for _ in range(3)]
    for thread in innocent:
        thread.start()
    time.sleep(0.1)
    guilty = threading.Thread(target=crash)
    guilty.start()
    for thread in [*innocent, guilty]:
        thread.join(WAIT_S)
    assert sorted(results) == [["crashed"], *[["sleep 0.3 one"]] * 3]


def test_a_text_that_is_half_said_is_gone_on_with_after_a_crash_of_another(engine):
    pieces = engine.synthesize("parts 3")
    assert next(pieces).words[0].text == "0"
    with pytest.raises(TextToSpeechError, match="crashed"):
        say(engine, "segfault")
    assert [piece.words[0].text for piece in pieces] == ["1", "2"]


def test_a_process_that_is_killed_while_idle_is_back_before_anybody_asks_and_says_so_meanwhile():
    engine = load(load_s=0.5)
    pid = engine.supervisor.pid
    assert not engine.is_restarting
    psutil.Process(pid).kill()
    wait_for(lambda: engine.is_restarting)
    wait_for(lambda: engine.supervisor.pid not in {pid, None})
    assert say(engine, "hello") == ["hello one"]
    assert not engine.is_restarting


def test_an_engine_that_dies_over_and_over_is_not_started_before_it_is_needed():
    engine = load()
    first = engine.supervisor.pid
    psutil.Process(first).kill()
    wait_for(lambda: engine.supervisor.pid not in {first, None})
    psutil.Process(engine.supervisor.pid).kill()
    wait_for(lambda: engine.supervisor.pid is None)
    time.sleep(0.5)
    assert engine.supervisor.pid is None
    assert say(engine, "hello") == ["hello one"]


@pytest.mark.parametrize(("how", "why"), [("segfault", "its process ended with"), ("c_exit", "ended with status 3")])
def test_a_crash_while_it_is_loaded_is_said(how, why):
    before = children()
    with pytest.raises(TextToSpeechError, match=f"Faulty cannot be started: .*{why}") as caught:
        load(on_load=how)
    assert caught.value.code == "load_failed"
    wait_for(lambda: children() <= before)


def test_a_start_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr("engines.isolation.isolated_engine._LOAD_EMBEDDED_S", 0.2)
    before = children()
    with pytest.raises(TextToSpeechError, match="it was not ready after 0 s"):
        load(on_load="hang")
    wait_for(lambda: children() <= before)


def test_an_exception_while_it_is_loaded_arrives():
    with pytest.raises(TextToSpeechError, match="hoarse"):
        load(on_load="typed")
    with pytest.raises(RuntimeError, match="something else"):
        load(on_load="error")


@requirement("engine.memory")
def test_an_engine_that_nobody_holds_gives_its_memory_back():
    engine = load(megabytes=200)
    process = psutil.Process(engine.supervisor.pid)
    assert process.memory_info().rss > 200 * 2**20
    pieces = engine.synthesize("count 5")
    assert next(pieces).words
    del engine
    assert next(pieces).words  # a turn keeps it until it ends
    del pieces
    wait_for(lambda: not process.is_running())


APP = textwrap.dedent(
    """
    import sys, time
    from fixtures import faulty_engine
    from engines.isolation.isolated_engine import isolated
    engines = [isolated(faulty_engine).load(faulty_engine.Options(), "auto", None) for _ in range(2)]
    print(*(engine.supervisor.pid for engine in engines), flush=True)
    if len(sys.argv) > 1:
        next(engines[0].synthesize(sys.argv[1]))
    sys.stdin.read()
    """
)


def app(*arguments: str) -> tuple[subprocess.Popen[str], list[int]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": ENVIRONMENT}
    program = subprocess.Popen([sys.executable, "-c", APP, *arguments], text=True, start_new_session=True, **pipes)
    return program, [int(pid) for pid in program.stdout.readline().split()]


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda program: program.stdin.close(), id="by itself"),
        pytest.param(lambda program: program.terminate(), id="SIGTERM"),
        pytest.param(lambda program: program.kill(), id="SIGKILL"),
        pytest.param(lambda program: os.killpg(program.pid, signal.SIGINT), id="Ctrl+C", marks=POSIX),
    ],
)
@pytest.mark.parametrize("busy", [(), ("hang",)], ids=["idle", "in a step"])
def test_no_process_outlives_the_app(end, busy):
    if busy and end.__code__.co_names[:1] == ("stdin",):
        pytest.skip("it does not end by itself in a step that hangs")
    program, pids = app(*busy)
    assert len(pids) == 2
    if busy:
        time.sleep(0.2)
    end(program)
    program.wait(WAIT_S)
    wait_for(lambda: gone(pids))


@POSIX
def test_a_process_whose_python_stands_still_ends_itself_when_the_app_is_gone():
    program = "import engines.isolation.host as host; host._LOOK_S, host._FROZEN_S = 0.1, 0.5; host.main()"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([sys.executable, "-c", program], env=ENVIRONMENT, **pipes)
    stream = MessageStream(process.stdout, process.stdin)
    stream.send(Setup("fixtures.faulty_engine", "", logging.WARNING))
    assert isinstance(stream.receive(), Ready)
    stream.send(Call(0, "load", (OPTIONS(on_load="freeze"), "auto", None)))
    _, said = process.communicate(timeout=WAIT_S)  # which closes its input
    assert process.returncode == 1
    assert b"Timeout" in said


def test_an_adapter_that_only_the_app_can_find_by_its_name_is_found_by_its_file(tmp_path, monkeypatch):
    file = shutil.copy(faulty_engine.__file__, tmp_path / "elsewhere.py")
    spec = importlib.util.spec_from_file_location("engines.tts.elsewhere", file)
    adapter = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, adapter)
    spec.loader.exec_module(adapter)
    assert say(isolated(adapter).load(adapter.Options(), "auto", None), "hello") == ["hello one"]


@POSIX
def test_ctrl_c_does_not_reach_an_engine(engine):
    say(engine, "hello")  # the test before may have ended it
    pid = engine.supervisor.pid
    os.kill(pid, signal.SIGINT)
    assert say(engine, "hello") == ["hello one"]
    assert engine.supervisor.pid == pid


def test_the_apps_main_module_is_not_run_again(tmp_path):
    main = tmp_path / "main.py"
    main.write_text(f"print('started', flush=True)\n{APP}", encoding="utf-8")
    done = subprocess.run([sys.executable, main], input="", capture_output=True, text=True, env=ENVIRONMENT, check=True, timeout=60)
    assert done.stdout.count("started") == 1


@pytest.mark.parametrize("stage", STAGES)
@requirement("engine.isolated")
def test_every_embedded_engine_but_the_scripted_one_works_in_a_process_of_its_own(stage):
    registry = Registry(Settings())
    made = getattr(registry.engines(), stage)
    engine = made.open()
    assert isinstance(engine, {"stt": SpeechToText, "llm": ChatModel, "tts": TextToSpeech}[stage])
    assert hasattr(engine, "supervisor") == (made.info.name != "scripted")


@requirement("engine.isolated")
def test_no_other_engine_asks_to_stay_in_the_apps_process():
    registry = Registry(Settings())
    light = [info.name for stage in STAGES for info in registry.infos(stage) if info.in_process]
    assert light == ["scripted"]


@requirement("engine.in-process")
def test_isolation_can_be_switched_off():
    before = children()
    registry = Registry(Settings(isolate=False))
    for stage in STAGES:
        assert not hasattr(getattr(registry.engines(), stage).open(), "supervisor")
    assert children() <= before
    assert isolated(scripted) is scripted
