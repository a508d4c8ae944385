"""Characters that mean the same as a plainer one: full width, curly quotes, ligatures, digits of other scripts."""

from __future__ import annotations

import sys
import unicodedata

_DIGITS = {
    character: str(unicodedata.decimal(character))
    for character in map(chr, range(0x80, sys.maxunicode + 1))
    if unicodedata.decimal(character, None) is not None
}
_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF10, 0xFF5B) if chr(code).isalnum()}

LOOKALIKES = str.maketrans(
    {
        **_DIGITS,
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
