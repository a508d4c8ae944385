"""The lock of an accelerator: exclusive, fair, held for one step at a time."""

from __future__ import annotations

import threading

from engines.concurrency.locks import FairLock, exclusive

WAIT_S = 10


def test_engines_of_one_accelerator_share_a_lock_and_the_cpu_has_none():
    assert exclusive("mlx") is exclusive("mlx")
    assert exclusive("mlx") is not exclusive("cuda")
    with exclusive("cpu"), exclusive("cpu"):
        pass


def test_the_lock_is_given_in_the_order_it_was_asked_for():
    lock, order, waiting = FairLock(), [], []
    with lock:
        for name in range(5):
            queued = len(lock._waiting)

            def work(name=name):
                with lock:
                    order.append(name)

            thread = threading.Thread(target=work)
            thread.start()
            waiting.append(thread)
            while len(lock._waiting) == queued:
                pass
    for thread in waiting:
        thread.join(WAIT_S)
    assert order == [0, 1, 2, 3, 4]


def test_never_two_at_once():
    lock, inside, most = FairLock(), 0, 0

    def work():
        nonlocal inside, most
        for _ in range(200):
            with lock:
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert most == 1
