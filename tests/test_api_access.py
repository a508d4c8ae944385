"""Access control: who may ask for what, under which name, how much of it at once, and what a page may do in the browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from conftest import awaited
from requirements import requirement
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from engines.api.access import limits
from engines.api.access.guard import guarding
from engines.api.access.hosts import Hosts, is_at_this_machine
from engines.api.access.limits import BodyRoom, OpenResponses
from engines.api.access.policy import WEBSOCKET, Policy, Rule, Who, closed
from engines.api.access.tokens import Tokens

LIMIT = 1000
PAGE = '<!doctype html><script src="a.js"></script><script>one()</script><p>&lt;script&gt;</p>'
RULES = (
    Rule("/", who=Who.ANYBODY),
    Rule("/read/{path:path}"),
    Rule("/order", ("POST",), most_bytes=LIMIT),
    Rule("/open", ("POST",), most_bytes=LIMIT, stays_open=True),
    Rule("/socket", (WEBSOCKET,)),
    *closed("/secret"),
)


async def take(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def page(_: Request) -> Response:
    return HTMLResponse(PAGE)


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")


def server(hosts: Hosts | None = None, most: int = 9, most_of_one: int = 9, client: str = "127.0.0.1", **headers: str) -> TestClient:
    """An app with a route for everything, of which the policy names some; and somebody who asks it."""
    routes = [Route(path, page) for path in ("/", "/read/{path:path}", "/secret", "/unnamed")]
    routes += [Route(path, take, methods=["POST"]) for path in ("/order", "/open", "/secret")]
    routes += [WebSocketRoute(path, talk) for path in ("/socket", "/secret", "/unnamed")]
    guard = guarding(Policy(RULES), hosts or Hosts("127.0.0.1"), OpenResponses(most, most_of_one))
    app = Starlette(routes=routes, middleware=[guard])
    return TestClient(
        app, base_url="http://127.0.0.1:7860", headers={k.replace("_", "-"): v for k, v in headers.items()}, client=(client, 5)
    )


# ---- the policy


@requirement("guard.policy")
def test_what_no_line_names_is_not_there():
    client = server()
    assert client.get("/read/a").status_code == 200
    for path in ("/unnamed", "/secret", "/read", "//read/a", "/READ/a"):
        assert client.get(path).status_code == 404, path
    assert client.post("/secret").status_code == 404
    assert client.post("/read/a").status_code == 405
    assert client.delete("/order").headers["allow"] == "POST"
    assert client.options("/order").status_code == 405


def test_a_line_for_one_path_wins_over_a_pattern():
    policy = Policy([Rule("/a/{path:path}", ("POST",), most_bytes=1), Rule("/a/b", ("POST",), most_bytes=2)])
    assert policy.rule("POST", "/a/b").most_bytes == 2
    assert policy.rule("POST", "/a/c").most_bytes == 1
    assert policy.rule("GET", "/a/c") is None


# ---- the name


@requirement("guard.hosts")
@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860", "app.localhost", "127.9.9.9", "localhost."])
def test_this_machine_may_be_called_so(host):
    assert server().get("/", headers={"Host": host}).status_code == 200


FOREIGN_HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:7860",
    "192.168.0.7",
    "0.0.0.0",
    "",
    "[::2]",
]
FOREIGN_HOSTS += ["evilgradio.live", "notlocalhost", "127.0.0.1@evil.example", "gradio.live.evil.example"]


@requirement("guard.hosts")
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_name_that_an_attacker_made_lead_here_opens_nothing(host):
    client = server(Sec_Fetch_Site="same-origin", X_Forwarded_Host="localhost")
    for answer in (client.get("/", headers={"Host": host}), client.post("/order", headers={"Host": host})):
        assert answer.status_code == 403
        assert "hosts" in answer.json()["problem"]


def test_the_names_that_the_settings_give_are_ours():
    hosts = Hosts("127.0.0.1", ["visavis.example.org"])
    hosts.add("custom-share.example:443")
    for name in ("visavis.example.org", "VISAVIS.example.org:443", "custom-share.example"):
        assert hosts.knows(name)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "192.168.0.7"])
def test_in_a_network_addresses_do_and_foreign_names_do_not(bound):
    hosts = Hosts(bound)
    assert all(hosts.knows(host) for host in ("192.168.0.7:7860", "10.0.0.1", "[fe80::1]:7860", "localhost"))
    assert not hosts.knows("evil.example")


# ---- other websites

CROSS_SITE = {
    "a form": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "https://evil.example"},
    "a fetch": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "an old browser": {"Origin": "https://evil.example"},
    "a sandbox": {"Origin": "null"},
    "a port beside": {"Origin": "http://127.0.0.1:7861"},
    "a forwarded host": {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
}


@requirement("stream.own-site")
@pytest.mark.parametrize("headers", CROSS_SITE.values(), ids=CROSS_SITE)
def test_no_other_website_sends_or_reads_anything_or_opens_a_socket(headers):
    client = server()
    assert client.post("/order", headers=headers).status_code == 403
    assert client.get("/read/a", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://localhost/socket", headers=headers):
        pass


def test_a_link_on_another_website_leads_to_the_page_and_a_picture_there_does_not_load_from_here():
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server().get("/", headers=followed).status_code == 200
    assert server().get("/read/a", headers=followed).status_code == 403
    assert server().get("/", headers={**followed, "Sec-Fetch-Mode": "no-cors"}).status_code == 403


@pytest.mark.parametrize("path", ["/unnamed", "/secret", "/nowhere"])
def test_no_socket_opens_that_no_line_names(path):
    with server().websocket_connect("ws://localhost/socket", headers={"Origin": "http://localhost"}) as socket:
        assert socket.receive_text() == "hello"
    with pytest.raises(WebSocketDisconnect), server().websocket_connect(f"ws://localhost{path}"):
        pass


# ---- ways to the app: each with what its proxy adds and how the host is spelt

SITE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
WAYS = {
    "a browser here": ({"Host": "localhost:7860", "Origin": "http://localhost:7860", **SITE}, "127.0.0.1", True),
    "an old browser here": ({"Host": "127.0.0.1:7860", "Origin": "http://127.0.0.1:7860"}, "127.0.0.1", True),
    "a program here": ({"Host": "127.0.0.1:7860"}, "127.0.0.1", True),
    "ssh -L": ({"Host": "localhost:9000", "Origin": "http://localhost:9000", **SITE}, "127.0.0.1", True),
    "a share link": (
        {"Host": "0a1b2c.gradio.live", "Origin": "https://0a1b2c.gradio.live", "X-Forwarded-For": "203.0.113.9", **SITE},
        "127.0.0.1",
        False,
    ),
    "ngrok": (
        {"Host": "ab12.ngrok-free.app", "Origin": "https://ab12.ngrok-free.app", "X-Forwarded-Host": "ab12.ngrok-free.app", **SITE},
        "127.0.0.1",
        False,
    ),
    "ngrok and an old browser": ({"Host": "ab12.ngrok.app", "Origin": "https://ab12.ngrok.app"}, "127.0.0.1", False),
    "VS Code": (
        {"Host": "localhost:7860", "Origin": "https://x-7860.euw.devtunnels.ms", "X-Forwarded-Host": "x-7860.euw.devtunnels.ms"},
        "127.0.0.1",
        False,
    ),
    "a proxy that says nothing": ({"Host": "127.0.0.1:7860", "Origin": "https://visavis.example.org", **SITE}, "127.0.0.1", False),
    "a proxy with a name": ({"Host": "visavis.example.org", "Origin": "https://visavis.example.org"}, "127.0.0.1", False),
    "a Space": ({"Host": "me-visavis.hf.space", "Origin": "https://me-visavis.hf.space", **SITE}, "10.0.0.4", False),
    "another machine": ({"Host": "192.168.0.7:7860", "Origin": "http://192.168.0.7:7860"}, "192.168.0.9", False),
    "another machine that lies": ({"Host": "localhost:7860"}, "192.168.0.9", False),
}


@requirement("guard.ways")
@pytest.mark.parametrize(("headers", "client", "here"), WAYS.values(), ids=WAYS)
def test_every_way_leads_in_and_only_who_sits_here_may_choose_engines(headers, client, here):
    hosts = Hosts("127.0.0.1" if client == "127.0.0.1" else "0.0.0.0", ["visavis.example.org"])
    assert server(hosts, client=client).post("/order", content=b"abc", headers=headers).text == "3"
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    assert is_at_this_machine({"type": "http", "client": (client, 5), "headers": raw}) is here


@pytest.mark.parametrize("prefix", ["", "/somewhere/else"])
def test_it_works_below_a_prefix_that_a_proxy_strips(prefix):
    client = TestClient(server().app, base_url="http://127.0.0.1", root_path=prefix)
    assert client.post("/order", content=b"abc").text == "3"
    assert client.get("/secret").status_code == 404


# ---- how much


@requirement("guard.bodies")
def test_a_body_is_counted_whether_it_says_its_length_or_not():
    def pieces(count: int) -> Iterator[bytes]:
        yield from [bytes(100)] * count

    client = server()
    assert client.post("/order", content=bytes(LIMIT)).text == str(LIMIT)
    assert client.post("/order", content=pieces(10)).text == str(LIMIT)
    for body in (bytes(LIMIT + 1), pieces(11)):
        refused = client.post("/order", content=body)
        assert refused.status_code == 413
        assert "too large" in refused.json()["problem"]
    for length in ("-1", "1e3", "9" * 5000, "0x10"):
        assert client.post("/order", headers={"Content-Length": length}).status_code == 413


@requirement("guard.bodies")
def test_a_body_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(limits, "WAIT_S", 0.05)

    async def run() -> list[dict]:
        sent, arriving = [], [{"type": "http.request", "body": b"a", "more_body": True}]

        async def receive():
            return arriving.pop() if arriving else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/order", "raw_path": b"/order", "query_string": b"", "root_path": ""}
        headers = [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
        await server().app({**scope, "headers": headers, "client": ("127.0.0.1", 5), "scheme": "http", "server": ("a", 1)}, receive, send)
        return sent

    start, body = awaited(run())
    assert start["status"] == 408
    assert "try again" in json.loads(body["body"])["problem"]


@requirement("guard.bodies")
def test_bodies_wait_for_one_another_in_the_order_in_which_they_came(monkeypatch):
    monkeypatch.setattr(limits, "SMALL_BYTES", 10)

    async def run() -> list[str]:
        room, done = BodyRoom(100), []

        async def one(name: str, size: int) -> None:
            assert await room.take(size)
            done.append(f"{name} begins")
            await asyncio.sleep(0)
            done.append(f"{name} ends")
            room.give_back(size)

        await asyncio.gather(one("large", 90), one("larger", 500), one("second", 60), one("small", 5))
        return done

    done = awaited(run())
    assert [step for step in done if "begins" in step and "small" not in step] == ["large begins", "larger begins", "second begins"]
    assert done.index("small begins") < done.index("larger begins")
    assert done.index("larger ends") < done.index("second begins")


def test_who_finds_no_room_in_time_is_told(monkeypatch):
    monkeypatch.setattr(limits, "WAIT_S", 0.01)

    async def run() -> bool:
        room = BodyRoom(100_000)
        assert await room.take(100_000)
        assert not await room.take(70_000)
        room.give_back(100_000)
        return await room.take(70_000)

    assert awaited(run())


@requirement("guard.streams")
def test_open_responses_are_counted_for_each_client_and_in_all():
    responses = OpenResponses(most=4, most_of_one=2)
    with responses.one_of("a"), responses.one_of("a") as second, responses.one_of("a") as third:
        assert (second, third) == (True, False)
        with responses.one_of("b") as other, responses.one_of(None) as here, responses.one_of("c") as last:
            assert (other, here, last) == (True, True, False)
        with responses.one_of("c") as later:
            assert later
    refused = server(most=0).post("/open", headers={"Accept": "*/*"})
    assert refused.status_code == 503
    assert "try again" in refused.json()["problem"]
    assert server(most=0).post("/order").status_code == 200
    assert server(most_of_one=0).post("/open").status_code == 200, "at this machine"
    assert server(Hosts("0.0.0.0"), most_of_one=0, client="192.168.0.9").post("/open").status_code == 503


# ---- what a page may do


@requirement("guard.headers")
def test_the_scripts_that_stand_in_a_page_carry_its_nonce_and_every_answer_its_headers():
    answer = server().get("/")
    policy = answer.headers["content-security-policy"]
    (nonce,) = re.findall(r"'nonce-([^']+)'", policy)
    assert answer.text == PAGE.replace("<script", f'<script nonce="{nonce}"')
    assert nonce not in server().get("/").text
    assert "'unsafe-inline'" not in re.search(r"script-src[^;]*", policy)[0]
    assert re.search(r"frame-ancestors[^;]*", policy)[0] == "frame-ancestors 'self'"
    assert "amazonaws" not in policy
    assert "amazonaws" in server().get("/", headers={"Host": "0a1b2c.gradio.live"}).headers["content-security-policy"], (
        "Gradio's own scripts"
    )
    for one in (answer, server().post("/order"), server().get("/nowhere"), server().get("/", headers={"Host": "evil.example"})):
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cross-origin-resource-policy"] == "same-origin"


@requirement("guard.headers")
def test_a_space_may_show_the_page_and_nobody_else():
    policy = server(Hosts("0.0.0.0")).get("/", headers={"Host": "me-visavis.hf.space"}).headers["content-security-policy"]
    assert "frame-ancestors 'self' https://huggingface.co" in policy


def test_a_refusal_is_a_sentence_for_people_and_for_programs():
    sentence = "There is nothing here."
    assert server().get("/nowhere").json() == {"problem": sentence, "code": "not_found", "message": sentence}
    assert server().get("/nowhere", headers={"Accept": "text/html,*/*"}).text == "There is nothing here."


@requirement("api.tokens")
def test_programs_of_other_machines_need_a_token(tmp_path):
    tokens = Tokens(tmp_path / "tokens")
    token = tokens.create("rig")
    rules = [Rule("/order", ("POST",), Who.PROGRAM, LIMIT), Rule("/socket", (WEBSOCKET,), Who.PROGRAM)]

    def asking(client: str, host: str, **headers: str) -> TestClient:
        guard = guarding(Policy(rules), Hosts("0.0.0.0"), OpenResponses(9, 9), tokens=tokens)
        routes = [Route("/order", take, methods=["POST"]), WebSocketRoute("/socket", talk)]
        app = Starlette(routes=routes, middleware=[guard])
        return TestClient(app, base_url=f"http://{host}:7860", headers=headers, client=(client, 5))

    here, there = ("127.0.0.1", "127.0.0.1"), ("10.0.0.7", "10.0.0.2")
    tunnel = {"X-Forwarded-For": "8.8.8.8"}
    bearer = {"Authorization": f"Bearer {token}"}
    for place, headers, status in [
        (here, {}, 200),
        (here, tunnel, 401),
        (there, {}, 401),
        (there, {"Authorization": "Bearer x"}, 401),
        (there, {"Authorization": token}, 401),
        (there, bearer, 200),
        (here, tunnel | bearer, 200),
        (there, bearer | {"Origin": "http://evil.example"}, 403),
    ]:
        asked = asking(*place, **headers)
        assert asked.post("/order").status_code == status, (place, headers)
        if status == 200:
            with asked.websocket_connect(f"ws://{place[1]}:7860/socket") as socket:
                assert socket.receive_text() == "hello"
        else:
            with pytest.raises(WebSocketDisconnect), asked.websocket_connect(f"ws://{place[1]}:7860/socket"):
                pass
    tokens.revoke("rig")
    assert asking(*there, **bearer).post("/order").json()["code"] == "unauthorized"
