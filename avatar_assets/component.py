"""The stage as a Gradio component, and the static routes its page is served from.

Python tells the page what happens by yielding small dicts (the shapes of `engines/api/wire.py`) into the component's value; the page tells
Python what the user does by the events named in `EVENTS_OF_THE_PAGE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from avatar_assets import npm_modules
from avatar_assets.avatar_files import AVATARS, SUFFIXES

PREFIX = "visavis"
"""Everything the page loads lies below this path."""

EVENTS_OF_THE_PAGE = ("utterance", "greet", "stopped", "cleared", "persona")
_ON_LOAD = f"""/* events: {" ".join(repr(name) for name in EVENTS_OF_THE_PAGE)} */
import(new URL('{PREFIX}/page/page.mjs', document.baseURI))
  .then((page) => page.open({{ element, trigger, props, server, watch }}))
  .catch((error) => {{ element.textContent = 'The stage could not be loaded (' + error.message + '); reload the page.'; }});
"""


class Stage(gr.HTML):
    """The figure, its iframe, and the two-way line to the page.

    `status` is called by the page every few seconds; it returns who can be talked with and which engines work. `order` is called when
    somebody chooses an engine, stops its download or wants it tried again; it returns what is wrong with that.
    """

    def __init__(self, status: Callable[[], dict[str, Any]], order: Callable[[dict[str, Any]], dict[str, Any]], **options: Any) -> None:
        def state(_: Any) -> dict[str, Any]:  # Gradio marks the function and passes it one argument
            return status()

        def engine(data: Any) -> dict[str, Any]:
            return order(data if isinstance(data, dict) else {})

        super().__init__(
            value={"type": "hello"},
            html_template="<div class='stage-frame'></div>",  # static: a value inside a template would be evaluated
            js_on_load=_ON_LOAD,
            server_functions=[state, engine],
            **options,
        )

    def get_block_name(self) -> str:
        """Gradio's own front end draws it."""
        return "html"

    def preprocess(self, payload: Any) -> Any:
        """The page sends events, not values."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Dicts travel as they are."""
        return value

    def api_info(self) -> dict[str, Any]:
        """JSON schema of the value."""
        return {"type": "object"}


_SERVED = {
    "": (npm_modules.WEB, {".html", ".css", ".mjs", ".json", ".webp"}),
    "avatars": (AVATARS, {*SUFFIXES, ".png"}),
    "vendor/three": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["three"], {".js", ".wasm"}),
    "vendor/three-vrm": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["three-vrm"], {".js"}),
    "vendor/meshoptimizer": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["meshoptimizer"], {".js"}),
    "vendor/talkinghead": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["talkinghead"], {".mjs", ".js"}),
}
"""Path below the prefix → folder and the kinds of file given out from it; nothing else is served."""

_TYPES = {
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".glb": "model/gltf-binary",
    ".vrm": "model/gltf-binary",
    ".wasm": "application/wasm",
}


async def _serve(request: Request) -> Response:
    path: str = request.path_params["path"]
    if path == "modules.json":
        return JSONResponse(npm_modules.import_map(), headers={"Cache-Control": "no-store"})
    shelf = next((name for name in sorted(_SERVED, reverse=True) if name and path.startswith(f"{name}/")), "")
    folder, kinds = _SERVED[shelf]
    name = path.removeprefix(f"{shelf}/") if shelf else path
    suffix = "." + name.rpartition(".")[2]
    if suffix not in kinds:
        raise HTTPException(404)
    response = await StaticFiles(directory=folder, check_dir=False).get_response(name, request.scope)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Type"] = _TYPES.get(suffix, response.headers.get("Content-Type", "application/octet-stream"))
    return response


def routes() -> list[Route]:
    """For ``launch(app_kwargs={"routes": routes()})``: a `Route`, because a `Mount` answers 404 behind a proxy that strips a prefix."""
    return [Route(f"/{PREFIX}/{{path:path}}", _serve, methods=["GET", "HEAD"])]
