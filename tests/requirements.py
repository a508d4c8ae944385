"""What Visavis promises: every requirement with its source. Tests name those that they prove.

In Python ``@requirement("talk.stop")`` above the test, in Node tests ``[talk.stop]`` in the name. `test_requirements.py` holds that every
requirement has a test and that every name is one of these.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest


class Requirement(NamedTuple):
    """One promise."""

    id: str
    """Area and name: ``talk.stop``."""
    sentence: str
    source: str
    """Where it is promised: a file and its heading, or the issue that brought it."""


REQUIREMENTS = (
    Requirement("talk.hold", "Hold the button or the space bar and speak; releasing it sends the utterance.", "README, Visavis"),
    Requirement("talk.tap", "A tap begins a recording and a second one sends it, also by keyboard and screen reader.", "README, Visavis"),
    Requirement(
        "live.listener",
        "Frames of an open microphone become utterances: begun, paused, gone on, ended, on the clock of the sound.",
        "issue 11",
    ),
    Requirement("live.hands-free", "Who speaks and falls silent is answered without a button.", "issue 11"),
    Requirement("live.partial", "What somebody says is shown while they say it, by a bounded share of the processor.", "issue 11"),
    Requirement("live.speculation", "An answer begun in a pause is neither heard nor remembered when the user goes on.", "issue 11"),
    Requirement("live.barge-in", "Words and lasting speech stop the persona; a cough or a backchannel does not.", "issue 11"),
    Requirement("live.switch", "The hands-free switch, the microphone, the status and what Python hears never disagree.", "issue 11"),
    Requirement("live.duck", "A voice over the persona's lowers it within 50 ms, and it comes back when it was none.", "issue 11"),
    Requirement("live.echo", "The persona's own voice is taken out of the microphone's sound; who speaks over it is heard.", "issue 11"),
    Requirement("live.resume", "A voice that was silenced for nothing goes on at the word that was cut off.", "issue 11"),
    Requirement("live.face", "The persona nods in the user's pauses within 200 ms, and raises their brows at questions.", "issue 11"),
    Requirement("live.frames", "Frames of a microphone are heard once and in order, whatever the network does.", "docs/wire.md"),
    Requirement(
        "live.half-duplex", "Where nothing cancels the echo it does not listen while they speak, unless the user wants it.", "issue 11"
    ),
    Requirement(
        "live.device-vanishes", "What was begun hands-free when the device vanished is answered, and it goes on with the next.", "issue 11"
    ),
    Requirement("talk.one-state", "Button, switch, microphone and status are one state machine and never disagree.", "issue 11"),
    Requirement("talk.device-vanishes", "A recording that ends because the device vanished is sent with what there is.", "issue 11"),
    Requirement("talk.typing-ends", "Typing ends a recording, and says so.", "issue 11"),
    Requirement("talk.elapsed", "The time that one has been speaking is shown.", "issue 11"),
    Requirement("talk.second-tab", "Of two tabs one listens, and the other says so.", "issue 11"),
    Requirement("talk.rates", "Microphones of 44.1, 48 and 96 kHz are heard at 16 kHz, without a constant offset.", "issue 11"),
    Requirement("live.models", "Until its models are here, or without them, loudness and silence decide, and it says so.", "docs/wire.md"),
    Requirement("talk.type", "A typed message is answered aloud.", "README, Visavis"),
    Requirement("talk.file", "An audio file is answered like speech; one that cannot be used is refused in a sentence.", "README, Visavis"),
    Requirement("talk.formats", "Sound is read in every common format, and anything else is refused in one sentence.", "README, Visavis"),
    Requirement("talk.hostile-files", "A sound file takes little memory, whatever is in it.", "issue 12, Caps"),
    Requirement(
        "talk.fair-hearing", "Users are heard in turns, one recording of each at a time; waiting is not lateness.", "issue 12, Hearing"
    ),
    Requirement("talk.cancelled-hearing", "A recording that is not wanted any more is heard no further.", "issue 12, Hearing"),
    Requirement("talk.pre-roll", "The 300 ms before the button is pressed are part of the recording.", "CHANGELOG"),
    Requirement("talk.microphone-closes", "The microphone closes when it has been unused for 10 s.", "issue 9, section 4"),
    Requirement(
        "talk.microphone-errors", "A microphone that cannot be used is explained with what to do.", "README, When something does not work"
    ),
    Requirement("talk.stop", "Stop, or a new utterance, interrupts the answer at once.", "README, Design notes"),
    Requirement("talk.heard", "Only what was heard is remembered as said.", "README, Design notes"),
    Requirement("talk.first-clause", "The first clause of an answer is spoken before the answer is complete.", "README, Design notes"),
    Requirement("talk.sentences", "How the model cuts its text makes no difference to the sentences.", "README, Design notes"),
    Requirement(
        "talk.pauses",
        "Silence before, between and behind pieces of speech is what the punctuation wants, and no sound is cut off.",
        "issue 10, section 3",
    ),
    Requirement("talk.speakable", "Markdown, symbols, units and emoji are spoken as words or left out.", "README, The house"),
    Requirement("say.words", "Every voice is given a native's words: numbers, dates, money, units, signs, in nine languages.", "issue 14"),
    Requirement("say.only-speech", "Control tokens, roles, calls of tools, thoughts, actions and faces are never spoken.", "issue 14"),
    Requirement("say.captions", "Captions keep the text as it is written, and mark the word that is heard.", "issue 14"),
    Requirement(
        "talk.history",
        "The conversation goes to the model, as much of it as the settings say; what it no longer reads is not forgotten.",
        "DESIGN, One conversation",
    ),
    Requirement("talk.special-tokens", "Nothing that is said reaches a model as one of its special tokens.", "issue 10, section 2"),
    Requirement(
        "talk.runaway",
        "An answer that does not end, or goes round in circles, is ended, by one rule for every mind.",
        "issue 10, section 2",
    ),
    Requirement("talk.private", "Two people who use the app at once hear nothing of each other.", "DESIGN, Engines"),
    Requirement("talk.language", "The language of the user is found out, unless the settings name it.", "issue 10, section 2"),
    Requirement(
        "talk.answer-language", "The persona answers in the user's language if the voice can, else says so once.", "issue 10, section 2"
    ),
    Requirement("talk.no-speech", "Breath, hum, clicks, chords and noise become no words.", "issue 10, Numbers"),
    Requirement("talk.one-cancellation", "One intent is one cancellation.", "issue 9, section 1"),
    Requirement("talk.not-waiting", "An utterance is sent without waiting for the stage.", "issue 9, section 1"),
    Requirement("lips.clock", "The audio clock is the only clock of the lips.", "README, Design notes"),
    Requirement("lips.closures", "Lips that meet are seen to meet.", "README, Numbers"),
    Requirement("lips.measured", "eSpeak NG and Kokoro tell the exact times of their phonemes.", "README, What works"),
    Requirement(
        "lips.sound",
        "Lips and captions are where the sound is, whatever an engine tells, and the mouth closes where it falls silent.",
        "issue 10, section 3",
    ),
    Requirement("lips.aligned", "For voices that tell no times, English lips are aligned with the sound.", "README, Add real models"),
    Requirement(
        "lips.estimated", "In other languages they are estimated from how eSpeak NG says the same words.", "README, Add real models"
    ),
    Requirement(
        "lips.honest",
        "A timeline says whether it was measured, aligned or estimated; a text that was not said is never called aligned.",
        "DESIGN, Values",
    ),
    Requirement("lips.every-phoneme", "Every phoneme that eSpeak NG and Kokoro know has a viseme.", "README, The house"),
    Requirement("persona.file", "A saved personas.yaml is shown without a restart.", "README, Add a person"),
    Requirement(
        "persona.mistake",
        "A mistake in personas.yaml is explained with its line, and the last good version stays in use.",
        "README, Add a person",
    ),
    Requirement(
        "persona.stalled", "A persona file that is a pipe, or whose disk does not answer, stops nobody.", "issue 12, Starts anywhere"
    ),
    Requirement("persona.fields", "Every field of a persona reaches what it steers.", "issue 9, section 4"),
    Requirement(
        "persona.replies",
        "Scripted replies are found by phrases, the longest first, without regard to capitals, accents and plurals.",
        "personas.yaml",
    ),
    Requirement("persona.more", '"Tell me more" brings the next line of a topic.', "personas.yaml"),
    Requirement("persona.name", "A line with {name} is used once the user has told their name.", "personas.yaml"),
    Requirement("persona.scripted-honest", "Scripted answers say that they are scripted when asked.", "README, What works"),
    Requirement("persona.directions", "Stage directions and emoji are acted where they stand and never spoken.", "README, Add a person"),
    Requirement("persona.directions-end", "A direction at the end of an answer, or alone, is acted.", "issue 9, section 4"),
    Requirement("persona.liveliness", "liveliness says how much body and face go along.", "README, Add a person"),
    Requirement(
        "persona.prompt", "All rules of a system prompt stand in one place and do not contradict each other.", "issue 9, section 4"
    ),
    Requirement(
        "persona.switch", "Somebody else who comes on stage greets and knows nothing of the conversation before.", "README, Add a person"
    ),
    Requirement("persona.voice", "A persona without a voice on an engine gets one of their language.", "personas.yaml"),
    Requirement("persona.motion", "Mood and liveliness follow the system's setting for reduced motion.", "README, Add a person"),
    Requirement("stage.alive", "Eyes blink, and brows rise at questions.", "CHANGELOG"),
    Requirement("avatar.own", "A GLB or VRM dropped on the page becomes the body of the persona and speaks.", "README, Your own avatar"),
    Requirement("avatar.private", "It stays in that browser tab and can be given back.", "README, Your own avatar"),
    Requirement(
        "avatar.refused", "A file that cannot be shown is refused with the reason, and the person stays.", "README, Your own avatar"
    ),
    Requirement("avatar.mended", "What can be put right is put right: bones, shapes, fingers, eyes.", "README, Your own avatar"),
    Requirement("avatar.packed", "Draco, Meshopt and KTX2 are unpacked in the page.", "README, Your own avatar"),
    Requirement("avatar.folder", "A file in avatar_assets/avatars is named by its stem.", "README, Your own avatar"),
    Requirement("avatar.check", "A command says of an avatar file what the page says.", "README, Your own avatar"),
    Requirement("avatar.built", "The avatars are built from their parameters, byte for byte.", "CONTRIBUTING"),
    Requirement("avatar.valid", "They pass gltf-validator without a warning.", "CHANGELOG"),
    Requirement("avatar.failing", "A body that fails while it is drawn costs only itself.", "README, Your own avatar"),
    Requirement("stage.menu", "Camera and background are set by keyboard and remembered.", "README, Visavis"),
    Requirement("stage.picture", "A picture of one's own is the background.", "README, Visavis"),
    Requirement("stage.second", "A second person listens and looks.", "README, Visavis"),
    Requirement("stage.low-power", "Without a graphics card, measured frame time picks what is drawn.", "README, Without a graphics card"),
    Requirement("stage.drawn-face", "Where 3-D cannot be drawn, the drawn face speaks, and the stage says so.", "README, Visavis"),
    Requirement("stage.no-stall", "A stalled picture does not stall the voice.", "DESIGN, One conversation"),
    Requirement("page.spoken-loop", "Speaking into the page brings a spoken answer with moving lips.", "README, Visavis"),
    Requirement("page.replay", "A finished reply can be heard again and its sound and lips saved.", "README, Take it home"),
    Requirement("page.bounded", "The page keeps ten minutes of sound, not more.", "issue 9, section 4"),
    Requirement("page.uploads", "Every unreadable upload is answered.", "issue 9, section 4"),
    Requirement("page.video", "Save video records a reply with its sound.", "README, Take it home"),
    Requirement("page.keyboard", "The page works by keyboard alone.", "README, Visavis"),
    Requirement("page.readable", "Everything fits and can be read on desktop and phone, light and dark.", "CONTRIBUTING"),
    Requirement(
        "page.accessible", "axe-core finds nothing in any state; forced colours and the keyboard show what is chosen.", "issue 11, How"
    ),
    Requirement("page.screen-reader", "A screen reader does not repeat what is heard, and tells buttons apart.", "issue 11, How"),
    Requirement("page.right-to-left", "Text that runs from right to left is shown so.", "issue 11, How"),
    Requirement("stage.captions", "Captions can be enlarged and switched off.", "issue 11, How"),
    Requirement(
        "stage.one-body", "A greeting waits for its body; nobody changes while they speak; 3-D can be tried again.", "issue 11, How"
    ),
    Requirement("page.first-words", "The page says how to talk, and what one could ask.", "issue 11, How"),
    Requirement("page.drop", "A dropped sound is heard, a dropped picture becomes the background.", "README, Visavis"),
    Requirement("persona.remembered", "Whom one chose comes back with the page.", "README, Visavis"),
    Requirement("page.gesture", "A browser that plays nothing before a tap says so.", "README, When something does not work"),
    Requirement("page.markup", "What people, models and files say is shown as text, never run.", "README, Your own avatar"),
    Requirement("page.status", "The page says which engines are at work and how each of them is.", "README, What works"),
    Requirement("page.clear", "Clear begins a new conversation.", "DESIGN, One conversation"),
    Requirement("page.follows", "The chat marks the word that is heard, and greys what was not heard of an interrupted reply.", "issue 11"),
    Requirement("page.captions", "Captions follow the words that are heard.", "README, Visavis"),
    Requirement("page.no-network", "Without npm and without a network the drawn face speaks.", "README, Visavis"),
    Requirement("stream.inside-another-page", "It works inside a page of another site, with cookies and storage blocked.", "issue 11"),
    Requirement("stream.resume", "A connection that breaks off goes on where it was: nothing is said twice or lost.", "issue 11, How"),
    Requirement("stream.leave", "A closed tab is left, after a time in which a reconnect finds it.", "issue 11, How"),
    Requirement("stream.bounded", "A reader who reads nothing costs bounded memory, and only itself.", "issue 11, How"),
    Requirement("stream.own-site", "What another website sends through a visitor's browser is refused.", "docs/wire.md"),
    Requirement("guard.policy", "What no line of the access policy names is not served.", "issue 12, 1"),
    Requirement("guard.hosts", "The app answers to its own names only.", "issue 12, 1"),
    Requirement("guard.ways", "Every way to the app works; only who sits at its machine may choose engines.", "issue 12, 1"),
    Requirement("guard.bodies", "Bodies are counted and timed while they arrive, and all of them together.", "issue 12, 1"),
    Requirement("guard.streams", "Streams are counted, for each client and in all.", "issue 12, 1"),
    Requirement("guard.headers", "A page runs only its own scripts, and only its own site may show it.", "issue 12, 1"),
    Requirement("film.command", "A command makes a film of a text.", "README, Take it home"),
    Requirement("film.lips", "The lips of films are within 20 ms of the sound.", "README, Numbers"),
    Requirement("film.captions", "--captions adds what is said.", "README, Take it home"),
    Requirement("engine.embedded", "Every stage has an engine that works without a download.", "README, What works"),
    Requirement("engine.file", "An engine is one file; no other file is edited.", "README, Add an engine"),
    Requirement(
        "engine.background",
        "Conversations begin on the embedded engine and change over when a better one is loaded.",
        "README, Add real models",
    ),
    Requirement(
        "engine.choice",
        "Engines are chosen by NAME or NAME:MODEL on the page, in a profile, the environment or the command line.",
        "CHANGELOG",
    ),
    Requirement(
        "engine.download", "A download shows its progress, can be stopped, and goes on where it stopped.", "README, Add real models"
    ),
    Requirement("engine.download-choice", "Choosing another engine during a download asks what becomes of it.", "issue 9, section 3"),
    Requirement("engine.offline", "What was fetched before works without a network.", "README, Add real models"),
    Requirement(
        "engine.set-aside",
        "An engine that keeps failing is set aside with its reason, and the next one takes over.",
        "README, Add real models",
    ),
    Requirement("engine.fair", "What a user asked for, or a rate limit, never takes an engine from another user.", "issue 9, section 3"),
    Requirement("engine.language", "A language that an engine does not know goes to one that does, with a notice.", "CHANGELOG"),
    Requirement("engine.isolated", "Every engine but the scripted one works in a process of its own.", "issue 9, section 3"),
    Requirement("engine.crash", "A crash in C costs one sentence, and the engine is started again.", "issue 9, section 3"),
    Requirement("engine.deadline", "A step past its deadline is ended by ending its process.", "issue 9, section 3"),
    Requirement("engine.memory", "An engine that nobody uses gives its memory back.", "issue 9, section 3"),
    Requirement("engine.in-process", "isolate: false keeps engines in the app's process.", "issue 9, section 3"),
    Requirement("engine.whisper", "Whisper hears in some 100 languages by mlx-whisper and faster-whisper.", "README, Add real models"),
    Requirement("engine.pocketsphinx", "PocketSphinx hears English without a download.", "README, What works"),
    Requirement("engine.local-models", "mlx-lm, Transformers and llama.cpp answer, and read only what is new.", "README, Add real models"),
    Requirement("engine.kokoro", "Kokoro speaks nine languages.", "README, Add real models"),
    Requirement("voice.words", "Words keep their sounds: a caption shows each while it is heard.", "issue 10, section 2"),
    Requirement(
        "voice.any-text",
        "No text ends a voice: whatever is written, something is said or nothing, and no letter is lost.",
        "issue 10, section 2",
    ),
    Requirement("voice.loudness", "All voices are equally loud, and none pumps or clips.", "issue 10, section 2"),
    Requirement("engine.piper", "Piper speaks with its model's own times, in the language of each voice file.", "issue 10, section 2"),
    Requirement("engine.kokoro-onnx", "Kokoro speaks on ONNX Runtime too, with exact times and without torch.", "issue 10, section 2"),
    Requirement(
        "engine.servers", "Answers, hearing and voice may be on a server that speaks OpenAI's protocol.", "README, Add real models"
    ),
    Requirement("engine.keys", "Keys are sent to their server alone and never shown.", "README, Add real models"),
    Requirement("engine.by-memory", "Which language model is fetched depends on the machine's memory.", "README, Add real models"),
    Requirement("weights.sources", "The same bytes come from a hub, its maker's page or a package registry.", "issue 10, section 1"),
    Requirement("engine.consent", "Before a download above 1 GB whoever may choose engines is asked, once.", "issue 10, section 1"),
    Requirement("engine.second-start", "What was fetched before works from the first word of the next start.", "issue 10, section 1"),
    Requirement("weights.verified", "Nothing is loaded whose SHA-256 is another than the catalog's.", "issue 10, section 1"),
    Requirement("weights.faults", "A source that cannot give a file is left for the next, each with one sentence.", "issue 10, Bad input"),
    Requirement("weights.fetch", "python -m engines fetch brings weights ahead of time.", "issue 10, section 1"),
    Requirement("weights.genuine", "Tests with genuine weights are skipped with the reason where there are none.", "issue 10, section 4"),
    Requirement("engine.install", "A missing package is answered with the command that installs it.", "README, Add an engine"),
    Requirement("turn.ends", "A turn always ends, whatever is raised.", "issue 9, section 3"),
    Requirement("turn.voice-fails", "When the voice fails, the text remains.", "DESIGN, Errors"),
    Requirement("turn.no-seams", "The first sound is soon, and no sound behind it is late.", "issue 11"),
    Requirement("turn.bounded", "An answer without end is cut off, and what was written of it is spoken.", "DESIGN, Errors"),
    Requirement("people.speed", "Everybody speaks as fast as the persona file or a client says, at the same pitch.", "issue 13"),
    Requirement("app.start", "python app.py answers, and a taken port leads to the next free one.", "README, Visavis"),
    Requirement(
        "app.leaves-nothing", "What is written for a moment is private and goes with the app, killed or ended.", "issue 12, Leaves nothing"
    ),
    Requirement("app.bounded-logs", "No log grows for ever, and no line of it is long.", "issue 12, Leaves nothing"),
    Requirement(
        "talk.well-formed", "Halves of characters and control characters come in and go out nowhere.", "issue 12, Text at the borders"
    ),
    Requirement("engine.bounded-server", "What a server sends is bounded, and goes to no other host.", "issue 12, Caps"),
    Requirement("app.starts-anywhere", "The app works or ends with one sentence, whatever the machine lacks.", "issue 12, Starts anywhere"),
    Requirement("app.end", "Ctrl-C ends the app, also where it was ignored at start.", "issue 9, section 5"),
    Requirement(
        "app.options", "--help names every option, and every option can be set in the environment or a profile.", "README, Visavis"
    ),
    Requirement("app.documented", "Every setting and every field of the wire is documented.", "issue 9, section 5"),
    Requirement("app.served", "Nothing but avatar_assets/web and the avatars is served.", "issue 9, section 1"),
    Requirement("app.modules", "The page's modules come from npm, a CDN or not at all.", "README, Visavis"),
    Requirement("app.doctor", "The doctor looks over everything and prints the command that mends it.", "README, Visavis"),
    Requirement("app.doctor-vrm", "The doctor knows VRM avatars.", "issue 9, section 4"),
    Requirement("app.no-words-logged", "Journal and logs hold no words of a conversation.", "DESIGN, Errors"),
    Requirement(
        "app.sessions", "A conversation that runs or is recent is not ended for a new one; what is idle is.", "issue 12, Full is said"
    ),
    Requirement(
        "app.queue", "Who finds no room is told their place in the queue, and comes in when it is their turn.", "issue 12, Full is said"
    ),
    Requirement("app.same-person", "Who is spoken to answers, whatever the server has forgotten.", "issue 12, Full is said"),
    Requirement("library.session", "Programs hold a conversation, waiting for each answer or as it comes.", "issue 13, Command line"),
    Requirement("library.pipeline", "From a recording or a text to text, WAV and visemes, as files.", "issue 13, Command line"),
    Requirement("library.reply", "A whole reply is one sound with one timeline.", "issue 13, Command line"),
    Requirement("library.synthesis", "Texts become sound and visemes without a conversation, one or many.", "issue 13, Command line"),
    Requirement("library.recognition", "Recordings become words with their times.", "issue 13, Command line"),
    Requirement("cli.talk", "Recordings, or a microphone, are answered by text, WAV and visemes.", "issue 13, Command line"),
    Requirement("cli.chat", "What is typed is answered aloud.", "issue 13, Command line"),
    Requirement("cli.say", "A text, a file or the standard input is said.", "issue 13, Command line"),
    Requirement("cli.batch", "Every line of a file is said, and a run that was ended goes on.", "issue 13, Command line"),
    Requirement("cli.transcribe", "Recordings become text, JSON, SRT and WebVTT.", "issue 13, Command line"),
    Requirement("cli.lists", "Voices, engines and people are listed, for people and as JSON.", "issue 13, Command line"),
    Requirement("api.session", "A session takes text, recordings and frames, and tells transcript, text, sound, visemes.", "issue 13"),
    Requirement("api.session-faults", "What a client of a session does wrong costs one sentence, and harms nobody else.", "issue 13"),
    Requirement("api.states", "A session's states are one table.", "issue 13, HTTP and WebSocket"),
    Requirement("api.sts-avatar", "POST /api/sts-avatar answers a recording; its sound is kept for a limited time.", "issue 13"),
    Requirement("api.sse", "POST /upload, then GET /stream/{id}, answers by Server-Sent Events.", "issue 13, HTTP and WebSocket"),
    Requirement("api.about", "Health with reasons, models, and metrics for Prometheus.", "issue 13, HTTP and WebSocket"),
    Requirement("api.refusals", "Every refusal is {code, message} with a fitting status.", "issue 13, Numbers"),
    Requirement("api.openai-speech", "OpenAI's client gets speech in every format.", "issue 13, Drop-in protocols"),
    Requirement("api.openai-transcriptions", "OpenAI's client gets transcripts in every format.", "issue 13, Drop-in protocols"),
    Requirement("api.openai-chat", "OpenAI's client chats with a persona.", "issue 13, Drop-in protocols"),
    Requirement("api.headtts", "HeadTTS's own client works with us in every language of our voices.", "issue 13, Drop-in protocols"),
    Requirement("api.realtime", "OpenAI's own client talks over the Realtime protocol.", "issue 13, Drop-in protocols"),
    Requirement("api.wyoming", "Wyoming's own client hears and speaks with us.", "issue 13, Drop-in protocols"),
    Requirement("api.mcp", "A coding agent talks and speaks by way of the MCP server.", "issue 13, Drop-in protocols"),
    Requirement("api.tokens", "Programs on other machines need a token, of which only a digest is kept.", "issue 13, Safety"),
    Requirement("cli.serve", "The API is served without the page.", "issue 13, Command line"),
    Requirement("house.imports", "Imports point downwards, and engines never import each other.", "README, The house"),
    Requirement("house.light", "Nothing heavy is loaded before it is needed.", "DESIGN, Engines"),
    Requirement("house.shared-facts", "What JavaScript and Python both need stands in one JSON file.", "issue 9, section 2"),
    Requirement("house.yaml-messages", "Messages about YAML do not depend on the parser's wording.", "issue 9, section 5"),
)


def requirement(*ids: str) -> pytest.MarkDecorator:
    """Marks a test as the proof of these requirements."""
    return pytest.mark.requirement(*ids)
