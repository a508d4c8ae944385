"""Guard: ASGI middleware in front of every route, which asks the policy, and answers by itself what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from engines.api.access.headers import SecuredResponse
from engines.api.access.hosts import Hosts, is_at_this_machine
from engines.api.access.limits import BodyRoom, BodyTooLargeError, BodyTooSlowError, OpenResponses, counted
from engines.api.access.policy import READ, WEBSOCKET, Policy, Rule, Who, below_prefix
from engines.api.access.tokens import Tokens

_FORBIDDEN = 1008
"""What a WebSocket is closed with that a policy forbids."""
_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "no_such_method", 408: "too_slow", 413: "too_large", 503: "full"}
"""For programs."""
_NOTHING = "There is nothing here."
_FULL = "Everybody here is taken at the moment; try again in a few minutes."
_BUSY = "Too much is arriving at once; try again in a moment."


class Guard:
    """Asks the policy of every request: see `guarding`."""

    def __init__(
        self,
        app: ASGIApp,
        policy: Policy,
        hosts: Hosts,
        open_responses: OpenResponses,
        *,
        framed_by: Sequence[str] = (),
        tokens: Tokens | None = None,
    ) -> None:
        """In front of `app`.

        Args:
            app: what serves.
            policy: what is served, and to whom.
            hosts: the names that it answers to.
            open_responses: counts those that stay open.
            framed_by: origins that may show the page inside theirs.
            tokens: of programs on other machines; None lets none of them in.
        """
        self._app, self._policy, self._hosts, self._open = app, policy, hosts, open_responses
        self._framed_by, self._tokens, self._room = framed_by, tokens, BodyRoom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse a request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers, path, method = Headers(scope=scope), below_prefix(scope), scope.get("method", WEBSOCKET)
        rule = self._policy.rule(method, path)
        refusal = self._refusal(headers, rule, method, path) or (rule and self._needs_token(scope, headers, rule))
        if method == WEBSOCKET and (refusal or rule is None):
            await send({"type": "websocket.close", "code": _FORBIDDEN, "reason": ""})
        elif method == WEBSOCKET:
            await self._app(scope, receive, send)
        elif refusal or rule is None:
            await (refusal or _sentence(headers, _NOTHING, 404))(scope, receive, SecuredResponse(scope, send).send)
        elif rule.stays_open:
            with self._open.one_of(None if is_at_this_machine(scope) else scope["client"][0]) as room:
                await (self._serve(rule, scope, receive, send) if room else _sentence(headers, _FULL, 503)(scope, receive, send))
        else:
            await self._serve(rule, scope, receive, send)

    def _refusal(self, headers: Headers, rule: Rule | None, method: str, path: str) -> Response | None:
        """What a request is answered with that is not served."""
        host = headers.get("host", "")
        if not self._hosts.knows(host):
            how = "Whoever started it can add that name to the setting hosts (VISAVIS_HOSTS)."
            return _sentence(headers, f"This app does not answer to the name {host[:100]!r}. {how}", 403)
        if rule is None:
            methods = self._policy.methods(path)
            if not methods or method == WEBSOCKET:
                return _sentence(headers, _NOTHING, 404)
            refusal = _sentence(headers, f"This takes {' or '.join(methods)}.", 405)
            refusal.headers["Allow"] = ", ".join(methods)
            return refusal
        if self._is_cross_site(headers, method) and not (rule.who is Who.ANYBODY and headers.get("sec-fetch-mode") == "navigate"):
            return _sentence(headers, "Another website asked for this.", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 15 or int(length) > rule.most_bytes:
            return _too_large(headers, rule)
        return None

    def _needs_token(self, scope: Scope, headers: Headers, rule: Rule) -> Response | None:
        """What a program of another machine is answered that brings no token."""
        if rule.who is not Who.PROGRAM or is_at_this_machine(scope):
            return None
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._tokens is not None and self._tokens.owner(token.strip()):
            return None
        how = "Send Authorization: Bearer TOKEN; whoever started the app makes one with: python -m engines token create NAME"
        refusal = _sentence(headers, f"Programs of other machines need a token. {how}", 401)
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    def _is_cross_site(self, headers: Headers, method: str) -> bool:
        """Whether another website sent a request; programs that are no browsers say nothing of it and are let in.

        Browsers tell in ``Sec-Fetch-Site`` where they trust the connection (HTTPS, loopback), which no page can change; else in ``Origin``.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site != "same-origin" and not (site == "none" and method in READ)  # an address that was typed
        if origin is None:
            return False
        forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()  # of a proxy that has a Host of its own
        ours = {headers.get("host"), forwarded if self._hosts.knows(forwarded) else None}
        return urlsplit(origin).netloc not in ours

    async def _serve(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        headers, response = Headers(scope=scope), SecuredResponse(scope, send, self._framed_by)
        size = rule.most_bytes if "transfer-encoding" in headers else int(headers.get("content-length", 0))
        if not await self._room.take(size):
            await _sentence(headers, _BUSY, 503)(scope, receive, response.send)
            return
        try:
            await self._app(scope, counted(receive, rule.most_bytes), response.send)
        except BodyTooLargeError:
            await _too_large(headers, rule)(scope, receive, response.send)
        except BodyTooSlowError:
            await _sentence(headers, "That took too long to arrive; try again.", 408)(scope, receive, response.send)
        except ClientDisconnect:
            pass  # in the middle of a body
        finally:
            self._room.give_back(size)


def guarding(
    policy: Policy, hosts: Hosts, open_responses: OpenResponses, framed_by: Sequence[str] = (), tokens: Tokens | None = None
) -> Middleware:
    """For ``app_kwargs={"middleware": [guarding(…)]}``: see `Guard`."""
    return Middleware(Guard, policy=policy, hosts=hosts, open_responses=open_responses, framed_by=framed_by, tokens=tokens)


def _too_large(headers: Headers, rule: Rule) -> Response:
    return _sentence(headers, f"That is too large; please keep it under {rule.most_bytes / 1e6:.0f} MB.", 413)


def _sentence(headers: Headers, sentence: str, status: int) -> Response:
    """For people where a browser shows it, for programs else."""
    if "text/html" in headers.get("accept", ""):
        return PlainTextResponse(sentence, status)
    code = _CODES.get(status, "refused")
    more = {"Retry-After": "5"} if status in (429, 503) else {}
    return JSONResponse({"problem": sentence, "code": code, "message": sentence}, status, more)
