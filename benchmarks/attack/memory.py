"""Memory: the worst that a single hostile request takes, fifty of them at once, and answers that nobody reads."""

from __future__ import annotations

import http.client
import io
import secrets
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
import psutil
import soundfile

from benchmarks.attack._app import MB, end, running, verdict
from engines.api.frames import frame
from engines.api.page_api import PREFIX

SINGLE_MB, FIFTY_MB, UNREAD_MB = 50, 300, 300
AT_ONCE, READERS = 50, 50


def noise(rate: int, seconds: float, kind: str) -> bytes:
    """A sound file that no codec makes small."""
    file = io.BytesIO()
    sound = np.random.default_rng(1).uniform(-0.9, 0.9, round(rate * seconds)).astype(np.float32)
    soundfile.write(file, sound, rate, format=kind)
    return file.getvalue()


def bodies(session: str, turn: str) -> dict[str, bytes]:
    """What an attacker sends."""
    fields = {"type": "utterance", "session": session, "turn": turn}
    deep = b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}"
    wide = b'{"a":[' + b"{}," * 30_000 + b"{}]}"
    return {
        "25 MB of nothing": frame(fields, bytes(24_900_000)),
        "a WAV of 24 MB": frame(fields, noise(44_100, 119, "WAV")[:24_900_000]),
        "a FLAC at 96 kHz": frame(fields, noise(96_000, 60, "FLAC")[:24_900_000]),
        "8 MB of PCM": frame({**fields, "sampleRate": 48_000}, bytes(7_900_000)),
        "JSON, nested": len(deep).to_bytes(4, "little") + bytes(4) + deep,
        "JSON, wide": len(wide).to_bytes(4, "little") + bytes(4) + wide,
        "300 MB": bytes(300_000_000),
    }


def send(host: str, body: bytes, path: str = f"/{PREFIX}/message") -> int:
    """The status of the answer."""
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request("POST", path, body)
        return connection.getresponse().status
    except OSError:  # it was refused before all of it was sent
        return 0
    finally:
        connection.close()


def open_stream(host: str, session: str) -> socket.socket:
    """A page that reads nothing."""
    body = frame({"session": session, "after": 0})
    link = socket.create_connection(host.split(":"), timeout=30)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.sendall(f"POST /{PREFIX}/stream HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    link.recv(1000)
    return link


def growth(process: psutil.Process, before: int, work: Callable[[], object]) -> float:
    """How many MB more than `before`, in bytes, the process has while something is done to it, at the most."""
    most, over = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.005):
            most = max(most, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    work()
    time.sleep(0.5)
    over.set()
    watching.join()
    return (most - before) / MB


def at_once(works: list[Callable[[], object]]) -> None:
    """Do all of it in threads, and wait for the end."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """One after another, each against the app right before it; then fifty of a kind at once."""
    held = []
    with running() as (address, process):
        host = urlsplit(address).netloc
        links = {secrets.token_hex(16): None for _ in range(AT_ONCE)}
        opened = [open_stream(host, session) for session in links]
        session = next(iter(links))
        harmless = frame({"type": "utterance", "session": session, "turn": "first"}, noise(16_000, 1, "WAV"))
        send(host, harmless)  # what decodes sound is loaded
        time.sleep(2)
        worst = ("", 0.0)
        for name in bodies("", ""):
            body, before = bodies(session, secrets.token_hex(8))[name], process.memory_info().rss
            grown = growth(process, before, lambda body=body: send(host, body))
            worst = max(worst, (name, grown), key=lambda one: one[1])
            print(f"attack: memory: {name}: {grown:.0f} MB", flush=True)
        held.append(
            verdict(f"memory: worst single request {worst[1]:.0f} MB ({worst[0]})", holds=worst[1] <= SINGLE_MB, goal=f"{SINGLE_MB} MB")
        )
        worst = ("", 0.0)
        for name in ("25 MB of nothing", "a WAV of 24 MB", "JSON, wide"):
            before, many = process.memory_info().rss, [bodies(session, secrets.token_hex(8))[name] for session in links]
            grown = growth(process, before, lambda many=many: at_once([lambda body=body: send(host, body) for body in many]))
            worst = max(worst, (name, grown), key=lambda one: one[1])
            del many
        held.append(
            verdict(f"memory: worst {AT_ONCE} at once {worst[1]:.0f} MB ({worst[0]})", holds=worst[1] <= FIFTY_MB, goal=f"{FIFTY_MB} MB")
        )
        greet = [frame({"type": "greet", "session": session, "turn": f"{number}"}) for session in links for number in range(40)]
        grown = growth(process, process.memory_info().rss, lambda: [send(host, body) for body in greet])
        held.append(
            verdict(f"memory: {len(greet)} greetings that nobody reads {grown:.0f} MB", holds=grown <= UNREAD_MB, goal=f"{UNREAD_MB} MB")
        )
        for link in opened:
            link.close()
    end(*held)


if __name__ == "__main__":
    main()
