"""Talking on the command line: what `talk` and `chat` share: their session, their loop and how an answer is shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from engines.cli._shared.terminal import FAILED, INTERRUPTED, note, print_json, progress, reply_json
from engines.errors import EngineError
from engines.events import ReplyDelta, TranscriptReady, TurnEvent
from engines.library.chat_session import ChatSession, Said, SpeechToSpeechPipeline
from engines.library.reply import Reply, reply_of
from engines.types import AudioChunk

_LEAVE, _HISTORY, _CLEAR = {"/exit", "/quit", "/q"}, "/history", "/clear"
_SPEAKERS = {"user": "You", "assistant": "They"}


def add_output(parser: argparse.ArgumentParser, folder: str) -> None:
    """``--max-tokens``, ``--stream``, ``--output-dir``, ``--no-save-audio``."""
    parser.add_argument("--max-tokens", type=int, metavar="N", help="most tokens of an answer; the engine's own limit if left out")
    parser.add_argument("--stream", action="store_true", help="show the answer while it is written")
    parser.add_argument("--output-dir", type=Path, default=Path(folder), metavar="FOLDER", help=f"where answers are saved ({folder})")
    parser.add_argument("--no-save-audio", action="store_true", help="write no WAV files")


def converse(
    session: ChatSession,
    pipeline: SpeechToSpeechPipeline,
    arguments: argparse.Namespace,
    *,
    said_in: Callable[[str], Said],
    prompt: str,
    play: Callable[[AudioChunk], object] = lambda _: None,
) -> int:
    """Answer what ``--single`` names, or line after line what is typed; the exit status.

    Args:
        session: the conversation.
        pipeline: writes the files of its answers.
        arguments: ``single``, ``stream`` and ``json`` count here.
        said_in: makes of a line what was said in it: the words, or the file that it names.
        prompt: is shown where a line is expected.
        play: lets the answer be heard.
    """
    try:
        with session:
            if arguments.single is not None:
                return _answer(session, pipeline, arguments, said_in(arguments.single), play)
            note(f"Talking with {session.persona.name}. /history shows what was said, /clear forgets it, /exit ends.")
            while (line := _line(prompt)) is not None:
                if line == _HISTORY:
                    for message in session.history:
                        print(f"{_SPEAKERS[message.role]}: {message.content}")
                elif line == _CLEAR:
                    session.clear()
                    note("Forgotten.")
                elif line.startswith("/") and not Path(line).exists():
                    note("There is /history, /clear and /exit.")
                elif line or arguments.mic:
                    try:
                        _answer(session, pipeline, arguments, said_in(line), play)
                    except EngineError as error:  # one answer that failed ends no conversation
                        note(error.message)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    return 0


def _line(prompt: str) -> str | None:
    try:
        line = input(prompt if sys.stdin.isatty() else "").strip()
    except EOFError:
        return None
    return None if line in _LEAVE else line


def _answer(
    session: ChatSession, pipeline: SpeechToSpeechPipeline, arguments: argparse.Namespace, said: Said, play: Callable[[AudioChunk], object]
) -> int:
    session.prepare(*(("llm", "tts") if isinstance(said, str) else ()))
    for notice in session.notices:
        note(notice)
    session.notices.clear()
    reply = _streamed(session, said) if arguments.stream and not arguments.json else session.send(said)
    for notice in reply.notices:
        note(notice)
    answered = pipeline.saved(reply)
    if arguments.json:
        print_json(reply_json(reply, audio=answered.wav, timeline=answered.visemes))
    else:
        if not arguments.stream:
            if not isinstance(said, str):
                print(f"You: {reply.transcript}")
            print(f"{session.persona.name}: {reply.text.strip()}")
        for path in (answered.wav, answered.visemes):
            if path:
                print(f"  {path}")
    play(reply.audio)
    if reply.failure:
        note(reply.failure.message)
    return FAILED if reply.failure else 0


def _streamed(session: ChatSession, said: Said) -> Reply:
    def shown(event: TurnEvent) -> TurnEvent:
        match event:
            case TranscriptReady() if not isinstance(said, str):
                print(f"You: {event.transcript.text}", flush=True)
            case ReplyDelta():
                print(event.text, end="", flush=True)
        return event

    progress("")
    reply = reply_of(map(shown, session.stream(said)))
    print(flush=True)
    if reply.failure and not reply.text:
        raise EngineError(reply.failure.message, code=reply.failure.code, retryable=reply.failure.retryable)
    return reply
