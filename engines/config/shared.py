"""Facts that the page and Python both need: strict JSON files below ``avatar_assets/web``, which both read; no code of it is imported."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from engines.config.settings import PROJECT_ROOT


@cache
def shared(name: str) -> dict[str, Any]:
    """The object in one of those files, such as ``acting/moods.json``; not to be changed.

    Raises:
        OSError: the file is not there.
        ValueError: it is not JSON.
    """
    value: dict[str, Any] = json.loads((PROJECT_ROOT / "avatar_assets" / "web" / name).read_text(encoding="utf-8"))
    return value
