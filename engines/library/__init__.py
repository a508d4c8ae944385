"""The Python API: a conversation, speech with visemes, and a speech-to-speech pipeline for programs that import Visavis.

Examples that run are in `docs/python.md`.
"""

from engines.library.chat_session import ChatSession, SpeechToSpeechPipeline
from engines.library.preparation import prepared
from engines.library.reply import Reply, Spoken
from engines.library.synthesis import Synthesizer, visemes_of_phonemes
from engines.library.transcription import Recognizer, Transcription

__all__ = [
    "ChatSession",
    "Recognizer",
    "Reply",
    "SpeechToSpeechPipeline",
    "Spoken",
    "Synthesizer",
    "Transcription",
    "prepared",
    "visemes_of_phonemes",
]
