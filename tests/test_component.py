"""What the stage's routes give out, and above all what they do not; where the page finds its modules."""

from __future__ import annotations

import json
import shutil
import stat
from urllib.parse import quote

import pytest
from requirements import requirement
from starlette.applications import Starlette
from starlette.testclient import TestClient

from avatar_assets import npm_modules, served
from avatar_assets.commands.integrity import integrity
from avatar_assets.served import PREFIX, routes


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=list(routes())))


WEB = sorted(str(path.relative_to(npm_modules.WEB)) for path in npm_modules.WEB.rglob("*") if path.is_file())
AVATARS = sorted(f"avatars/{path.name}" for path in (npm_modules.FOLDER / "avatars").iterdir() if path.suffix in {".glb", ".png"})
KINDS = {"mjs": "text/javascript", "json": "application/json", "css": "text/css", "html": "text/html"}
KINDS |= {"webp": "image/webp", "glb": "model/gltf-binary", "png": "image/png"}


def test_the_stages_own_files_are_served_with_their_type(client):
    for name in [*WEB, *AVATARS]:
        answer = client.get(f"/{PREFIX}/{name}")
        assert answer.status_code == 200, name
        assert answer.content == ((npm_modules.FOLDER if name in AVATARS else npm_modules.WEB) / name).read_bytes()
        assert answer.headers["content-type"].startswith(KINDS[name.rpartition(".")[2]])
        assert answer.headers["x-content-type-options"] == "nosniff"


OTHERS = sorted(
    str(path.relative_to(npm_modules.FOLDER))
    for path in npm_modules.FOLDER.rglob("*")
    if path.is_file() and not {"web", "avatars", "node_modules", "__pycache__"} & set(path.parts)
)
OUTSIDE = """../app.py ../personas.yaml ../../etc/passwd /etc/passwd avatars/../component.py avatars/../../personas.yaml
vendor/three/../../../app.py vendor/../component.py vendor/three/package.json builder/__init__.py avatars/ . stage .mjs
node_modules/three/build/three.module.js stage/stage.mjs/../../../app.py stage/stage.mjs%00.html avatars\\..\\..\\app.py
C:/Windows/win.ini""".split()


@pytest.mark.parametrize("spell", [str, lambda name: quote(name, safe=""), lambda name: name.replace("..", "%2e%2e")])
@requirement("app.served")
def test_nothing_else_is(client, spell):
    for name in [*OTHERS, *OUTSIDE, ""]:
        assert client.get(f"/{PREFIX}/{spell(name)}").status_code == 404, name


def test_a_link_out_of_the_folder_is_not_followed(client, tmp_path, monkeypatch):
    secret = tmp_path / "secret.mjs"
    secret.write_text("secret")
    folder = tmp_path / "avatars"
    folder.mkdir()
    (folder / "leak.png").symlink_to(secret)
    monkeypatch.setitem(served.SERVED, "avatars", (folder, {".png"}))
    assert client.get(f"/{PREFIX}/avatars/leak.png").status_code == 404


def test_only_reading_is_possible(client):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, f"/{PREFIX}/stage/stage.html").status_code == 405


@requirement("app.modules")
def test_the_page_takes_its_modules_from_here_when_they_are_installed(client, monkeypatch):
    monkeypatch.setattr(npm_modules, "installed", lambda: True)
    found = client.get(f"/{PREFIX}/modules.json").json()
    assert found["source"] == "local"
    assert all(address.startswith("./vendor/") for address in found["imports"].values())


@requirement("app.modules")
def test_the_page_takes_its_modules_from_a_cdn_at_the_locked_versions_otherwise(client, monkeypatch):
    monkeypatch.setattr(npm_modules, "installed", lambda: False)
    found = client.get(f"/{PREFIX}/modules.json").json()
    lock = json.loads((npm_modules.FOLDER / "package-lock.json").read_text())["packages"]
    assert found["source"] == "cdn"
    for short, name in npm_modules.PACKAGES.items():
        version = lock[f"node_modules/{name}"]["version"]
        assert found["imports"][short].startswith(f"https://cdn.jsdelivr.net/npm/{name}@{version}/")


@requirement("app.modules")
def test_the_cdn_can_give_the_page_no_other_bytes(client, monkeypatch):
    monkeypatch.setattr(npm_modules, "installed", lambda: False)
    found = client.get(f"/{PREFIX}/modules.json").json()
    for name, address in found["imports"].items():
        assert name.endswith("/") or found["integrity"][address].startswith("sha384-"), name


def test_the_digests_are_those_of_the_modules_that_npm_brings():
    if not npm_modules.installed():
        pytest.skip("the npm modules are not installed; the browser tests install them where npm is there")
    assert json.loads(npm_modules.INTEGRITY.read_text()) == integrity(), "run: python -m avatar_assets integrity"


def test_every_local_module_of_the_import_map_is_served(client):
    if not npm_modules.installed():
        pytest.skip("the npm modules are not installed; the browser tests install them where npm is there")
    for address in npm_modules.import_map()["imports"].values():
        if not address.endswith("/"):
            assert client.get(f"/{PREFIX}/{address.removeprefix('./')}").status_code == 200


def fake_npm(folder, script: str) -> None:
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)


FETCHED = f"mkdir -p {' '.join(f'node_modules/{name}' for name in npm_modules.PACKAGES.values())}"
NPMS = {
    "none at all": (None, "npm is not installed"),
    "fails": ("echo 'npm error network is unreachable'; echo 'npm error A complete log is in a file'; exit 1", "network is unreachable"),
    "lies": ("exit 0", "no reason given"),
    "stops half-way": (FETCHED, "no reason given"),
    "fetches another version": (
        f'{FETCHED}; sed \'s/"version": "/&9/\' package-lock.json > node_modules/.package-lock.json',
        "no reason given",
    ),
    "hangs": ("exec sleep 60", "longer than 0.5 s"),
    "works": (
        f"echo 'npm http fetch GET 200 https://x/three.tgz 5ms'; {FETCHED}; cp package-lock.json node_modules/.package-lock.json",
        "in place",
    ),
}


@pytest.mark.parametrize(("script", "said"), NPMS.values(), ids=NPMS)
def test_the_first_start_says_what_npm_did(monkeypatch, tmp_path, script, said):
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    if script is not None:
        fake_npm(bin_folder, script)
    monkeypatch.setenv("PATH", f"{bin_folder}:/bin:/usr/bin" if script else str(bin_folder))
    shutil.copy(npm_modules.FOLDER / "package-lock.json", tmp_path)
    monkeypatch.setattr(npm_modules, "FOLDER", tmp_path)
    monkeypatch.setattr(npm_modules, "NODE_MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(npm_modules, "NPM_TIMEOUT_S", 0.5 if "longer" in said else 60)
    lines: list[str] = []
    npm_modules.install(lines.append)
    assert said in lines[-1]
    assert npm_modules.installed() is (said == "in place")
    if npm_modules.installed():
        npm_modules.install(lines.append)
        assert said in lines[-1]
    assert sum("First start" in line for line in lines) <= 1
