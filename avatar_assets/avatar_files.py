"""Avatar files on disk: where they are, and which there are by the names that personas use."""

from __future__ import annotations

import json
from pathlib import Path

from avatar_assets.npm_modules import FOLDER, WEB

AVATARS = FOLDER / "avatars"
SUFFIXES = tuple(json.loads((WEB / "avatar_file" / "spec.json").read_text(encoding="utf-8"))["endings"])
"""The kinds of file that the stage shows, in the order in which it looks for them."""


def avatar_names(folder: Path = AVATARS) -> list[str]:
    """The names of the avatar files in a folder, sorted, without their endings."""
    return sorted({path.stem for path in folder.iterdir() if path.suffix in SUFFIXES})
