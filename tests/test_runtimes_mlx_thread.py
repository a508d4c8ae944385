"""The one thread in which MLX computes, and that a program which used it quits in peace."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from conftest import HOUSE

pytest.importorskip("mlx.core", reason="mlx is not installed: pip install -r requirements-engines.txt")

from engines.runtimes.mlx_thread import compute, steps


def name() -> str:
    return threading.current_thread().name


def test_everything_is_computed_in_one_thread_whoever_asks():
    names = [compute(name), compute(lambda: compute(name))]
    thread = threading.Thread(target=lambda: names.append(compute(name)))
    thread.start()
    thread.join(20)
    assert names == ["mlx"] * 3


def test_what_waits_to_be_computed_can_be_handed_on():
    import mlx.core as mx

    begun = compute(lambda: mx.arange(4) + 1)
    sums = []
    thread = threading.Thread(target=lambda: sums.append(compute(lambda: begun.sum().item())))
    thread.start()
    thread.join(20)
    assert sums == [10]


def test_an_error_reaches_whoever_asked_and_the_thread_goes_on():
    with pytest.raises(ZeroDivisionError):
        compute(lambda: 1 // 0)
    with pytest.raises(SystemExit):
        compute(sys.exit)
    assert compute(name) == "mlx"


def test_steps_are_made_one_by_one_there_and_end_when_left():
    made, ended = [], []

    def items():
        try:
            for at in range(10):
                made.append(name())
                yield at
        finally:
            ended.append(len(made))

    left = steps(items())
    assert [next(left), next(left)] == [0, 1]
    left.close()
    assert (made, ended) == (["mlx"] * 2, [2])
    assert list(steps(items())) == list(range(10))


def test_steps_pass_an_error_on():
    def items():
        yield 1
        raise ValueError("x")

    given = steps(items())
    assert next(given) == 1
    with pytest.raises(ValueError, match="x"):
        next(given)


_PROGRAM = """
import threading
import mlx.core as mx
from engines.runtimes.mlx_thread import compute
double = mx.compile(lambda x: x * 2)  # what is compiled is what a thread that ends trips over
threads = [threading.Thread(target=lambda: compute(lambda: double(mx.random.uniform(shape=(8, 8))).sum().item())) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(compute(lambda: mx.random.uniform().item()))
"""


def test_a_program_quits_in_peace_and_the_next_one_draws_other_numbers():
    runs = [
        subprocess.run([sys.executable, "-c", _PROGRAM], cwd=HOUSE, capture_output=True, text=True, check=False, timeout=60)
        for _ in range(2)
    ]
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 2
    assert runs[0].stdout != runs[1].stdout
