"""Raced operations: eight pages do at once whatever users can do; none is stuck afterwards, and no conversation is mixed with another."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

from benchmarks.attack._app import end, verdict
from benchmarks.attack._stubs import PEOPLE, StubRegistry, stub_engines, tone, within
from engines.config.personas import PersonaBook
from engines.config.settings import Settings
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.service import ConversationService
from engines.events import TurnCompleted
from engines.types import Utterance

OPERATIONS, PAGES, THREADS_OF_EACH = 2_000, 8, 4
LIMIT_S = 20


def _romp(service: ConversationService, page: str, seed: int, count: int, people: list[str]) -> None:
    chance = random.Random(seed)  # noqa: S311 - it can be repeated
    for number in range(count):
        turn, other = f"{page}-{seed}-{number}", f"{page}-{seed}-{chance.randrange(count)}"
        some = chance.choice([0, 1, 3, 99])
        match chance.randrange(9):
            case 0:
                service.stop(page, PlaybackPosition(other, chance.randrange(-1, 3), chance.choice([0, 100, 1e9])))
            case 1:
                service.stop(page)
            case 2:
                service.clear(page)
            case 3:
                service.switch(page, chance.choice(people))
                list(itertools.islice(service.greet(page, turn), some))
            case 4:
                service.leave(page)
            case 5:
                guess = service.speculate(page, tone(), only_hear=chance.random() < 0.5)
                if chance.random() < 0.5:
                    guess.cancel()
                else:
                    list(itertools.islice(service.take_up(page, guess), some))
            case 6:
                list(itertools.islice(service.hear(page, tone(), turn), some))
            case 7:
                said = Utterance(text=f"I am {page}.")
                list(itertools.islice(service.answer(page, lambda said=said: said, turn, None, chance.choice(people)), some))
            case _:
                list(itertools.islice(service.say(page, f"I am {page}.", turn), some))


def main() -> None:
    """Race, then ask every page once more."""
    book = PersonaBook(PEOPLE)
    service = ConversationService(Settings(), StubRegistry(stub_engines()), book)  # type: ignore[arg-type]
    people, pages = list(book.all()), [f"page-{chr(97 + number)}" for number in range(PAGES)]
    each = OPERATIONS // PAGES // THREADS_OF_EACH + 1
    with ThreadPoolExecutor(PAGES * THREADS_OF_EACH) as threads:
        racing = [threads.submit(_romp, service, page, seed, each, people) for page in pages for seed in range(THREADS_OF_EACH)]
        done = within(300, lambda: [one.result() for one in racing])
    stuck = mixed = 0
    for page in pages:
        last = (within(LIMIT_S, lambda page=page: list(service.say(page, f"I am {page}."))) or [None])[-1]
        stuck += not isinstance(last, TurnCompleted)
        mixed += any(other in message.content for other in pages if other != page for message in service.conversation(page).window(999))
    end(
        verdict(
            f"raced operations: {stuck} of {PAGES} pages stuck after {each * len(racing)}", holds=not stuck and done is not None, goal="0"
        ),
        verdict(f"raced operations: {mixed} conversations mixed", holds=not mixed, goal="0"),
    )


if __name__ == "__main__":
    main()
