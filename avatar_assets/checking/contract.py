"""The table that Python and the page share: what the stage needs of an avatar, its limits, and every sentence about it."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any, NoReturn

from avatar_assets.npm_modules import WEB

CONTRACT: dict[str, Any] = json.loads((WEB / "avatar_file" / "spec.json").read_text(encoding="utf-8"))
LIMITS: dict[str, Any] = CONTRACT["limits"]
_SHOWN_CHARACTERS = 40
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class RefusedError(Exception):
    """Why a file cannot be used: a code of the contract's findings, and what its sentence needs."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code, self.values = code, values


def damaged(where: str) -> NoReturn:
    """Refuse a file that does not hold together; `where` is the inside of a sentence."""
    raise RefusedError("damaged", where=where)


def shown(name: object) -> str:
    """A name from a file as it may be shown: short, without control characters."""
    plain = "".join("�" if unicodedata.category(character) in _UNSEEN else character for character in str(name))
    return f"{plain[: _SHOWN_CHARACTERS - 1]}…" if len(plain) > _SHOWN_CHARACTERS else plain


def megabytes(size: int) -> str:
    """Bytes in MB with one decimal, rounded down."""
    return f"{math.floor(size / 1e5) / 10:.1f}"
