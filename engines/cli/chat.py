"""Chat: what is typed is answered aloud, as text, WAV and visemes."""

from __future__ import annotations

import argparse

from engines.cli._shared.talking import add_output, converse
from engines.cli._shared.terminal import ENGINE, add_common, progress, selection
from engines.library.chat_session import ChatSession, SpeechToSpeechPipeline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--single TEXT``, the engines, who answers, and where answers are saved."""
    parser.add_argument("--single", metavar="TEXT", help="answer this, and end; without it, line after line is answered")
    parser.add_argument("--chat-model", "--llm", metavar="NAME[:MODEL]", help=ENGINE["llm"])
    parser.add_argument("--tts-model", "--tts", metavar="NAME[:MODEL]", help=ENGINE["tts"])
    parser.add_argument("--system-prompt", metavar="TEXT", help="who the persona is, in place of what personas.yaml says")
    add_output(parser, "var/voice_chat")
    parser.set_defaults(mic=False)
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Answer."""
    session = ChatSession(
        arguments.persona,
        system_prompt=arguments.system_prompt,
        profile=arguments.profile,
        tell=progress,
        llm=selection("llm", arguments.chat_model),
        tts=arguments.tts_model,
        max_tokens=arguments.max_tokens,
    )
    pipeline = SpeechToSpeechPipeline(session, arguments.output_dir, audio=not arguments.no_save_audio, visemes=False)
    return converse(session, pipeline, arguments, said_in=str, prompt="You: ")
