"""The composition root: a served page that keeps its files to itself, beside an API that works, and its end."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from browsing import EMBEDDED, running
from conftest import HOUSE, stub_engines, tone
from page_client import Tab
from requirements import requirement

import app
from avatar_assets.avatar_files import AVATARS
from engines.api.page_api import PageApi
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
def address() -> Iterator[str]:
    """The page as it is served."""
    settings = Settings()
    service = ConversationService(settings, StubHouseRegistry(settings), PersonaBook(settings.personas_file))
    page, api = app.build(), PageApi(service, AVATARS)
    app.launch(page, api, settings.host, free_port("127.0.0.1", 7870))
    yield page.local_url
    app.close(page, api, service)


def test_the_api_works_beside_gradios_own_routes(address):
    tab = Tab(address)
    tab.open()
    assert tab.say("Hello", "t-1")[-1]["type"] == "completed"


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


@pytest.mark.parametrize(
    ("host", "share", "setting", "expected"),
    [
        ("127.0.0.1", False, None, True),
        ("127.0.0.1", True, None, False),
        ("0.0.0.0", False, None, False),
        ("0.0.0.0", True, True, True),
        ("::1", False, False, False),
    ],
)
def test_who_may_choose_follows_from_who_can_come_in(host, share, setting, expected):
    assert app.choosable(Settings(host=host, choose_on_page=setting), share=share) is expected
