"""Channel and cancel token: order, bounds, closing from both sides."""

from __future__ import annotations

import threading

from engines.concurrency.channel import CancelToken, Channel

WAIT_S = 10


def test_items_come_in_order_and_an_empty_list_ends_them():
    channel = Channel(8)
    for item in range(5):
        assert channel.put(item)
    channel.close()
    assert channel.get() == [0, 1, 2, 3, 4]
    assert channel.get() == []
    assert not channel.put(9)


def test_a_full_channel_holds_its_producer_until_there_is_room():
    channel, done = Channel(2), threading.Event()

    def produce():
        for item in range(5):
            channel.put(item)
        done.set()

    threading.Thread(target=produce, daemon=True).start()
    assert not done.wait(0.1)
    taken = []
    while len(taken) < 5:
        taken += channel.get()
    assert taken == [0, 1, 2, 3, 4]
    assert done.wait(WAIT_S)


def test_closing_wakes_a_blocked_producer_and_a_blocked_consumer():
    full, empty, results = Channel(1), Channel(1), []
    full.put(0)
    threads = [threading.Thread(target=lambda: results.append(full.put(1))), threading.Thread(target=lambda: results.append(empty.get()))]
    for thread in threads:
        thread.start()
    full.close(discard=True)
    empty.close()
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(map(str, results)) == ["False", "[]"]
    assert full.get() == []


def test_cancel_tells_everyone_once_even_those_who_ask_late():
    cancel, told = CancelToken(), []
    cancel.on_cancel(lambda: told.append("early"))
    assert not cancel.cancelled
    cancel.cancel()
    cancel.cancel()
    cancel.on_cancel(lambda: told.append("late"))
    assert cancel.cancelled
    assert told == ["early", "late"]
