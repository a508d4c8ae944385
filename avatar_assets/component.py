"""The stage as a Gradio component.

Python tells the page what happens by yielding small dicts (the shapes of `engines/api/wire.py`) into the component's value; the page tells
Python what the user does by the events named in `EVENTS_OF_THE_PAGE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from avatar_assets.served import PREFIX

EVENTS_OF_THE_PAGE = ("utterance", "greet", "stopped", "cleared", "persona")
_ON_LOAD = f"""/* events: {" ".join(repr(name) for name in EVENTS_OF_THE_PAGE)} */
import(new URL('{PREFIX}/page/page.mjs', document.baseURI))
  .then((page) => page.open({{ element, trigger, props, server, watch }}))
  .catch((error) => {{ element.textContent = 'The stage could not be loaded (' + error.message + '); reload the page.'; }});
"""


class Stage(gr.HTML):
    """The figure, its iframe, and the two-way line to the page.

    `status` is called by the page every few seconds; it returns who can be talked with and which engines work. `order` is called when
    somebody chooses an engine, stops its download or wants it tried again; it returns what is wrong with that.
    """

    def __init__(self, status: Callable[[], dict[str, Any]], order: Callable[[dict[str, Any]], dict[str, Any]], **options: Any) -> None:
        def state(_: Any) -> dict[str, Any]:  # Gradio marks the function and passes it one argument
            return status()

        def engine(data: Any) -> dict[str, Any]:
            return order(data if isinstance(data, dict) else {})

        super().__init__(
            value={"type": "hello"},
            html_template="<div class='stage-frame'></div>",  # static: a value inside a template would be evaluated
            js_on_load=_ON_LOAD,
            server_functions=[state, engine],
            **options,
        )

    def get_block_name(self) -> str:
        """Gradio's own front end draws it."""
        return "html"

    def preprocess(self, payload: Any) -> Any:
        """The page sends events, not values."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Dicts travel as they are."""
        return value

    def api_info(self) -> dict[str, Any]:
        """JSON schema of the value."""
        return {"type": "object"}
