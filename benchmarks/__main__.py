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
    """Run each benchmark in a process of its own, one after the other."""
    found = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name not in NOT_ALONE]
    found = [name for name in found if hasattr(importlib.import_module(f"benchmarks.{name}"), "main")]
    chosen = sys.argv[1:] or [*found, "peers"]
    for name in chosen:
        if name == "peers":
            _peers()
        elif name in found:
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, check=True)
        else:
            sys.exit(f"There is no benchmark called {name}; there is {', '.join([*found, 'peers'])}")


def _peers() -> None:
    if not PEER_BENCH.is_file():
        print("peers: peer-bench is not beside this checkout; not measured")
        return
    adapter = str(HERE / "peer_adapter.py")
    subprocess.run(
        [sys.executable, str(PEER_BENCH), "--ours", adapter, "--python", sys.executable, "--only", "ours"], cwd=HERE.parent, check=True
    )


if __name__ == "__main__":
    main()
