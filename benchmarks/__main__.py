"""Prints every number: `python -m benchmarks`, or only some: `python -m benchmarks start memory`; one with its options: `… real turn`."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEER_BENCH = HERE.parent.parent / "shared" / "peer-bench" / "bench_peers.py"
NOT_ALONE = {
    *("sound_events", "recordings", "real_hearing", "real_turn", "real_voice"),
    *("peer_adapter", "checkpoints", "stages", "turns", "echo_rooms", "__main__"),
}


def main() -> None:
    """Run each benchmark in a process of its own, one after the other; one that fails does not keep the others from running."""
    found = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name not in NOT_ALONE]
    if len(sys.argv) > 2 and sys.argv[1] in found and sys.argv[2] not in [*found, "peers"]:
        sys.exit(
            subprocess.run([sys.executable, "-m", f"benchmarks.{sys.argv[1]}", *sys.argv[2:]], cwd=HERE.parent, check=False).returncode
        )
    chosen = sys.argv[1:] or [*found, "peers"]
    if unknown := set(chosen) - {*found, "peers"}:
        sys.exit(f"There is no benchmark called {', '.join(sorted(unknown))}; there is {', '.join([*found, 'peers'])}")
    failed = [name for name in chosen if not (_peers() if name == "peers" else _ran([sys.executable, "-m", f"benchmarks.{name}"]))]
    if failed:
        sys.exit(f"Missed a target or did not run to the end: {', '.join(failed)}")


def _peers() -> bool:
    if not PEER_BENCH.is_file():
        print("peers: peer-bench is not beside this checkout; not measured")
        return True
    command = [sys.executable, str(PEER_BENCH), "--ours", str(HERE / "peer_adapter.py"), "--python", sys.executable]
    if not (PEER_BENCH.parent / "venv").is_dir():
        print("peers: the other frameworks are not installed (peer-bench's README tells how); ours is measured alone")
        command += ["--only", "ours"]
    return _ran([*command, "--out", str(Path(tempfile.gettempdir()) / "visavis-peers.json")])


def _ran(command: list[str]) -> bool:
    return subprocess.run(command, cwd=HERE.parent, check=False).returncode == 0


if __name__ == "__main__":
    main()
