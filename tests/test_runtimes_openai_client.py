"""Every engine on a server, found by its options: how it is opened, and what it tells where that fails."""

from __future__ import annotations

import gzip
import importlib
import json
import pkgutil
from types import ModuleType

import pytest
from openai_server import closed_port, error, raw
from requirements import requirement

import engines
from engines.errors import ConfigError, EngineError
from engines.runtimes import bounded_response
from engines.runtimes.openai_client import ServerOptions
from engines.types import STAGES

KEY = "sk-verysecret0123456789"
PACKAGES = [importlib.import_module(f"engines.{stage}") for stage in STAGES]
ADAPTERS = [
    importlib.import_module(f"{package.__name__}.{found.name}")
    for package in PACKAGES
    for found in pkgutil.iter_modules(package.__path__)
    if found.name[0] != "_"
]
ON_SERVERS = [room for room in ADAPTERS if issubclass(room.Options, ServerOptions)]


@pytest.fixture(params=ON_SERVERS, ids=lambda room: room.__name__.removeprefix(f"{engines.__name__}."))
def room(request) -> ModuleType:
    return request.param


@requirement("engine.servers")
def test_every_stage_can_be_on_a_server():
    assert {room.INFO.stage for room in ON_SERVERS} == set(STAGES)
    assert all(room.Options().model or room.INFO.stage == "llm" for room in ON_SERVERS)


def refused(room: ModuleType, **options: object) -> EngineError:
    """How it fails to open."""
    with pytest.raises(EngineError) as caught:
        room.load(room.Options(**options), "cpu")
    assert caught.value.message.endswith(".")
    return caught.value


def test_nobody_there(room):
    where = f"127.0.0.1:{closed_port()}"
    told = refused(room, base_url=f"http://{where}/v1", retries=0)
    assert (told.stage, told.code, told.retryable) == (room.INFO.stage, "unreachable", True)
    assert f"Nothing answers at {where}." in told.message
    assert "ollama serve" in told.message
    assert told.__cause__ is not None


def test_a_wrong_key_is_told_at_once(room, server):
    server.listing = error(401, f"Incorrect API key provided: {KEY}")
    told = refused(room, base_url=server.base_url, api_key=KEY)
    assert (told.stage, told.code) == (room.INFO.stage, "bad_key")
    assert "Check the API key" in told.message
    assert KEY not in told.message
    assert server.listings == 1


ADDRESSES = "localhost 127.0.0.1:11434 ftp://127.0.0.1/v1 http:// http://[::1 http://a:99999/v1 http://me:pw@a/v1 http://a/v1?key=1"


@pytest.mark.parametrize("address", ["", *ADDRESSES.split()])
def test_what_is_no_address_is_refused(room, address):
    told = refused(room, base_url=address, model="tiny")
    assert isinstance(told, ConfigError)
    assert "base_url" in told.message
    assert "pw" not in told.message


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "\0"])
def test_what_is_no_key_is_refused_without_showing_it(room, key):
    told = refused(room, api_key=key)
    assert isinstance(told, ConfigError)
    assert "API key" in told.message
    assert key not in told.message


def test_the_key_is_not_shown(room):
    assert KEY not in repr(room.Options(api_key=KEY))


@requirement("engine.bounded-server")
def test_a_server_that_sends_requests_on_is_not_followed(room, server):
    other = f"http://localhost:{server.server_port}/v1"
    server.listing = error(307, "Go there", location=f"{other}/models")
    if room.INFO.stage == "llm":
        told = refused(room, base_url=server.base_url, api_key=KEY, retries=0)
        assert told.code == "wrong_address"
        assert "sends requests on to another address" in told.message
    else:
        room.load(room.Options(base_url=server.base_url, retries=0), "cpu")
    assert server.listings == 1


@requirement("engine.bounded-server")
def test_an_answer_without_end_or_packed_small_is_given_up(room, server, monkeypatch):
    monkeypatch.setattr(bounded_response, "LARGEST_ANSWER", 100_000)
    endless = json.dumps({"object": "list", "data": [{"id": "x" * 200_000, "object": "model"}]}).encode()
    server.listing = raw(endless, "application/json")
    if room.INFO.stage == "llm":
        assert refused(room, base_url=server.base_url, retries=0).code == "bad_answer"
    packed = gzip.compress(json.dumps({"object": "list", "data": [{"id": "tiny", "object": "model"}]}).encode())
    server.listing = lambda http: http.whole(packed, 200, "application/json", Content_Encoding="gzip")
    if room.INFO.stage == "llm":
        assert refused(room, base_url=server.base_url, retries=0).code == "bad_answer"
