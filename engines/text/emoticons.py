"""Emoticons, kaomoji and shortcodes: faces drawn with letters and punctuation, found by their shape. They are shown, not spoken."""

from __future__ import annotations

import re

_START, _END = r"(?<![^\s(\"'.,!?…~])", r"(?=[\s)\"'.,!?…~]|$)"
_WESTERN = (
    rf"{_START}(?:[<>]?[:;]['’,]?[-o^]?(?:[)(DPpOo3|*@\]\[>}}{{$#sScCLbX]|[\\/](?!/))[)(]*|=-?[)(DPp3*/\\]+|[)(DO]['’]?-?[:;=]|[xX]D+|:'\(+){_END}"
    + r"|(?<=[^\W\d_])[:;]['’]?-?[)(DP]+(?=\s|$|[.!?,])"
)
_HEART = r"(?<![^\s])(?<!\b[a-zA-HJ-Z0-9] )(?<!\bis )(?<![=<>≤≥] )<[/\\]?3+(?=\s|$|[.,!?])"
_EYES = r"-^TtOoxXvVuU@*+>;~=QнДಠ•°´`"
_SAME_EYES = rf"{_START}\(?(?:([{_EYES}])[_.oOwωヮ▽д‿﹏-]{{1,3}}\1|\^+|>[_.]+<|>\.?<|[oO][_.][oO]|0_0|[<>^][_.][<>^]){_END}[;'\"oO]*\)?"
_KAOMOJI = (
    r"[\\/ヽ┐└╰ლ٩ʕ¯ノ╯╮╭┌┘ᕕᕗ~]{0,3}_?[(（](?=[^()（）\n]{2,16}[)）])(?=[^()（）]*[^\x00-\x7f])"
    r"(?![^()（）]*(?:[0-9]|[^\W\d_]{2}|[ ,]))(?=(?:[^()（）]*?[^\w\s()（）]){2})[^()（）]+[)）]_?"
    r"[\\/ヽ┐└╯ノ۶ᕗᕤ¯╭╮~;♡彡]{0,3}(?:︵\s?┻━┻)?"
)
_FLIPPED = r"\\o/|/o\\|(?<!\w)(?:orz|OTL)(?!\w)|ʕ[^ʕʔ\n]{1,10}ʔ"
_SHORTCODE = r"(?<![\w:]):[a-z][a-z0-9_+-]{1,30}:(?![\w:])"
_EMOTICON = re.compile("|".join(f"(?:{pattern})" for pattern in (_KAOMOJI, _WESTERN, _HEART, _SAME_EYES, _FLIPPED, _SHORTCODE)))


def without_emoticons(text: str) -> str:
    """The text without faces and hearts of letters and punctuation; a comparison (``x <3``), a time or a list stays."""
    return _EMOTICON.sub(" ", text)
