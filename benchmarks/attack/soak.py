"""Soak: pages of 200 turns each, typed, spoken, stopped and refused; memory, threads, processes, files and descriptors stay."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.attack._app import MB, end, running, verdict
from benchmarks.attack._stubs import Tab, tone
from engines.audio import to_pcm16, to_wav

TURNS, PAGE_TURNS, WARM = 1_000, 200, 600
"""Turns that are measured, those of one page, and those before: by then pools of threads and of memory are as large as they become."""
ENDS = ("completed", "interrupted", "failed")


class Held(NamedTuple):
    """What a process holds."""

    mb: float
    threads: int
    processes: int
    descriptors: int
    files: int

    @classmethod
    def by(cls, app: psutil.Process, folder: Path) -> Held:
        """Now, after what is over has gone."""
        time.sleep(3)
        children = app.children(recursive=True)
        mb = sum(process.memory_info().rss for process in (app, *children)) / MB
        files = sum(len(names) for _, _, names in os.walk(folder))
        return cls(mb, app.num_threads(), len(children), app.num_fds(), files)


def _turn(tab: Tab, number: int) -> bool:
    """One turn; whether it ended as it should."""
    turn = f"t-{number}"
    match number % 5:
        case 0:
            tab.send("utterance", to_pcm16(tone(300)), turn=turn, sampleRate=16_000)
        case 1:
            tab.send("utterance", to_wav(tone(300)), turn=turn)
        case 2:
            tab.send("utterance", b"no sound", turn=turn)
        case _:
            tab.send("utterance", turn=turn, text=f"Tell me of wolves, number {number}.")
    if number % 5 == 3:
        tab.until("started")
        tab.send("stopped", turn=turn, index=0, ms=100)
    if number % 100 == 99:
        tab.send("cleared")
    return tab.until(*ENDS)[-1]["turn"] == turn


def main() -> None:
    """All turns in one conversation, which is begun anew now and then."""
    with tempfile.TemporaryDirectory() as folder, running(VISAVIS_LLM="scripted", TMPDIR=folder) as (address, app):
        good, held = 0, list[Held]()
        for first in range(0, WARM + TURNS, PAGE_TURNS):
            tab = Tab(address)
            tab.open()
            for number in range(first, first + PAGE_TURNS):
                good += _turn(tab, number)
                if number % 100 == 50:
                    tab.close()
                    tab.open()
            tab.send("leave")
            held.append(Held.by(app, Path(folder)))
            print(f"attack: soak: {held[-1]} after {first + PAGE_TURNS} turns", flush=True)
    before, after = held[WARM // PAGE_TURNS - 1], held[-1]
    left = len(list(Path(folder).iterdir())) if Path(folder).exists() else 0
    growth = after.mb - before.mb
    same = all(now <= then for now, then in zip(after[1:], before[1:], strict=True))
    end(
        verdict(f"soak: {good} of {WARM + TURNS} turns ended as they should", holds=good == WARM + TURNS, goal="all"),
        verdict(f"soak: memory grew by {growth:.1f} MB in {TURNS} turns", holds=growth < 10, goal="under 10 MB"),
        verdict("soak: threads, processes, descriptors and files as before", holds=same and not left, goal="none left"),
    )


if __name__ == "__main__":
    main()
