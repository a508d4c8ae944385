"""Visavis: settings → engines → page. Layout and wiring only; the turn itself is in `engines/conversation/turn.py`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: nothing leaves this machine

import gradio as gr

from avatar_assets import npm_modules
from avatar_assets.component import Stage, routes
from engines.api.wire import Json, event_to_wire, heard_from_wire, house_to_wire, persona_to_wire, utterance_from_wire
from engines.audio import decode
from engines.config.personas import PersonaBook
from engines.config.settings import Settings, load_settings
from engines.conversation.session import Session, Sessions
from engines.conversation.turn import failed
from engines.errors import ConfigError, EngineError
from engines.events import TurnEvent
from engines.ports import is_free
from engines.registry.registry import Registry
from engines.types import STAGES, Utterance

ASSETS = npm_modules.FOLDER
SAY = "(text) => { if (!window.visavis) return text; window.visavis.say(text); return ''; }"
"""A message typed before the page is ready stays in its box."""
LIVE: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_limit": None, "api_visibility": "private"}
"""How a conversation's events run: at once, side by side, and only from the page."""
UPLOADS_KEPT_S = 300
"""Gradio stores what is uploaded; files older than this are deleted, and all of them when the app ends."""


class House:
    """What the page's events lead to; one object for all users, each of whom is known by Gradio's session hash."""

    def __init__(self, settings: Settings, registry: Registry, book: PersonaBook, *, choosable: bool = False) -> None:
        """`choosable`: whether whoever opens the page may choose engines, for everybody."""
        self.settings, self.registry, self.book, self.choosable = settings, registry, book, choosable
        self.sessions = Sessions(registry, book, settings)

    def state(self) -> Json:
        """Who can be talked with and which engines work; the page asks every few seconds."""
        return house_to_wire(self.registry, self.book, ASSETS / "avatars", self.settings.persona, choosable=self.choosable)

    def engine(self, order: Json) -> Json:
        """Somebody chose an engine, stopped its download or wants it tried again; answers what is wrong with that, if anything."""
        try:
            if not self.choosable:
                raise ConfigError("Here only whoever started the app chooses the engines.")
            match order:
                case {"stage": "stt" | "llm" | "tts" as stage, "choose": str() as wish}:
                    self.registry.choose(stage, wish)
                case {"stage": "stt" | "llm" | "tts" as stage, "stop": True}:
                    self.registry.stop(stage)
                case {"stage": "stt" | "llm" | "tts" as stage, "retry": True}:
                    self.registry.retry(stage)
        except EngineError as error:
            return {"problem": error.message}
        return {"problem": ""}

    def utterance(self, event: gr.EventData, request: gr.Request) -> Iterator[Json]:
        """The user typed or spoke."""
        session, data = self._session(request), event._data
        yield from self._answered(session, data, lambda: utterance_from_wire(data, self.settings))

    def recording(self, file: bytes, request: gr.Request) -> Iterator[Json]:
        """The user handed over an audio file."""
        session = self._session(request)
        yield from self._answered(session, {}, lambda: Utterance(audio=decode(file, max_ms=self.settings.max_utterance_ms)))

    def greet(self, event: gr.EventData, request: gr.Request) -> Iterator[Json]:
        """The page has opened: let the persona speak first."""
        yield from map(event_to_wire, self._session(request).greet(_turn_id(event._data)))

    def persona(self, event: gr.EventData, request: gr.Request) -> Iterator[Json]:
        """The user picked somebody else."""
        session, data = self._session(request), event._data
        try:
            person = session.switch(str(data.get("id", "")))
        except EngineError as error:
            yield event_to_wire(failed(_turn_id(data), error))
            return
        yield {"type": "persona", **persona_to_wire(person, ASSETS / "avatars")}
        yield from map(event_to_wire, session.greet(_turn_id(data)))

    def stopped(self, event: gr.EventData, request: gr.Request) -> None:
        """The user pressed Stop, or spoke over the persona."""
        self._session(request).stop(heard_from_wire(event._data))

    def cleared(self, request: gr.Request) -> None:
        """The user wants to begin again."""
        self._session(request).clear()

    def leave(self, request: gr.Request) -> None:
        """The tab was closed."""
        self.sessions.close(str(request.session_hash))

    def _session(self, request: gr.Request) -> Session:
        return self.sessions.get(str(request.session_hash))

    def _answered(self, session: Session, data: dict[str, Any], utterance: Callable[[], Utterance]) -> Iterator[Json]:
        turn_id = _turn_id(data)
        try:
            events: Iterator[TurnEvent] = session.answer(utterance(), turn_id, heard_from_wire(data.get("heard")))
        except EngineError as error:
            events = iter([failed(turn_id, error)])
        yield from map(event_to_wire, events)


def _turn_id(data: dict[str, Any]) -> str:
    return str(data.get("turn", ""))


def build(house: House) -> gr.Blocks:
    """Lay out the page and wire it."""
    page = gr.Blocks(title="Visavis", fill_width=True, delete_cache=(UPLOADS_KEPT_S, UPLOADS_KEPT_S))
    with page:
        gr.HTML((ASSETS / "web/page/masthead.html").read_text(encoding="utf-8"), js_on_load=None)
        with gr.Row(elem_id="house"):
            with gr.Column(elem_id="left", scale=5, min_width=320):
                stage = Stage(house.state, house.engine, elem_id="stage")
                with gr.Row(elem_id="controls"):
                    gr.Button("Hold to talk", variant="primary", elem_id="talk")
                    stop = gr.Button("Stop", elem_id="stop")
                    clear = gr.Button("Clear", elem_id="clear")
                with gr.Row(elem_id="typing"):
                    say = gr.Textbox(placeholder="Type …", label="Message", show_label=False, lines=1, elem_id="say", scale=6)
                    send = gr.Button("Send", elem_id="send", scale=1, min_width=80)
                    file = gr.UploadButton("Audio file", type="binary", file_types=["audio"], elem_id="file", scale=1, min_width=110)
            with gr.Column(elem_id="right", scale=3, min_width=300):
                gr.HTML((ASSETS / "web/page/conversation.html").read_text(encoding="utf-8"), js_on_load=None)

        gr.on([say.submit, send.click], None, [say], [say], js=SAY)
        stop.click(None, js="() => window.visavis?.stop()")
        clear.click(None, js="() => window.visavis?.clear()")
        file.upload(house.recording, [file], [stage], **LIVE)
        stage.utterance(house.utterance, None, [stage], **LIVE)
        stage.greet(house.greet, None, [stage], **LIVE)
        stage.persona(house.persona, None, [stage], **LIVE)
        stage.stopped(house.stopped, None, None, queue=False, **LIVE)
        stage.cleared(house.cleared, None, None, queue=False, **LIVE)
        page.unload(house.leave)
    return page


def free_port(host: str, first: int, tries: int = 50) -> int:
    """The first port from `first` on that nobody listens on.

    Raises:
        SystemExit: every one is taken, or `host` is no address of this machine; says what to do.
    """
    last = min(first + tries, 65536) - 1
    try:
        free = next((port for port in range(first, last + 1) if is_free(host, port)), None)
    except OSError as error:
        sys.exit(f"visavis: {host} is no address of this machine ({error.strerror}). Choose another with --host, such as 127.0.0.1.")
    return free or sys.exit(f"visavis: no port from {first} to {last} is free on {host}. Choose another with --port.")


def choosable(settings: Settings, *, share: bool) -> bool:
    """Whether whoever opens the page may choose engines: where nothing is said of it, only those who sit at this machine."""
    if settings.choose_on_page is None:  # through a share link everybody comes in as if from this machine
        return settings.host in {"127.0.0.1", "localhost", "::1"} and not share
    return settings.choose_on_page


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    what = "Talk face to face with a person on your screen, on your own machine."
    parser = argparse.ArgumentParser(prog="python app.py", description=what)
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")
    parser.add_argument("--host", help="address to listen on (127.0.0.1); 0.0.0.0 lets other machines in")
    parser.add_argument("--port", type=int, help="port to listen on (7860); a taken one leads to the next free one")
    parser.add_argument("--share", action="store_true", help="also make a public link through Gradio, for 72 hours")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="a YAML file of settings")
    parser.add_argument("--persona", help="who greets you: an id from personas.yaml")
    for stage, what in (("stt", "hears"), ("llm", "thinks"), ("tts", "speaks")):
        parser.add_argument(f"--{stage}", metavar="NAME[:MODEL]", help=f"the engine that {what} (the best that can be loaded)")
    return parser.parse_args(arguments)


def launch(page: gr.Blocks, settings: Settings, port: int, *, share: bool = False, browser: bool = False) -> None:
    """Serve the page; returns when it answers."""
    page.queue(max_size=settings.max_sessions, default_concurrency_limit=None)
    page.launch(
        server_name=settings.host,
        server_port=port,
        share=share,
        inbrowser=browser,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        max_file_size=f"{settings.max_upload_mb}mb",
        max_threads=2 * settings.max_sessions,  # a turn holds one while its engines work, and no Stop may ever wait for another's turn
        theme=gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css_paths=[ASSETS / "web/page/page.css"],
        app_kwargs={"routes": routes()},
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the app and stay until it is stopped."""
    options = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(
            options.profile,
            **{name: getattr(options, name) for name in ("host", "port", "persona", *STAGES)},
        )
        registry, book = Registry(settings), PersonaBook(settings.personas_file)
        registry.check()
        if settings.persona:
            book.get(settings.persona)
    except EngineError as error:
        sys.exit(f"visavis: {error.message}")
    npm_modules.install(lambda line: print(line, flush=True))
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        print(f"Port {settings.port} is taken; using {port}.", flush=True)
    house = House(settings, registry, book, choosable=choosable(settings, share=options.share))
    page = build(house)
    launch(page, settings, port, share=options.share, browser=not options.no_browser)
    threading.Thread(target=registry.prepare, name="prepare", daemon=True).start()
    print(f"Visavis is at {page.local_url}" + (f" and {page.share_url}" if page.share_url else ""), flush=True)
    page.block_thread()


if __name__ == "__main__":
    main()
