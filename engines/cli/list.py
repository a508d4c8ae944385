"""List: the engines, and the state of each on this machine."""

from __future__ import annotations

import argparse

from engines.cli._shared.terminal import add_common, print_json, print_table
from engines.config.settings import load_settings
from engines.registry.registry import Registry
from engines.types import STAGES
from engines.weights import store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--profile FILE``, ``--json``."""
    add_common(parser, persona=False)


def run(arguments: argparse.Namespace) -> int:
    """List them, the preferred first."""
    settings = load_settings(arguments.profile)
    registry = Registry(settings)
    rows = []
    for stage in STAGES:
        here = {info.name: store.find(model, settings.weights) is not None for info, model in registry.wanted(stage)}
        for option in registry.options(stage):
            info, state = option.info, option.state
            weights = ("its weights are here" if here[info.name] else "fetches its weights first") if info.name in here else "works"
            words = f"{state.name} {state.detail}" if state.detail else weights
            about = {"stage": stage, "name": info.name, "title": info.title, "state": state.name, "detail": words}
            rows.append({**about, "models": list(info.models)})
    if arguments.json:
        print_json(rows)
    else:
        print_table(("stage", "engine", "state"), [(str(row["stage"]), str(row["name"]), str(row["detail"])) for row in rows])
    return 0
