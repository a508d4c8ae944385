"""Client of servers that speak OpenAI's HTTP protocol: one way to reach them, to try again, and to say in plain words what went wrong.

The work is done by the `openai` library on an event loop with a thread of its own, so that every step can be given a time and can be
stopped while it waits for the network. Its own retries are switched off: they end when the server has begun to answer, ours with the first
word.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from engines.errors import ConfigError, EngineError, MissingDependency
from engines.protocols import Cancellation
from engines.runtimes.bounded_response import ResponseTooLarge, bounded

T = TypeVar("T")

INSTALL = "pip install 'openai>=3.54,<4'"

LISTING_S = 10.0
"""How long a server may take to list what it has."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_ASKED_WAIT_S = 20.0
"""A server that asks for more patience (Retry-After) than people have in a conversation is not asked again."""
_DETAIL_CHARACTERS = 200
_NO_LIST = frozenset({"wrong_address", "wrong_model", "refused", "bad_answer"})
"""How servers answer that know no list of models, but may do the work itself."""
_OF_THE_SERVER = frozenset({"bad_answer", "dropped", "server_error", "stalled", "unreachable", "wrong_address", "wrong_model"})
"""What counts against the engine; the rest is about one request or one key: too many requests, no credit, a content filter."""
_NO_KEY = "none"
"""Sent where there is no key: the library insists on one, servers without keys ignore it."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Which server, which model, and how much patience: what every engine on a server has; each adds its own."""

    model: str
    """As the server calls it."""
    base_url: str
    """``http://host:port/v1``."""
    api_key: str = field(default="", repr=False)
    """Not needed for most servers of one's own."""
    connect_s: float = 5.0
    """How long a connection may take."""
    retries: int = 2
    """Further attempts after a passing failure."""


class OpenAIClient:
    """One server as one engine uses it. Safe to share between threads."""

    def __init__(
        self,
        title: str,
        failure: type[EngineError],
        options: ServerOptions,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Nothing is sent yet.

        Args:
            title: what the engine is called in an error.
            failure: the class of errors that are raised: the engine's stage.
            options: of which the key is shown and logged nowhere.
            sleep: waits for so many seconds between two attempts.

        Raises:
            MissingDependency: openai is not installed.
            ConfigError: the address or the key cannot be one.
        """
        try:
            import openai  # noqa: PLC0415 - heavy
        except ImportError as error:
            raise MissingDependency(title, INSTALL) from error
        parts = _parts(options.base_url)
        self.is_local = _is_this_machine(parts.hostname or "")
        """Whether the server runs on this machine."""
        self.host = parts.netloc
        self._base_url, self._failure = options.base_url, failure
        self._retries, self._sleep = options.retries, sleep
        self._key = options.api_key.strip()
        if not (self._key.isascii() and self._key.isprintable()) or " " in self._key:
            raise ConfigError("The API key holds characters that no key has. Copy it again, without spaces and line breaks.")
        self.openai: Any = openai.AsyncOpenAI(  # whose types know no server but OpenAI's
            api_key=self._key or _NO_KEY,
            base_url=options.base_url,
            max_retries=0,
            timeout=openai.Timeout(None, connect=options.connect_s),
            default_headers={"Accept-Encoding": "identity"},  # packed, a small answer may be a huge one
            http_client=openai.DefaultAsyncHttpxClient(
                trust_env=not self.is_local,  # a proxy that the environment names cannot reach what only this machine can
                follow_redirects=False,  # or what is said could go to another host than the one that was named
                event_hooks={"response": [bounded]},
            ),
        )
        # The library has read these from the environment; they are meant for OpenAI, not for whoever this server belongs to.
        self.openai.organization = self.openai.project = None

    def run(self, work: Coroutine[Any, Any, T], cancel: Cancellation | None = None) -> T:
        """Let the network's thread do something, and wait for it.

        Raises:
            EngineError: of the engine's class, code ``cancelled``: `cancel` came first.
        """
        future = asyncio.run_coroutine_threadsafe(work, _loop())
        if cancel:
            cancel.on_cancel(future.cancel)
        try:
            return future.result()
        except CancelledError:
            raise self.error("cancelled", "That was not wanted any more.") from None
        finally:
            future.cancel()  # does nothing once it is done; ends it when the waiting was interrupted

    async def with_retries(self, attempt: Callable[[], Awaitable[T]], model: str) -> T:
        """What `attempt` returns; after a passing failure it is made again, a little later each time.

        Raises:
            EngineError: of the engine's class; the last failure in plain words.
        """
        for retry in range(self._retries + 1):
            try:
                return await attempt()
            except Exception as error:
                reason = self.error_for(error, model)
                wait = _wait_s(error, retry)
                if retry == self._retries or not reason.retryable or wait is None:
                    raise reason from self.cause(error)
            await self._sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def models(self, *, needed: bool) -> tuple[str, ...]:
        """The models that the server lists, in its order; where it keeps no list and none is `needed`, empty.

        Raises:
            EngineError: of the engine's class; the server cannot be reached, or does not let us in.
        """

        async def listed() -> tuple[str, ...]:
            async with asyncio.timeout(LISTING_S):
                page = await self.openai.models.list()
            models: object = getattr(page, "data", None)
            if not isinstance(models, list):
                raise self.bad_answer()
            return tuple(model.id for model in models if isinstance(getattr(model, "id", None), str))

        try:
            return await self.with_retries(listed, "")
        except EngineError as error:
            if needed or error.code not in _NO_LIST:
                raise
            return ()

    def error(self, code: str, sentence: str, *, retryable: bool = False) -> EngineError:
        """An error of the engine's class."""
        return self._failure(sentence, code=code, retryable=retryable, counts_against_engine=code in _OF_THE_SERVER)

    def connection_lost(self) -> EngineError:
        """The error for an answer whose end is missing."""
        return self.error("dropped", f"{self.host} broke off in the middle of its answer. Try again.", retryable=True)

    def bad_answer(self) -> EngineError:
        """The error for an answer that is not of the protocol."""
        return self.error(
            "bad_answer", f"{self.host} answers in another way than OpenAI's protocol does. Check the address, or use another server."
        )

    def error_for(self, error: Exception, model: str) -> EngineError:
        """What happened, where, and what to do next."""
        import httpx2  # noqa: PLC0415 - heavy
        import openai  # noqa: PLC0415 - heavy

        match error:
            case EngineError():
                return error
            case _ if isinstance(error, ResponseTooLarge) or isinstance(error.__cause__, ResponseTooLarge):
                return self.bad_answer()
            case openai.APIStatusError():
                is_json = "json" in error.response.headers.get("content-type", "")
                return self._refused(error.status_code, error.body if is_json else None, model, _asked_wait_s(error))
            case openai.APIConnectionError() if isinstance(
                error.__cause__, (httpx2.ReadError, httpx2.WriteError, httpx2.CloseError, httpx2.RemoteProtocolError)
            ):
                return self.connection_lost()
            case openai.APIConnectionError():
                return self._unreachable()
            case TimeoutError():
                return self.error("stalled", f"{self.host} keeps silent. Try again, or choose a smaller model.", retryable=True)
            case openai.APIError() if not isinstance(error, openai.APIResponseValidationError):  # told inside the stream
                code = error.code or ""
                return self._refused(int(code) if code.isdecimal() else 500, error.body, model, None)
            case _:
                return self.bad_answer()

    def cause(self, error: Exception) -> Exception | None:
        """The error as the cause of what `error_for` made of it: none where they are the same, or where the server repeats the key."""
        told = isinstance(error, EngineError) or (self._key and self._key in f"{error} {getattr(error, 'body', '')}")
        return None if told else error

    def _unreachable(self) -> EngineError:
        if self.is_local:
            todo = "Start the server (for Ollama: ollama serve), or correct the address."
            return self.error("unreachable", f"Nothing answers at {self.host}. {todo}", retryable=True)
        return self.error("unreachable", f"{self.host} cannot be reached. Check the connection and the address.", retryable=True)

    def _refused(self, status: int, body: object, model: str, asked_wait_s: float | None) -> EngineError:
        detail, code = self._detail(body), _field(body, "code")
        said = f": {detail}" if detail else ""
        if 300 <= status < 400:
            return self.error("wrong_address", f"{self.host} sends requests on to another address. Name that one as base_url.")
        if status == 401:
            todo = "Check the API key." if self._key else "Set its API key."
            return self.error("bad_key", f"{self.host} does not let you in without a valid key. {todo}")
        if status == 403:
            return self.error("forbidden", f"{self.host} does not allow this{said}. Check what the API key may use.")
        if status == 402 or code == "insufficient_quota":
            return self.error("no_credit", f"{self.host} has no credit left for your key. Top it up, or choose another server.")
        if status == 404 and detail is None:
            return self.error("wrong_address", f"There is nothing of the kind at {self._base_url}. Such an address usually ends in /v1.")
        if status == 404:
            todo = f"Check its name, or fetch it (for Ollama: ollama pull {model})." if self.is_local else "Check its name."
            return self.error("wrong_model", f"{self.host} does not have the model {model!r}. {todo}")
        if status in {408, 409, 425, 429}:
            later = "in a moment" if asked_wait_s is None else f"in {max(1, round(asked_wait_s))} s"
            return self.error("busy", f"{self.host} is asked too much at the moment. Try again {later}.", retryable=True)
        if status >= 500:
            return self.error("server_error", f"{self.host} failed ({status}){said}. Try again, or choose another model.", retryable=True)
        return self.error("refused", f"{self.host} refused the request ({status}){said}. Check the model and its options.")

    def _detail(self, body: object) -> str | None:
        """The server's own words in one line, without the key; None where it does not say anything in the protocol's way."""
        words = _field(body, "message") if isinstance(body, dict) else body
        if not isinstance(words, str):
            return None
        line = " ".join(words.split())
        if self._key:
            line = line.replace(self._key, "…")
        return line[:_DETAIL_CHARACTERS].rstrip(".")


def _wait_s(error: Exception, retry: int) -> float | None:
    """How long to wait before the next attempt, in seconds; None when there should be none.

    Exponential backoff with "equal jitter" (M. Brooker, AWS Architecture Blog, 2015), or what the server asks for.
    """
    import openai  # noqa: PLC0415 - heavy

    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return None  # it has had its time
    asked = _asked_wait_s(error)
    if asked is not None:
        return asked if asked <= _LONGEST_ASKED_WAIT_S else None
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**retry) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _asked_wait_s(error: Exception) -> float | None:
    """The header Retry-After (RFC 9110, 10.2.3), seconds or a date, as seconds from now."""
    header = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "").strip()
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _field(body: object, name: str) -> Any:
    return body.get(name) if isinstance(body, dict) else None


def _parts(base_url: str) -> SplitResult:
    example = "It looks like http://127.0.0.1:11434/v1"
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"The address of the server, base_url, is no web address. {example}.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(f"The address of the server, base_url, may not hold a password, ? or #. {example}; the key belongs in api_key.")
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


_guard = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    """The network's event loop: one for all servers, begun when first used."""
    with _guard:
        return _begun_loop()


@cache
def _begun_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="network", daemon=True).start()
    return loop
