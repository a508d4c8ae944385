"""The fair lock: exclusive, and given in the order in which it was asked for."""

from __future__ import annotations

import threading
import time

from conftest import in_threads

from engines.concurrency.locks import FairLock

WAIT_S = 10


def test_the_lock_is_given_in_the_order_it_was_asked_for():
    lock, order, threads = FairLock(), [], []

    def work(name):
        with lock:
            order.append(name)

    with lock:
        for name in range(5):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            time.sleep(0.02)  # until it waits
    for thread in threads:
        thread.join(WAIT_S)
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_it_back_does_not_get_it_again_before_those_who_wait():
    lock, held, taken = FairLock(), threading.Event(), []

    def reply():
        for step in range(50):
            with lock:
                held.set()
                time.sleep(0.001)
                taken.append(step)

    def other():
        with lock:
            taken.append("other")

    threads = [threading.Thread(target=reply), threading.Thread(target=other)]
    threads[0].start()
    assert held.wait(WAIT_S)
    threads[1].start()
    for thread in threads:
        thread.join(WAIT_S)
    assert "other" in taken[:10]


def test_never_two_at_once():
    lock, inside, most = FairLock(), 0, 0

    def work():
        nonlocal inside, most
        for _ in range(200):
            with lock:
                inside += 1
                most = max(most, inside)
                inside -= 1

    in_threads(*[work] * 8)
    assert most == 1
