"""The stage as a Gradio component: a static frame, and the script that opens the page in it."""

from __future__ import annotations

import gradio as gr

from avatar_assets.served import PREFIX

_ON_LOAD = f"""
import(new URL('{PREFIX}/page/page.mjs', document.baseURI))
  .then((page) => page.open(element.querySelector('.stage-frame')))
  .catch((error) => {{ element.textContent = 'The stage could not be loaded (' + error.message + '); reload the page.'; }});
"""


def stage_frame() -> gr.HTML:
    """The figure, its iframe, and the page's link to Python: `web/page/page.mjs`."""
    return gr.HTML("<div class='stage-frame'></div>", js_on_load=_ON_LOAD, elem_id="stage")
