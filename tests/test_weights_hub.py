"""Finding and fetching models: the genuine client of the hub against a hub on this machine that is slow, breaks off, lies and refuses."""

from __future__ import annotations

import errno
import json
import logging
import shutil
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import in_threads
from hub_server import GOOD, PIECE, Fault, Hub, lead_to, running
from requirements import requirement

from engines.concurrency.channel import CancelToken
from engines.errors import ChatModelError, EngineError
from engines.weights import download
from engines.weights.download import host_of
from engines.weights.fetching import Progress
from engines.weights.hub import Model, fetch, find

WEIGHTS = np.random.default_rng(0).bytes(300_000)
FILES = {
    "config.json": b'{"a": 1}',
    "tokenizer.json": b"{}" * 40,
    "model.safetensors": WEIGHTS,
    "voices/one.pt": WEIGHTS[:20_000],
    "voices/two.pt": WEIGHTS[:20_000],
    "empty.txt": b"",
    "README.md": b"not asked for",
    "original/model.safetensors": b"the same in another format",
}
MODEL = Model(
    "some/model",
    "The test model",
    ChatModelError,
    files=("*.json", "*.safetensors", "voices/*.pt", "*.txt"),
    required=("config.json", "*.safetensors", "tokenizer.json|*.model"),
    ignored=("original/*",),
)
FETCHED = {name for name in FILES if name != "README.md" and not name.startswith("original/")}
BYTES = sum(len(content) for content in {FILES[name] for name in FETCHED})
"""The two voices are the same file."""


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    with running(Hub(dict(FILES))) as hub:
        lead_to(hub, monkeypatch, tmp_path)
        monkeypatch.setattr(download, "_PAUSE_S", 0.01)
        monkeypatch.setattr(download, "_TELL_EVERY_S", 0.0)
        yield hub


@pytest.fixture
def impatient(hub, monkeypatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.25)


def assert_whole(folder: Path) -> None:
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert there == {name: FILES[name] for name in FETCHED}
    assert find(MODEL) == folder


def parts(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob("*.visavis"))


def fails(model: Model = MODEL, **options) -> EngineError:
    with pytest.raises(ChatModelError) as caught:
        fetch(model, **options)
    error = caught.value
    assert error.message.startswith(f"{model.what} {model.name!r} ")
    assert error.message.endswith((".", "hf auth login"))
    assert "\n" not in error.message
    assert "http:" not in error.message
    return error


def test_a_model_is_fetched_whole_with_what_was_asked_for_and_no_more(hub, tmp_path, capfd):
    assert find(MODEL) is None
    told: list[Progress] = []
    folder = fetch(MODEL, told.append)
    assert_whole(folder)
    assert told[0] == Progress(0, BYTES, host_of(hub.endpoint)), "the total is known from the start"
    assert told[-1] == Progress(BYTES, BYTES, host_of(hub.endpoint))
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert {progress.total for progress in told} == {BYTES}
    assert not parts(tmp_path)
    assert len(hub.asked("one.pt")) + len(hub.asked("two.pt")) == 1, "the same content is read once"
    assert capfd.readouterr() == ("", "")


@requirement("engine.offline")
def test_what_is_here_is_found_without_the_network(hub):
    folder = fetch(MODEL)
    hub.requests.clear()
    assert fetch(MODEL, lambda _: pytest.fail("told")) == find(MODEL) == folder
    assert not hub.requests


def test_the_librarys_own_programs_find_it_too(hub):
    from huggingface_hub import hf_hub_download, snapshot_download

    folder = fetch(MODEL)
    assert snapshot_download(MODEL.name, local_files_only=True, ignore_patterns=["README.md", "original/*"]) == str(folder)
    assert Path(hf_hub_download(MODEL.name, "model.safetensors", local_files_only=True)).read_bytes() == WEIGHTS


def test_what_other_programs_fetched_is_found(hub, tmp_path):
    from huggingface_hub import snapshot_download

    theirs = snapshot_download(MODEL.name, ignore_patterns=["README.md", "original/*"])
    hub.requests.clear()
    assert fetch(MODEL) == Path(theirs)
    assert not hub.requests


@pytest.mark.parametrize("cut", [1, PIECE, 150_001, 299_999])
@requirement("engine.download")
def test_a_broken_connection_is_taken_up_where_it_broke(hub, cut):
    hub.faults["model.safetensors"] = [Fault(cut_after=cut), GOOD]
    told: list[Progress] = []
    assert_whole(fetch(MODEL, told.append))
    first, second = hub.asked("model.safetensors")
    assert (first.range, second.range) == (None, f"bytes={cut}-")
    assert (first.sent, second.sent) == (cut, len(WEIGHTS) - cut)
    assert told[-1].done == BYTES


def test_a_connection_that_breaks_again_and_again_still_gets_there(hub):
    hub.faults["model.safetensors"] = [Fault(cut_after=40_000)]
    assert_whole(fetch(MODEL))
    assert [request.sent for request in hub.asked("model.safetensors")] == [40_000] * 7 + [20_000]


def test_what_arrived_before_a_failure_is_not_asked_for_again(hub, tmp_path):
    hub.faults["model.safetensors"] = [Fault(cut_after=100_000), Fault(status=500)]
    error = fails()
    assert (error.code, error.retryable) == ("download_failed", True)
    assert "the hub answered 500" in error.message
    assert find(MODEL) is None
    hub.faults.clear()
    hub.requests.clear()
    told: list[Progress] = []
    assert_whole(fetch(MODEL, told.append))
    assert [(request.range, request.sent) for request in hub.asked("model.safetensors")] == [("bytes=100000-", 200_000)]
    assert told[0].done >= 100_000
    assert told[0].total == told[-1].done == BYTES


def test_a_server_without_ranges_is_read_from_the_beginning(hub):
    hub.faults["model.safetensors"] = [Fault(cut_after=100_000), Fault(no_range=True)]
    told: list[Progress] = []
    assert_whole(fetch(MODEL, told.append))
    assert [request.sent for request in hub.asked("model.safetensors")] == [100_000, 300_000]
    assert max(progress.done for progress in told) == told[-1].done == BYTES


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_changed_bytes_are_thrown_away(hub, name):
    hub.faults[name] = [Fault(changed=True), GOOD]
    error = fails()
    assert (error.code, error.retryable) == ("checksum", True)
    assert name in error.message
    assert find(MODEL) is None
    assert_whole(fetch(MODEL))


def test_a_part_that_was_damaged_on_the_disk_is_found_out(hub, tmp_path):
    hub.faults["model.safetensors"] = [Fault(cut_after=100_000), Fault(status=500)]
    fails()
    (part,) = [part for part in parts(tmp_path) if part.stat().st_size == 100_000]
    part.write_bytes(b"\0" * 100_000)
    hub.faults.clear()
    assert fails().code == "checksum"
    assert_whole(fetch(MODEL))


def test_a_file_longer_than_the_list_says_is_left_at_that(hub):
    hub.listed["model.safetensors"] = {"size": 100_000}
    assert fails().code == "checksum"
    hub.listed.clear()
    assert_whole(fetch(MODEL))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_shorter_than_the_list_says_is_given_up(hub, name):
    hub.listed[name] = {"size": 400_000}
    error = fails()
    assert (error.code, error.retryable) == ("download_failed", True)
    assert "the hub broke off the connection" in error.message


def cancelled_at(count: int) -> list[Progress]:
    """Fetch, and cancel when so many bytes are here; what was told."""
    cancel, told = CancelToken(), list[Progress]()

    def tell(progress: Progress) -> None:
        told.append(progress)
        if progress.done >= count:
            cancel.cancel()

    error = fails(on_progress=tell, cancel=cancel)
    assert (error.code, error.retryable) == ("cancelled", True)
    return told


def test_cancelling_is_noticed_with_the_next_piece_and_what_came_is_kept(hub):
    hub.faults["model.safetensors"] = [Fault(pause_s=0.02), GOOD]
    assert cancelled_at(100_000)[-1].done < 200_000
    assert find(MODEL) is None
    hub.requests.clear()
    assert_whole(fetch(MODEL))
    assert sum(request.sent for request in hub.asked("model.safetensors")) < 250_000


def test_cancelling_is_noticed_while_the_hub_is_silent(hub, impatient):
    hub.faults["model.safetensors"] = [Fault(silent_after=150_000)]
    cancelled_at(150_000)


def test_who_has_cancelled_before_gets_nothing(hub):
    cancel = CancelToken()
    cancel.cancel()
    assert fails(cancel=cancel).code == "cancelled"
    assert not [request for request in hub.requests if request.sent]


@pytest.mark.parametrize("name", ["", "model.safetensors", "config.json"])
def test_a_hub_that_falls_silent_is_given_up(hub, impatient, name):
    hub.faults[name] = [Fault(silent_after=2), Fault(silent_after=0)]
    error = fails()
    assert (error.code, error.retryable) == ("download_failed", True)
    assert "the hub fell silent" in error.message


def test_a_hub_that_falls_silent_once_is_asked_again(hub, impatient):
    hub.faults["model.safetensors"] = [Fault(silent_after=150_000), GOOD]
    assert_whole(fetch(MODEL))
    assert [request.sent for request in hub.asked("model.safetensors")] == [150_000, 150_000]


@pytest.mark.parametrize(
    ("name", "fault", "code", "words"),
    [
        ("", Fault(401, "GatedRepo"), "gated", "hf auth login"),
        ("", Fault(403, "GatedRepo"), "gated", "Accept them"),
        ("", Fault(403), "gated", "hf auth login"),
        ("", Fault(404, "RepoNotFound"), "unknown_model", "is not on the hub"),
        ("", Fault(401, "RepoNotFound"), "unknown_model", "is not on the hub"),
        ("", Fault(404), "unknown_model", "Check its name"),
        ("", Fault(500), "download_failed", "answered 500"),
        ("", Fault(418), "download_failed", "answered 418"),
        ("", Fault(200), "download_failed", "makes no sense"),
        ("model.safetensors", Fault(401, "GatedRepo"), "gated", "hf auth login"),
        ("config.json", Fault(403, "GatedRepo"), "gated", "hf auth login"),
        ("config.json", Fault(404, "EntryNotFound"), "download_failed", "answered 404"),
        ("config.json", Fault(503), "download_failed", "answered 503"),
        ("model.safetensors", Fault(429), "download_failed", "answered 429"),
        ("model.safetensors", Fault(403, in_store=True), "download_failed", "Try again"),
    ],
)
def test_what_the_hub_refuses_is_told_in_plain_words(hub, name, fault, code, words):
    hub.faults[name] = [fault]
    error = fails()
    assert error.code == code
    assert words in error.message
    assert error.retryable == (code == "download_failed")
    assert error.__cause__ is not None
    assert find(MODEL) is None


@pytest.mark.parametrize("fault", [Fault(500), Fault(503), Fault(429), Fault(403, in_store=True)])
def test_a_refusal_that_may_pass_is_waited_out(hub, fault):
    hub.faults["model.safetensors"] = [fault, fault, GOOD]
    assert_whole(fetch(MODEL))


@pytest.mark.parametrize("name", ["", " ", "/no/such/folder", "../nowhere", "a/b/c", "~nobody/x", "no such/name!", "\0", "x" * 300])
def test_a_name_that_is_no_model_reaches_neither_hub_nor_disk(hub, name, tmp_path):
    model = replace(MODEL, name=name)
    assert find(model) is None
    with pytest.raises(ChatModelError) as caught:
        fetch(model)
    assert (caught.value.code, caught.value.retryable) == ("unknown_model", False)
    assert not hub.requests
    assert not list(tmp_path.iterdir())


def test_without_a_network_it_says_so(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    error = fails()
    assert (error.code, error.retryable) == ("offline", True)


def test_offline_mode_is_kept_to(hub, monkeypatch, tmp_path):
    from huggingface_hub import constants

    folder = fetch(MODEL)
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(MODEL) == folder
    error = fails(replace(MODEL, name="another/model"))
    assert (error.code, error.retryable) == ("offline", True)
    assert "HF_HUB_OFFLINE" in error.message
    assert not hub.requests


def test_a_repository_without_what_is_required_is_refused_before_anything_is_read(hub):
    del hub.files["tokenizer.json"], hub.files["config.json"]
    error = fails()
    assert (error.code, error.retryable) == ("missing_files", False)
    assert "lacks config.json, tokenizer.json or *.model on the hub" in error.message
    assert not [request for request in hub.requests if request.sent]


def sharded(folder: Path) -> Path:
    """A folder with weights in two parts, as Transformers saves them, and the index of a format that is not wanted."""
    for name in ("config.json", "tokenizer.model", "a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(b"x")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}))
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"x": "a.bin", "y": "b.bin"}}))
    return folder


def test_weights_in_parts_are_whole_when_every_part_is_there(hub):
    with TemporaryDirectory() as name:
        hub.files = {path.name: path.read_bytes() for path in sharded(Path(name)).iterdir()}
    del hub.files["b.safetensors"]
    model = replace(MODEL, files=(*MODEL.files, "*.model"))
    assert "lacks b.safetensors on the hub" in fails(model).message
    assert find(model) is None
    hub.commit = "b" * 40
    hub.files["b.safetensors"] = b"b"
    assert fetch(model).name == hub.commit
    assert not hub.asked("a.safetensors")[1:], "what is here of an older commit is not read again"


def test_a_folder_serves_as_it_is(tmp_path):
    model = replace(MODEL, name=str(sharded(tmp_path)))
    assert find(model) == fetch(model) == tmp_path


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "b.safetensors").unlink(), "lacks b.safetensors."),
        (lambda folder: (folder / "tokenizer.model").unlink(), "lacks tokenizer.json or *.model."),
        (shutil.rmtree, "lacks config.json, *.safetensors, tokenizer.json or *.model."),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("{"), "lacks a readable model.safetensors.index.json."),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("[1]"), "lacks a readable model.safetensors.index.json."),
        (lambda folder: ((folder / "config.json").unlink(), (folder / "config.json").symlink_to("nowhere")), "lacks config.json."),
    ],
    ids=["a part", "a tokenizer", "all", "an index", "another index", "a broken link"],
)
def test_a_folder_that_is_not_whole_says_what_is_missing(tmp_path, damage, words):
    damage(sharded(tmp_path))
    tmp_path.mkdir(exist_ok=True)
    model = replace(MODEL, name=str(tmp_path))
    assert find(model) is None
    error = fails(model)
    assert error.code == "missing_files"
    assert words in error.message


def test_a_folder_that_is_only_being_put_together_is_not_whole(hub, monkeypatch):
    """The power fails between two files."""
    import huggingface_hub

    class PowerCut(BaseException):
        pass

    link = huggingface_hub.snapshot_download

    def half(*args, revision=None, **options):
        folder = link(*args, revision=revision, **options)
        if revision:
            (Path(folder) / "empty.txt").unlink()
            raise PowerCut
        return folder

    with monkeypatch.context() as patched:
        patched.setattr(huggingface_hub, "snapshot_download", half)
        with pytest.raises(PowerCut):
            fetch(MODEL)
    assert find(MODEL) is None
    hub.requests.clear()
    assert_whole(fetch(MODEL))
    assert not [request for request in hub.requests if request.sent]


def test_a_full_disk_is_told_before_anything_is_read(hub, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=BYTES - 1))
    error = fails()
    assert (error.code, error.retryable) == ("disk_full", True)
    assert "0.3 MB are needed, 0.3 MB are free" in error.message
    assert not [request for request in hub.requests if request.sent]


def test_a_disk_that_fills_meanwhile_is_told(hub, monkeypatch):
    opened = Path.open

    class Full(FileIO):
        def write(self, piece):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode="r", **options: Full(path, mode) if "b" in mode else opened(path, mode, **options))
    assert fails().code == "disk_full"
    monkeypatch.setattr(Path, "open", opened)
    assert_whole(fetch(MODEL))


def test_a_cache_that_cannot_be_written_is_told(hub, monkeypatch, tmp_path):
    from huggingface_hub import constants

    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    error = fails()
    assert error.code == "download_failed"
    assert error.message.endswith("Try again: what has arrived is kept.")


def test_who_asks_second_waits_and_finds_it(hub):
    hub.faults["model.safetensors"] = [Fault(pause_s=0.01)]
    folders: list[Path] = []
    in_threads(*[lambda: folders.append(fetch(MODEL))] * 3)
    assert len(folders) == 3
    assert len(set(folders)) == 1
    assert [request.sent for request in hub.asked("model.safetensors")] == [len(WEIGHTS)]
    assert_whole(folders[0])


def test_who_waits_can_leave(hub, impatient):
    hub.faults["model.safetensors"] = [Fault(silent_after=100_000)]
    first, second = CancelToken(), CancelToken()
    codes: list[str] = []
    reading = threading.Event()
    one = threading.Thread(target=lambda: codes.append(fails(on_progress=lambda _: reading.set(), cancel=first).code))
    one.start()
    assert reading.wait(5)
    two = threading.Thread(target=lambda: codes.append(fails(cancel=second).code))
    two.start()
    second.cancel()
    two.join(1)
    assert codes == ["cancelled"]
    first.cancel()
    one.join(5)
    assert codes == ["cancelled"] * 2


def test_keys_are_sent_to_the_hub_alone_and_never_shown(hub, monkeypatch, caplog):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    hub.faults["model.safetensors"] = [Fault(cut_after=1_000), Fault(status=403, in_store=True)]
    with caplog.at_level(logging.DEBUG, logger="engines"):
        error = fails()
    assert {request.headers.get("authorization") for request in hub.requests if not request.store} == {"Bearer hf_secretsecret"}
    assert {request.headers.get("authorization") for request in hub.requests if request.store} == {None}
    shown = caplog.text + "".join(traceback.format_exception(error))
    assert "model.safetensors" in caplog.text
    assert "secret" not in shown
    assert "sesame" not in shown


@pytest.mark.parametrize("wrong", [{"blobId": "../../../escape"}, {"size": None}, {"lfs": {"sha256": "", "size": 1, "pointerSize": 1}}])
def test_a_list_that_cannot_be_trusted_is_refused(hub, wrong, tmp_path):
    hub.listed["config.json"] = wrong
    error = fails()
    assert error.code == "download_failed"
    assert "config.json" in error.message
    assert not parts(tmp_path)
