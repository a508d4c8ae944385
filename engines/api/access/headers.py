"""Security headers: what the page may load and run, who may show it inside a page of theirs, and what leaves it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Scope, Send

from engines.api.access.hosts import host_of
from engines.api.access.policy import below_prefix

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(self), payment=(), usb=()",
}
CDN = "https://cdn.jsdelivr.net"
"""Where page and stage take their modules from that npm did not bring."""
GRADIO_CDN = "https://gradio.s3-us-west-2.amazonaws.com"
"""Where the page of a share link takes Gradio's own scripts from."""
_SCRIPT = re.compile(rb"<script(?=[\s>])")


def content_security_policy(path: str, netloc: str, nonce: str, framed_by: Sequence[str] = ()) -> str:
    """What an HTML page may do.

    Gradio makes functions of texts (``js=``, ``js_on_load``), and so does the decoder of KTX2 textures on the stage, in a worker made of a
    blob: hence ``unsafe-eval``. Markup that comes from a person, a model or a file still runs nothing, for it has no nonce.

    Args:
        path: of the page.
        netloc: the host that it was asked of.
        nonce: of the scripts that stand in it.
        framed_by: origins that may show it inside a page of theirs.
    """
    host = host_of(netloc)
    space = ["https://huggingface.co"] if host.endswith(".hf.space") else []
    away = [CDN, GRADIO_CDN] if host.endswith(".gradio.live") and path == "/" else [CDN]
    directives = {
        "default-src": ["'self'"],
        "script-src": ["'self'", f"'nonce-{nonce}'", "'unsafe-eval'", *away],
        "style-src": ["'self'", "'unsafe-inline'", *away],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:", *away],
        "media-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'", "data:", "blob:", *away, *space],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'self'", *space, *framed_by],
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


class SecuredResponse:
    """Adds the headers to a response; the scripts of an HTML page get a new nonce, for which the page is kept back until it is whole."""

    def __init__(self, scope: Scope, send: Send, framed_by: Sequence[str] = ()) -> None:
        self._scope, self._send, self._framed_by = scope, send, framed_by
        self._start: Message | None = None
        self._page: list[bytes] = []

    async def send(self, message: Message) -> None:
        """Send what the app sends."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(EVERYWHERE)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        elif self._start is not None:
            self._page.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            start, self._start = self._start, None
            message = {**message, "body": self._with_nonce(start)}
            await self._send(start)
        await self._send(message)

    def _with_nonce(self, start: Message) -> bytes:
        nonce, headers = secrets.token_urlsafe(16), MutableHeaders(scope=start)
        page = _SCRIPT.sub(b'<script nonce="' + nonce.encode() + b'"', b"".join(self._page))
        host = Headers(scope=self._scope).get("host", "")
        headers["Content-Security-Policy"] = content_security_policy(below_prefix(self._scope), host, nonce, self._framed_by)
        headers["Cache-Control"] = "no-store"  # a nonce is good once
        for name in ("etag", "last-modified", "accept-ranges"):
            del headers[name]
        if self._scope["method"] != "HEAD":
            headers["Content-Length"] = str(len(page))
        return page
