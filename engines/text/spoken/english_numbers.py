"""English numbers in words, in every way that is common: 1999 as a year and as a quantity."""

from __future__ import annotations

from collections.abc import Iterator

from num2words2 import num2words

NUMBER = r"(\d[\d,]*(?:\.\d+)?)(?:(st|nd|rd|th|'?s)(?![a-z]))?"
"""A number, and what makes an ordinal or a plural of it."""
_LONGEST = 15


def is_ordinal(suffix: str | None) -> bool:
    """Whether that is what follows a number like the 1 of 1st."""
    return suffix in {"st", "nd", "rd", "th"}


def readings(number: str, *, ordinal: bool) -> Iterator[str]:
    """Readings of what `NUMBER` found, the likeliest first."""
    plain = number.replace(",", "")
    whole = plain.partition(".")[0]
    if len(plain) > _LONGEST or (len(whole) > 1 and whole.startswith("0")):
        yield " ".join(num2words(int(digit)) for digit in plain if digit.isdigit())
    elif "." in plain:
        yield num2words(float(plain))
    else:
        if not ordinal and len(number) == 4 and 1100 <= int(plain) < 2100:
            yield num2words(int(plain), to="year")
            if int(plain) % 1000 >= 100 and int(plain) % 100:
                yield f"{num2words(int(plain[:2]))} hundred and {num2words(int(plain[2:]))}"
        said = num2words(int(plain), to="ordinal" if ordinal else "cardinal")
        yield said
        yield said.replace(" and ", " ")
