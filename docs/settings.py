"""Prints `settings.md` from the one place that knows every setting: ``python docs/settings.py > docs/settings.md``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args, get_origin

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engines.config.settings import Settings  # noqa: E402 - the folder above is not installed

HEAD = """# Settings

Every setting can stand in a profile (`python app.py --profile mine.yaml`, or `VISAVIS_PROFILE=mine.yaml`), or in an environment variable:
`VISAVIS_` and the name in capitals. Those marked with an option can also be given on the command line. The command line wins over the
environment, and the environment over the profile; – is None. Printed by
`python docs/settings.py`; the sentences are those of `engines/config/settings.py`.

| setting | default | what it is |
|---|---|---|"""
OPTIONS = {"host", "port", "persona", "stt", "llm", "tts"}


def page() -> str:
    """The whole file."""
    return "\n".join([HEAD, *map(_row, Settings.model_fields)]) + "\n"


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    option = f" (`--{name}`)" if name in OPTIONS else ""
    words = " ".join((field.description or "").split()).replace("``", "`").replace("|", "\\|")
    choices = f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}." if _is_choice(field.annotation) else ""
    return f"| `{name}`{option} | {_shown(field.default)} | {words}{choices} |"


def _is_choice(annotation: Any) -> bool:
    return str(get_origin(annotation)).endswith("Literal")


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT) if value.is_relative_to(ROOT) else value}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    print(page(), end="")
