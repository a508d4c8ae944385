"""The static routes of the stage: its page, its npm modules and the avatars, for the app and for the headless browser that makes films."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from avatar_assets import npm_modules
from avatar_assets.avatar_files import AVATARS, SUFFIXES
from engines.api.access.policy import Rule

PREFIX = "visavis"
"""Everything the page loads lies below this path."""

SERVED = {
    "": (npm_modules.WEB, {".html", ".css", ".mjs", ".json", ".webp"}),
    "avatars": (AVATARS, {*SUFFIXES, ".png"}),
    "vendor/three": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["three"], {".js", ".wasm"}),
    "vendor/three-vrm": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["three-vrm"], {".js"}),
    "vendor/meshoptimizer": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["meshoptimizer"], {".js"}),
    "vendor/talkinghead": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["talkinghead"], {".mjs", ".js"}),
    "vendor/mediabunny": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["mediabunny"], {".mjs"}),
    "vendor/@mediabunny/aac-encoder": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["@mediabunny/aac-encoder"], {".mjs"}),
    "vendor/webrtcaec3": (npm_modules.NODE_MODULES / npm_modules.PACKAGES["webrtcaec3"], {".js"}),
}
"""Path below the prefix → folder and the kinds of file given out from it; nothing else is served."""

RULES = (Rule(f"/{PREFIX}/{{path:path}}"),)
"""The routes' line in the access policy."""
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
    shelf = next((name for name in sorted(SERVED, reverse=True) if name and path.startswith(f"{name}/")), "")
    folder, kinds = SERVED[shelf]
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
