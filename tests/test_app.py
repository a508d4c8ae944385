"""The composition root: a served page that keeps its files to itself, beside an API that works, and its end."""

from __future__ import annotations

import http.client
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from browsing import EMBEDDED, running
from conftest import HOUSE, stub_engines, tone
from page_client import Tab
from requirements import requirement
from starlette.routing import Mount

import app
from avatar_assets.avatar_files import AVATARS
from engines.api.access.policy import Policy
from engines.api.page_api import PageApi
from engines.api.v1.app import ProgramApi
from engines.audio import to_wav
from engines.config.address import free_port
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.service import ConversationService
from engines.registry.registry import Registry

WAIT_S = 30


class StubHouseRegistry(Registry):
    """Every adapter is known, but stub engines work."""

    def engines(self, language="", input_language=None):
        return stub_engines()


@pytest.fixture(scope="module")
def launched() -> Iterator[tuple[Any, PageApi, ProgramApi]]:
    """The page as it is served, and the APIs."""
    settings = Settings()
    service = ConversationService(settings, StubHouseRegistry(settings), PersonaBook(settings.personas_file))
    page, api, programs = app.build(), PageApi(service, AVATARS), ProgramApi(service)
    app.launch(page, api, programs, settings, free_port("127.0.0.1", 7870 + 10 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])))
    yield page, api, programs
    programs.close()
    app.close(page, api, service)


@pytest.fixture(scope="module")
def address(launched) -> str:
    """Where it is."""
    return launched[0].local_url


@pytest.fixture(scope="module")
def served(launched) -> tuple[Any, Any, Policy]:
    """What serves it, and what the guard asks."""
    page, api, programs = launched
    return page.app, programs.app, app.policy(api, programs)


def test_the_api_works_beside_gradios_own_routes(address):
    tab = Tab(address)
    tab.open()
    assert tab.say("Hello", "t-1")[-1]["type"] == "completed"


def every_route(routes, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Path and methods of each route that can be reached, also of included routers, mounts and WebSockets."""
    for route in routes:
        if hasattr(route, "effective_route_contexts"):  # a router that FastAPI includes
            yield from every_route(route.effective_route_contexts(), prefix)
        elif getattr(route, "routes", None):
            yield from every_route(route.routes, prefix + route.path)
        elif isinstance(route, Mount):
            yield f"{prefix}{route.path}/{{path:path}}", {"GET"}
        else:
            yield prefix + route.path, set(getattr(route, "methods", None) or {"WEBSOCKET"})


@requirement("guard.policy")
def test_every_route_of_gradio_and_of_ours_has_a_line_in_the_policy(served):
    page, programs, policy = served
    routes = [*every_route(page.routes), *every_route(programs.routes)]
    assert len(routes) > 60
    assert [path for path, _ in routes if not policy.names(path)] == []
    reachable = {path.rstrip("/") for path, _ in routes}
    assert " ".join(rule.path for rule in policy.rules if rule.path.rstrip("/") not in reachable) == "", "lines about what is not there"


@requirement("guard.policy")
def test_what_gradio_offers_and_the_page_does_not_need_is_closed(served, address):
    page, programs, policy = served
    ours = {path for path, _ in every_route(programs.routes)}
    for path, methods in every_route(page.routes):
        if path in ours:
            continue  # /docs and /openapi.json are those of the API
        asked = re.sub(r"{[^}]*}", "x", path)
        for method in methods - {"WEBSOCKET"}:
            if policy.rule(method, asked) is None:
                assert asked_for(address, method, asked) in {404, 405}, (method, asked)
            elif method == "POST":
                assert asked_for(address, method, asked, Origin="https://evil.example") == 403


def asked_for(address: str, method: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=WAIT_S)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@requirement("stream.own-site")
def test_another_website_chooses_no_engine_in_any_of_the_ways_that_once_worked(address):
    order = b'{"data":{"stage":"llm","choose":"transformers:a/b"},"component_id":4,"session_hash":"x","fn_name":"engine"}'
    for path, content_type in (("gradio_api/component_server", "text/plain"), ("gradio_api/queue/join", "application/json")):
        posted = urllib.request.Request(f"{address}{path}", order, {"Content-Type": content_type, "Origin": "http://evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(posted, timeout=WAIT_S)


def test_gradio_keeps_nothing_that_somebody_uploads(address):
    form = b'--b\r\nContent-Disposition: form-data; name="files"; filename="secret.wav"\r\n\r\n' + to_wav(tone()) + b"\r\n--b--\r\n"
    posted = urllib.request.Request(f"{address}gradio_api/upload", form, {"Content-Type": "multipart/form-data; boundary=b"})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(posted, timeout=WAIT_S)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent in another way elsewhere")
@requirement("app.end")
def test_ctrl_c_ends_the_app_also_where_it_was_ignored_at_start():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts in the background; inherited
    try:
        with running(**EMBEDDED) as (address, _):
            tab = Tab(address)
            tab.open()  # for as long as the page is
            asked = time.monotonic()
        assert time.monotonic() - asked < 3
        assert tab.ends()
    finally:
        signal.signal(signal.SIGINT, before)


def test_every_signal_that_ends_programs_ends_the_app_but_nohup_is_kept():
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        app.end_on_signals()
        assert [signal.getsignal(number) is signal.default_int_handler for number in numbers] == [True, True, False]
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        app.end_on_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.default_int_handler
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


FILES = ["personas.yaml", "app.py", "engines/config/settings.py", "tests/test_app.py"]
ROADS = ["gradio_api/file=", "file=", "visavis/", "visavis/../", "visavis/avatars/../../", "static/", "assets/", "gradio_api/file/", ""]


def fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


@requirement("app.served")
def test_no_route_serves_a_file_of_the_project(address):
    for file in FILES:
        content = (HOUSE / file).read_bytes()
        for road in ROADS:
            for spelt in (file, f"{HOUSE}/{file}", quote(f"../{file}", safe="")):
                status, body = fetched(f"{address}{road}{spelt}")
                assert status in {200, 403, 404}, (road, spelt, status)
                assert content[:200] not in body, (road, spelt)
