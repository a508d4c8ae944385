"""Crafted paths: no file of the project or the machine comes out by any of them, and none is a fault of the server."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from itertools import product
from urllib.parse import quote, urlsplit

from benchmarks.attack._app import end, running, verdict
from engines.config.settings import PROJECT_ROOT

ROADS = ["", "visavis/", "visavis/avatars/", "visavis/vendor/three/", "visavis/page/", "static/", "assets/", "svelte/", "file=", "file/"]
ROADS += ["gradio_api/file=", "gradio_api/file/", "gradio_api/proxy=", "gradio_api/custom_component/1/client/component/", "theme.css/"]
ROADS += ["gradio_api/stream/a/b/", "gradio_api/run/", "gradio_api/call/", "monitoring/", "pwa_icon/", "login/", "gradio_api/upload/"]
FILES = ["personas.yaml", "app.py", "engines/config/settings.py", ".git/HEAD", "requirements.txt"]
ABSOLUTE = ["/etc/passwd", "/proc/self/environ", "C:/Windows/win.ini"]
CLIMBS = ["", "../", "../../", "../../../../../../../../", "./", "//", "..\\", "....//", "..;/", "%c0%ae%c0%ae/", "..%00/"]
MARKS = [b"root:", b"PATH=", b"[fonts]"]
"""What the machine's files contain."""
SPELLINGS = [
    str,
    lambda path: quote(path, safe=""),
    lambda path: quote(quote(path, safe="")),
    lambda path: path.replace("..", "%2e%2e"),
    lambda path: path.replace("/", "\\"),
]
ENDS = ["", "%00.png", "::$DATA", "?.mjs"]
LEAST = 4_800


def paths() -> Iterator[str]:
    """Every road to every file, in every spelling."""
    files = [*FILES, *(f"{PROJECT_ROOT}/{file}" for file in FILES), *ABSOLUTE]
    seen = set()
    for road, climb, file, spell in product(ROADS, CLIMBS, files, SPELLINGS):
        whole = f"/{road}{spell(climb + file)}"
        if whole not in seen:
            seen.add(whole)
            yield whole
    for road, file, last in product(ROADS, files, ENDS[1:]):
        yield f"/{road}../{file}{last}"


def main() -> None:
    """Ask for all of them over one connection after another."""
    marks = [*MARKS, *((PROJECT_ROOT / file).read_bytes()[:60] for file in FILES if (PROJECT_ROOT / file).is_file())]
    tried = leaked = faults = 0
    with running() as (address, _):
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
        for path in paths():
            tried += 1
            try:
                connection.putrequest("GET", path, skip_accept_encoding=True)
                connection.endheaders()
                answer = connection.getresponse()
                body = answer.read()
            except (http.client.HTTPException, ValueError, OSError):
                connection.close()  # refused before it was a request
                continue
            leaked += any(mark in body for mark in marks)
            faults += answer.status >= 500
    end(
        verdict(f"crafted paths: {leaked} files leaked of {tried} tried", holds=not leaked and tried >= LEAST, goal=f"0 of {LEAST}"),
        verdict(f"crafted paths: {faults} answered with a fault of the server", holds=not faults, goal="0"),
    )


if __name__ == "__main__":
    main()
