"""Well-formed text: without control characters and lone surrogates, the halves of a UTF-16 pair, which UTF-8 and JSON cannot hold.

JavaScript and servers that cut a stream between the halves of an emoji bring them in; whatever crosses a border is made well-formed.
"""

from __future__ import annotations

_CONTROLS = {code: " " if chr(code) in "\v\f\x85" else "" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


def well_formed(text: str) -> str:
    """The same text with pairs of surrogates joined and each lone one replaced by U+FFFD; of control characters, tab and newline remain."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.translate(_CONTROLS)


class SurrogateJoiner:
    """Streaming `well_formed`: a pair that is cut between two pieces is joined. `push` each piece, `finish` at the end."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, text: str) -> str:
        """Take the next piece; return what is certain: all but a first half at its end, whose other half may still come."""
        text, self._held = self._held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._held = text[:-1], text[-1]
        return well_formed(text)

    def finish(self) -> str:
        """The end of the stream; return what was held back."""
        text, self._held = self._held, ""
        return well_formed(text)
