"""Prints every number: `python -m benchmarks`, or only some: `python -m benchmarks start memory`."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEER_BENCH = HERE.parent.parent / "shared" / "peer-bench" / "bench_peers.py"
NOT_ALONE = {"peer_adapter", "__main__"}


def main() -> None:
    """Run each benchmark in a process of its own, one after the other; one that fails does not keep the others from running."""
    found = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name not in NOT_ALONE]
    found = [name for name in found if hasattr(importlib.import_module(f"benchmarks.{name}"), "main")]
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
    adapter = str(HERE / "peer_adapter.py")
    return _ran([sys.executable, str(PEER_BENCH), "--ours", adapter, "--python", sys.executable, "--only", "ours"])


def _ran(command: list[str]) -> bool:
    return subprocess.run(command, cwd=HERE.parent, check=False).returncode == 0


if __name__ == "__main__":
    main()
