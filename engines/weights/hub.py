"""Models of the Hugging Face hub, or of a folder: found on this machine, or fetched into the hub's own cache."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from engines.concurrency.channel import CancelToken
from engines.errors import EngineError
from engines.weights.download import Download, File, host_of
from engines.weights.fetching import Failed, Progress, alone, failure, require_online, require_room


@dataclass(frozen=True, slots=True)
class Model:
    """A model as files: of the Hugging Face hub, or of a folder."""

    name: str
    """A hub id (``owner/name``) or a local folder, as the user wrote it."""
    what: str
    """How sentences about it begin: ``The Whisper model``."""
    failure: type[EngineError]
    """What is raised: the error of the engine's stage."""
    files: tuple[str, ...]
    """Patterns of what is fetched: ``*.json``, ``voices/*.pt``."""
    required: tuple[str, ...] = ()
    """Patterns each of which must match a file, with ``|`` between alternatives: ``tokenizer.json|*.model``."""
    ignored: tuple[str, ...] = ()
    """Patterns of what is never fetched."""


_DIGEST = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # it becomes the name of a file, so it is looked at first
_LINKING = "visavis-linking"
"""Marks a model in the cache whose folder is just being put together."""


def find(model: Model) -> Path | None:
    """The model's folder if it is whole on this machine, as a folder or in the hub's cache; never asks the network."""
    folder = _named_folder(model) or _cached_folder(model)
    return folder if folder and not _lacks(model, folder) else None


def fetch(
    model: Model,
    on_progress: Callable[[Progress], object] = lambda _: None,
    cancel: CancelToken | None = None,
    allow: Callable[[int], object] = lambda _: None,
) -> Path:
    """The model's folder: at once if it is whole on this machine, else downloaded into the hub's cache, on from where it stopped last time.

    `on_progress` is called about ten times a second, never by two threads at once. `cancel` is noticed with the next piece that arrives, at
    most 64 KB; while the hub keeps silent, when the library's time-out ends (10 s, or ``HF_HUB_DOWNLOAD_TIMEOUT``). A hub that stays silent
    is given up after three of these. `allow` is called with the bytes that are still to come, before any does, and may raise an
    EngineError. Whoever asks for a model that is already on its way waits for it.

    Raises:
        EngineError: `model.failure`, code ``unknown_model``, ``missing_files``, ``offline``, ``gated``, ``disk_full``, ``checksum``,
            ``download_failed`` or ``cancelled``.
    """
    if folder := find(model):
        return folder
    stop = threading.Event()
    if cancel:
        cancel.on_cancel(stop.set)
    try:
        if folder := _named_folder(model):
            why = f"lacks {', '.join(_lacks(model, folder))}. Put that into the folder, or name another."
            raise Failed("missing_files", why)
        import_module("huggingface_hub.utils").validate_repo_id(model.name)  # before a folder is called so
        require_online()
        storage = _storage(model)
        with alone(storage.parent / ".locks" / storage.name / "visavis.lock", stop):
            return find(model) or _fetch(model, on_progress, stop, allow)
    except Exception as error:  # whatever the network, the hub and the disk can do
        raise failure(f"{model.what} {model.name[:200]!r}", model.failure, error) from error


def _fetch(model: Model, on_progress: Callable[[Progress], object], stop: threading.Event, allow: Callable[[int], object]) -> Path:
    from huggingface_hub import constants  # noqa: PLC0415 - heavy

    storage = _storage(model)
    commit, files = _listed(model, storage / "blobs")
    (storage / "blobs").mkdir(parents=True, exist_ok=True)
    source = host_of(constants.ENDPOINT)
    download = Download(files, lambda done, total: on_progress(Progress(done, total, source)), stop)
    require_room(storage, download.total - download.done, allow)
    download.run()
    (storage / _LINKING).touch()
    folder = _snapshot(model, revision=commit)  # the library makes a folder out of what lies in its cache now
    (storage / "refs").mkdir(exist_ok=True)
    (storage / "refs" / "main").write_text(commit)
    (storage / _LINKING).unlink()
    if lacks := _lacks(model, folder):
        raise _incomplete(lacks)
    return folder


def _listed(model: Model, blobs: Path) -> tuple[str, list[File]]:
    """The newest commit, and what is to be fetched of it; the same content only once."""
    from huggingface_hub import HfApi, constants, hf_hub_url  # noqa: PLC0415 - heavy

    info = HfApi().model_info(model.name, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
    wanted = [sibling for sibling in info.siblings or () if _is_wanted(model, sibling.rfilename)]
    names = [sibling.rfilename for sibling in wanted]
    if lacks := _unmet(model, lambda way: any(fnmatchcase(name, way) and name.count("/") == way.count("/") for name in names)):
        raise _incomplete(lacks)
    files = {}
    for sibling in wanted:
        digest = str(sibling.lfs.sha256 if sibling.lfs else sibling.blob_id)
        if sibling.size is None or not _DIGEST.fullmatch(digest):
            raise Failed("download_failed", f"could not be fetched: the hub tells no checksum of {sibling.rfilename}. Try again.")
        url = hf_hub_url(model.name, sibling.rfilename, revision=info.sha, endpoint=constants.ENDPOINT)
        files[digest] = File(sibling.rfilename, sibling.size, digest, blobs / digest, url)
    return str(info.sha), list(files.values())


def _storage(model: Model) -> Path:
    """Where the hub's cache keeps everything of that model."""
    from huggingface_hub import constants  # noqa: PLC0415 - heavy

    return Path(constants.HF_HUB_CACHE) / f"models--{model.name.replace('/', '--')}"


def _snapshot(model: Model, *, revision: str | None = None, local_files_only: bool = False) -> Path:
    """The library's folder with the wanted files of that model; its progress bars stay silent."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    class Silent(tqdm):  # type: ignore[misc,type-arg,unused-ignore]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

    folder = snapshot_download(
        model.name,
        allow_patterns=list(model.files),
        ignore_patterns=list(model.ignored),
        revision=revision,
        local_files_only=local_files_only,
        tqdm_class=Silent,
    )
    return Path(folder)


def _named_folder(model: Model) -> Path | None:
    with suppress(RuntimeError, OSError):  # ~somebody who has no home here, or too long a name
        folder = Path(model.name).expanduser()
        return folder if model.name.strip() and folder.is_dir() else None
    return None


def _cached_folder(model: Model) -> Path | None:
    from huggingface_hub import errors  # noqa: PLC0415 - heavy

    with suppress(errors.LocalEntryNotFoundError, errors.HFValidationError):
        folder = _snapshot(model, local_files_only=True)
        return None if (_storage(model) / _LINKING).exists() else folder
    return None


def _lacks(model: Model, folder: Path) -> list[str]:
    """What is not there: required files, and parts of the weights that an index names."""
    lacks = _unmet(model, lambda way: any(path.is_file() for path in folder.glob(way)))
    for index in folder.glob("*.index.json"):
        try:
            parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            lacks.append(f"a readable {index.name}")
        else:
            lacks += sorted(part for part in parts if _is_wanted(model, part) and not (folder / part).is_file())
    return lacks


def _unmet(model: Model, has: Callable[[str], bool]) -> list[str]:
    return [need.replace("|", " or ") for need in model.required if not any(map(has, need.split("|")))]


def _is_wanted(model: Model, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in model.files) and not any(fnmatchcase(name, pattern) for pattern in model.ignored)


def _incomplete(lacks: list[str]) -> Failed:
    return Failed("missing_files", f"lacks {', '.join(lacks)} on the hub. Choose another model.")
