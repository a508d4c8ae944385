"""Composition root of the app: settings → service → Gradio page. Layout and wiring only; `ConversationService` holds every use case."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before gradio is imported: nothing leaves this machine
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000"  # events, between two that Gradio makes a table of all events at

import gradio as gr

from avatar_assets import npm_modules, served
from avatar_assets.avatar_files import AVATARS
from avatar_assets.component import stage_frame
from engines.api.access import gradio_routes
from engines.api.access.connections import RESERVED, descriptors, limited
from engines.api.access.guard import guarding
from engines.api.access.hosts import Hosts
from engines.api.access.limits import OpenResponses
from engines.api.access.policy import Policy
from engines.api.access.tokens import Tokens
from engines.api.page_api import PageApi
from engines.api.v1.app import ProgramApi
from engines.config.address import free_port
from engines.config.logs import log_to_standard_error, open_standard_streams
from engines.config.personas import PersonaBook
from engines.config.private_folder import private_folder
from engines.config.settings import Settings, load_settings, reach_directly
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.live.models import LiveModels
from engines.registry.registry import Registry
from engines.types import STAGES

ASSETS = npm_modules.FOLDER
SAY = "(text) => (window.visavis?.say(text) ? '' : text)"
"""A message that cannot be sent, or was typed before the page is ready, stays in its box."""
READY_WITHIN_S = 10
"""How long the page is held back while engines whose weights are here are loaded, so that the first word is theirs."""
KEPT_OPEN_S = 75
"""How long a connection is kept open for the page's next message: longer than most people talk, for a new one costs round trips."""
STREAMS_OF_ONE = 64
"""Pages that one address of another machine may have open at once."""
CLOSE_WITHIN_S = 1
"""How long the server waits for open connections when the app ends."""


def build() -> gr.Blocks:
    """Lay out the page. What the user does is the page's own to tell: see `PageApi`."""
    page = gr.Blocks(title="Visavis", fill_width=True)
    with page:
        gr.HTML((ASSETS / "web/page/masthead.html").read_text(encoding="utf-8"), js_on_load=None)
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="left", scale=5, min_width=320):
                stage_frame()
                with gr.Row(elem_id="controls"):
                    gr.Button("Hold to talk", variant="primary", elem_id="talk")
                    gr.Button("Hands-free", elem_id="hands-free")
                    stop = gr.Button("Stop", elem_id="stop")
                    clear = gr.Button("Clear", elem_id="clear")
                with gr.Row(elem_id="typing"):
                    say = gr.Textbox(placeholder="Type …", label="Message", show_label=False, lines=1, elem_id="say", scale=6)
                    send = gr.Button("Send", elem_id="send", scale=1, min_width=80)
                    gr.Button("Audio file", elem_id="file", scale=1, min_width=110)
            with gr.Column(elem_id="right", scale=3, min_width=300):
                gr.HTML((ASSETS / "web/page/conversation.html").read_text(encoding="utf-8"), js_on_load=None)

        gr.on([say.submit, send.click], None, [say], [say], js=SAY)
        stop.click(None, js="() => window.visavis?.stop()")
        clear.click(None, js="() => window.visavis?.clear()")
    return page


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


def policy(api: PageApi, programs: ProgramApi) -> Policy:
    """Who may ask for what: Gradio's routes, the stage's files, the page's API, and the one for other programs."""
    return Policy([*gradio_routes.RULES, *served.RULES, *api.rules(), *programs.rules()])


def launch(page: gr.Blocks, api: PageApi, programs: ProgramApi, settings: Settings, port: int, *, share: bool = False) -> None:
    """Serve the page and both APIs, with the guard in front; returns when they answer."""
    reach_directly(settings.host)  # Gradio asks itself whether it has started
    connections, hosts = descriptors() - RESERVED, Hosts(settings.host, settings.hosts)
    streams = OpenResponses(2 * settings.max_sessions, STREAMS_OF_ONE)
    guard = guarding(policy(api, programs), hosts, streams, settings.framed_by, Tokens(settings.tokens))
    page.queue(api_open=False)
    page.launch(
        server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
        server_port=port,
        share=share,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        state_session_capacity=1,  # nobody has any
        footer_links=[],
        max_file_size=1,  # byte: Gradio's own way to upload is not used
        theme=gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css_paths=[ASSETS / "web/page/page.css"],
        app_kwargs={"routes": [*api.routes(), *served.routes()], "middleware": [guard, programs.beside()]},
    )
    if page.share_url:
        hosts.add(urlsplit(page.share_url).netloc)
    server = page.server.config
    server.timeout_keep_alive, server.http_protocol_class = KEPT_OPEN_S, limited(server.http_protocol_class, connections)


def serve(options: argparse.Namespace) -> None:
    """Start the app and stay until a KeyboardInterrupt.

    Raises:
        EngineError: something in the settings cannot be used.
    """
    settings = load_settings(options.profile, **{name: getattr(options, name) for name in ("host", "port", "persona", *STAGES)})
    registry, book = Registry(settings), PersonaBook(settings.personas_file)
    registry.check()
    if settings.persona:
        book.get(settings.persona)
    npm_modules.install(say)
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        say(f"Port {settings.port} is taken; using {port}.")
    service = ConversationService(settings, registry, book)
    models = LiveModels(settings.weights)
    page, api, programs = build(), PageApi(service, AVATARS, models), ProgramApi(service, models)
    try:
        threading.Thread(target=service.prepare, name="prepare", daemon=True).start()
        launch(page, api, programs, settings, port, share=options.share)
        local = str(page.local_url).replace("[::]", "[::1]")
        service.wait_for_first(READY_WITHIN_S)
        if not options.no_browser:
            webbrowser.open(local)
        say(f"Visavis is at {local}" + (f" and {page.share_url}" if page.share_url else ""))
        while True:
            time.sleep(0.5)  # a signal that another thread took wakes nobody: it is seen at the next step
    finally:
        programs.close()
        close(page, api, service)


def close(page: gr.Blocks, api: PageApi, service: ConversationService) -> None:
    """End every turn and engine, then the server."""
    service.close()
    api.close()
    if page.is_running:
        page.server.config.timeout_graceful_shutdown = CLOSE_WITHIN_S  # else it would wait for every open tab
        page.close(verbose=False)


def end_on_signals() -> None:
    """Let Ctrl+C, `kill` and a closed terminal end the app in the same way, by a KeyboardInterrupt in the main thread.

    Whoever starts a program in the background may have it ignore SIGINT, which is undone here; `nohup` has it ignore SIGHUP, which is not.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``python app.py``."""
    options = parse(arguments)
    open_standard_streams()
    log_to_standard_error(logging.WARNING)
    end_on_signals()
    try:
        with private_folder() as folder:
            os.environ.update(dict.fromkeys(("GRADIO_TEMP_DIR", "TMPDIR", "TEMP", "TMP"), str(folder)))
            vars(gr.routes)["DEFAULT_TEMP_DIR"] = str(folder)  # which Gradio has taken from the environment when it was imported
            serve(options)
    except EngineError as error:
        sys.exit(f"visavis: {error.message}")
    except KeyboardInterrupt:
        say("Visavis has ended.")


def say(line: str) -> None:
    """Print a line, where there is still a terminal to print it on."""
    try:
        print(line, flush=True)
    except (OSError, ValueError):
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - or Python would fail at it once more when it ends


if __name__ == "__main__":
    main()
