"""Talk: recordings are answered by text, WAV and visemes."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.cli._shared.microphone import play, record
from engines.cli._shared.talking import add_output, converse
from engines.cli._shared.terminal import ENGINE, add_common, progress, selection
from engines.cli.voices import show
from engines.library.chat_session import ChatSession, Said, SpeechToSpeechPipeline
from engines.library.synthesis import Synthesizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--single FILE``, ``--mic``, the engines, who answers in which voice, and where answers are saved."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--single", metavar="FILE", help="answer this recording, and end; without it, one path a line is asked for")
    source.add_argument("--mic", action="store_true", help="record with the microphone: Enter begins and ends")
    parser.add_argument(
        "--whisper-model",
        "--stt",
        metavar="MODEL",
        help="the size of Whisper that hears, such as base or small, or NAME[:MODEL] of an engine",
    )
    parser.add_argument("--chat-model", "--llm", metavar="NAME[:MODEL]", help=ENGINE["llm"])
    parser.add_argument("--tts-engine", "--tts", metavar="NAME[:MODEL]", help=ENGINE["tts"])
    parser.add_argument("--tts-voice", metavar="VOICE", help="the voice, in place of the persona's own")
    parser.add_argument("--list-voices", action="store_true", help="list the voices of the engine that speaks, and end")
    parser.add_argument("--language", metavar="TAG", help="the language that is spoken, such as en; found out if left out")
    parser.add_argument("--no-save-visemes", action="store_true", help="write no JSON files of visemes")
    add_output(parser, "var/sts_avatar")
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer."""
    if arguments.list_voices:
        voice = Synthesizer(arguments.persona, tts=arguments.tts_engine, profile=arguments.profile, tell=progress)
        return show(voice, None, as_json=arguments.json)
    session = ChatSession(
        arguments.persona,
        voice=arguments.tts_voice,
        profile=arguments.profile,
        tell=progress,
        stt=selection("stt", arguments.whisper_model),
        llm=selection("llm", arguments.chat_model),
        tts=arguments.tts_engine,
        stt_language=arguments.language,
        max_tokens=arguments.max_tokens,
    )
    pipeline = SpeechToSpeechPipeline(
        session, arguments.output_dir, audio=not arguments.no_save_audio, visemes=not arguments.no_save_visemes
    )

    def said(line: str) -> Said:
        return Path(line).expanduser()

    if not arguments.mic:
        return converse(session, pipeline, arguments, said_in=said, prompt="Recording: ")
    longest_ms = session.settings.max_utterance_ms
    return converse(session, pipeline, arguments, said_in=lambda _: record(longest_ms), prompt="Enter, then speak: ", play=play)
