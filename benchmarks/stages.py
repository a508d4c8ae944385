"""What the benchmarks of the stage share: a server on loopback, a browser, and everybody who can stand on the stage."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from avatar_assets import npm_modules
from avatar_assets.avatar_files import AVATARS, SUFFIXES
from tests.fixtures import chromium
from tests.fixtures.other_avatars import OTHERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
STAGE = npm_modules.WEB
VENDOR = {f"/stage/vendor/{short}/": npm_modules.NODE_MODULES / name for short, name in npm_modules.PACKAGES.items()}
MADE = {"VRM": "new.vrm", "mended GLB": "arkit.glb"}
"""Bodies that are not ours, made for the occasion: what they are called here → a name in `OTHERS`."""


@dataclass(frozen=True)
class Body:
    """Somebody who can stand on the stage."""

    name: str
    avatar: str
    """Stem of the file."""
    ours: bool
    """Whether there is a drawn face of its own."""


class StageServer(SimpleHTTPRequestHandler):
    """Serves the stage, its browser modules and the benchmarks' pages on loopback."""

    import_map: Path
    """The file answered as `modules.json`."""
    avatars: Path
    made: Path | None = None
    """Folder of avatars that a benchmark makes."""

    def translate_path(self, path: str) -> str:
        """Map a URL path to a file; everything outside the known folders does not exist."""
        path = path.split("?", maxsplit=1)[0]
        folders = {**VENDOR, "/stage/avatars/": self.avatars, "/stage/": STAGE, "/fixtures/": HERE.parent / "tests" / "fixtures", "/": HERE}
        if path == "/stage/modules.json":
            return str(self.import_map)
        prefix = next(prefix for prefix in folders if path.startswith(prefix))
        if self.made and prefix == "/stage/avatars/" and (made := self.made / Path(path).name).is_file():
            return str(made)
        file = (folders[prefix] / path.removeprefix(prefix)).resolve()
        return str(file) if file.is_relative_to(folders[prefix]) else ""

    def log_message(self, format: str, *args: object) -> None:
        """Keep the report clean."""


@contextmanager
def opened(avatars: Path = AVATARS) -> Iterator[tuple[Browser, str, list[Body]]]:
    """A browser, the address of the stage, and everybody: each avatar in the folder, and those of `MADE`."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        StageServer.avatars, StageServer.made = avatars.resolve(), Path(folder)
        StageServer.import_map = Path(folder) / "modules.json"
        StageServer.import_map.write_text(json.dumps(npm_modules.import_map()), encoding="utf-8")
        bodies = [Body(path.stem, path.stem, ours=True) for path in sorted(StageServer.avatars.iterdir()) if path.suffix in SUFFIXES]
        for name, other in MADE.items():
            file = Path(folder) / f"made-{other}"
            file.write_bytes(OTHERS[other]().to_bytes())
            bodies.append(Body(name, file.stem, ours=False))
        with ThreadingHTTPServer(("127.0.0.1", 0), StageServer) as server, sync_playwright() as playwright:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            flags = [*chromium.QUIET, *chromium.SOFTWARE_GL, chromium.AUTOPLAY]
            browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=flags)
            yield browser, f"http://127.0.0.1:{server.server_port}", bodies
            browser.close()
            server.shutdown()
