"""Each voice is given what a native says: the cases of `fixtures/said_cases.json`, by the phonemes that come out."""

import said
from requirements import requirement

AT_LEAST = 0.8
"""Share of the cases that pass, of all that a program can judge."""


@requirement("talk.speakable")
def test_every_voice_is_given_the_words_of_a_native() -> None:
    found = said.cases()
    for voice in said.VOICES:
        outcomes = list(said.outcomes(found, voice))
        failed = [f"{outcome.case['id']}: {outcome.came_out}" for outcome in outcomes if not outcome.passed]
        assert len(failed) <= (1 - AT_LEAST) * len(outcomes), "\n".join(failed)
