"""Special tokens in plain text: what somebody says must not pass for the marks by which a chat template tells roles apart.

Tokenizers find their special tokens anywhere in a prompt, and servers ask for no permission. Which tokens a model has is unknown here, but
all families write them alike: in brackets of one kind, without a space behind the first.
"""

from __future__ import annotations

import re

_OPENINGS = re.compile(
    r"""[<＜﹤] (?=[^\s\d=\-<＜﹤])            # <|im_end|>  <｜User｜>  </s>  <start_of_turn>  <think>  <turn|>
      | \[ (?=/?\w*[A-Z]{2}\w*\] | \w?~)      # [INST]  [/INST]  [TOOL_CALLS]  [gMASK]  [e~[
      | \] (?=~)                              # ]~b]  ]~!b[
      | ◁ (?=\S)                              # ◁think▷
      | >> (?=[A-Z]\w*<<)                     # >>QUESTION<<
    """,
    re.VERBOSE,
)


def without_special_tokens(text: str) -> str:
    """The same text with a space behind every bracket that could open a special token: ``<|im_end|>`` becomes ``< |im_end|>``.

    Comparisons (``a < b``, ``x<5``), hearts (``<3``) and stage directions (``[smile]``) stay as they are.
    """
    return _OPENINGS.sub(r"\g<0> ", text)
