"""Characters that mean the same as a plainer one: full width, curly quotes, ligatures, digits of other scripts."""

from __future__ import annotations

import re
import unicodedata

_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF10, 0xFF5B) if chr(code).isalnum()}

LOOKALIKES = str.maketrans(
    {
        **_FULL_WIDTH,
        **dict(zip("％＋＝＆＠＃＜＞＄／＊＿｜＾＼～〜（）［］｛｝", "%+=&@#<>$/*_|^\\~~()[]{}", strict=True)),
        **dict(zip("￥￡µ№∗⋅∙⁄ℹ➜➔⇒⟶➡⟹≦≧∼", "¥£μ#*×·/i→→→→→→≤≥~", strict=True)),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‘’‚‛‹›ʼʻ′＇", "'"),
        **dict.fromkeys("‐‑⁃", "-"),
        **dict.fromkeys("―⸺⸻", "—"),
        **dict(zip("ﬁ ﬂ ‼ ⁉ ℃ ℉".split(), "fi fl !! !? °C °F".split(), strict=True)),
    }
)
"""Characters that mean the same as a plainer one."""
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")


def plain(text: str) -> str:
    """The text with every character of `LOOKALIKES` as the plainer one, and the decimal digits of all scripts as 0 to 9."""
    return _OTHER_DIGIT.sub(lambda found: str(unicodedata.decimal(found.group())), text.translate(LOOKALIKES))
