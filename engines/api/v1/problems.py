"""Problems of the API: every refusal and failure as ``{"code": …, "message": …}`` with a fitting HTTP status."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from engines.errors import EngineError

log = logging.getLogger(__name__)

_STATUS = {
    "too_large": 413,
    "unknown_session": 404,
    "unknown_audio": 404,
    "full": 503,
    "loading": 503,
    "busy": 429,
    "rate": 429,
    "timeout": 504,
    "unauthorized": 401,
}
"""By code; else by stage: what came from the client is 422, what an engine did 502."""
_CLIENTS = {"audio", "input", "config"}


class Problem(BaseModel):
    """What went wrong."""

    code: str
    """For programs."""
    message: str
    """One sentence for people."""


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in {
        400: "What came is no JSON.",
        401: "A token is needed.",
        404: "There is no such thing, or not any more.",
        413: "It is too large.",
        422: "It cannot be used.",
        429: "Too much at once; see Retry-After.",
        500: "A mistake of the program.",
        502: "An engine failed.",
        503: "There is no room, or an engine is getting ready.",
        504: "An engine took too long.",
    }.items()
}
"""What any route may answer, for the OpenAPI document."""


class ApiError(EngineError):
    """A request that cannot be done."""

    stage = "input"


def problem_of(error: EngineError) -> Problem:
    """The same for the wire."""
    return Problem(code=error.code, message=error.message)


def status_of(code: str, stage: str) -> int:
    """The HTTP status of an error."""
    return _STATUS.get(code, 422 if stage in _CLIENTS else 502)


def refusal(code: str, message: str, status: int) -> JSONResponse:
    """A response that refuses."""
    headers = {"Retry-After": "5"} if status in (429, 503) else {}
    return JSONResponse(Problem(code=code, message=message).model_dump(), status, headers)


def explain_problems(app: FastAPI) -> None:
    """Let every error of the app's routes be answered in one shape."""

    @app.exception_handler(EngineError)
    async def _failed(_: Request, error: EngineError) -> JSONResponse:
        return refusal(error.code, error.message, status_of(error.code, error.stage))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        is_json = first["type"] != "json_invalid"
        where = ".".join(str(part) for part in first["loc"][1:])
        message = f"{where or 'The body'}: {first['msg']}." if is_json else "The body is no JSON."
        return refusal("invalid" if is_json else "no_json", message, 422 if is_json else 400)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "no_such_method", 413: "too_large"}.get(error.status_code, "refused")
        return refusal(code, f"{error.detail}.".replace("..", "."), error.status_code)

    @app.exception_handler(Exception)
    async def _broken(_: Request, error: Exception) -> JSONResponse:
        log.error("a request ended by a mistake of the program", exc_info=error)
        return refusal("internal", "Something went wrong inside the app; try again.", 500)
