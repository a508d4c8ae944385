"""Spoken forms that Spanish, Portuguese, Italian and French share: genders of small numbers, centuries in Roman numerals, hours."""

from __future__ import annotations

import re

from engines.text.spoken.common.language import Language, Rule, roman


class Romance(Language):
    """A Romance language."""

    feminine_ends: tuple[str, ...] = ("a", "as", "ción", "ción", "dad")
    masculine: frozenset[str] = frozenset()
    """Nouns that end like feminine ones."""
    one: tuple[str, str, str] = ("", "", "")
    """How "one" stands alone, before masculine and before feminine nouns."""
    century_words = ""
    rulers = ""
    """Names of kings and popes, behind which a Roman numeral is an ordinal …"""
    ruler_ordinals_to = 10
    """… up to this; above it is a cardinal."""
    feminine_rulers = "Isabel|Juana|Catalina|Elizabeth|Élisabeth|Catherine|Elisabetta|Caterina|Maria|María|Cristina|Margarita|Victoria"
    heads = ""
    """Words behind which a Roman numeral is a number: chapter, war."""

    def is_feminine(self, noun: str) -> bool:
        """A guess by the ending."""
        first = noun.split(" ", maxsplit=1)[0].lower()
        return first not in self.masculine and first.endswith(self.feminine_ends)

    def with_noun(self, number: str, noun: str) -> str:
        alone, masculine, feminine = self.one
        if noun and (number == alone or number.endswith((f" {alone}", f"y {alone}", f"{alone}"))):
            return number[: len(number) - len(alone)] + (feminine if self.is_feminine(noun) else masculine)
        return number

    def first_rules(self) -> tuple[Rule, ...]:
        def century(found: re.Match[str]) -> str:
            value = roman(found[2])
            return f"{found[1]}{self.century(value)}{found[3]}" if value else found.group()

        def ruler(found: re.Match[str]) -> str:
            value = roman(found[2])
            if not value:
                return found.group()
            feminine = bool(re.search(rf"(?:{self.feminine_rulers})$", found[1]))
            said = self.ruler(value, feminine=feminine)
            return f"{found[1]} {said}"

        def head(found: re.Match[str]) -> str:
            value = roman(found[2])
            return f"{found[1]} {self.cardinal(value)}" if value else found.group()

        rules = [
            (rf"(?<!\w)((?:{self.century_words}) )([IVXL]+)()(?!\w)", century),
            (rf"(?<!\w)()([IVXL]+)( (?:{self.century_words}))(?!\w)", century),
            (rf"(?<!\w)((?:{self.rulers})) ([IVX]+)(?!\w|'|\.\w)", ruler),
            (rf"(?<!\w)((?i:{self.heads})) ([IVXLC]+)(?!\w|'|\.\w)", head),
            (r"(?<!\w)([A-ZÀ-Ý][a-zà-ÿ]+) (I{2,3}|IV|VI{1,3}|IX|XI{1,3}|XIV|XVI{0,3})(?!\w|\.\w)", head),
        ]
        return (*self.own_rules(), *((re.compile(pattern), replace) for pattern, replace in rules))

    def own_rules(self) -> tuple[Rule, ...]:
        """The language's own rules, before those of the family."""
        return ()

    def century(self, value: int) -> str:
        """The number of a century."""
        return self.cardinal(value)

    def ruler(self, value: int, *, feminine: bool) -> str:
        """The number of a king or a pope."""
        if value > self.ruler_ordinals_to:
            return self.cardinal(value)
        said = self.ordinal(value)
        return re.sub(r"o$", "a", said) if feminine else said
