"""Which tests run, and on which of pytest-xdist's workers: a plugin of this suite, on top of the groups of `groups.py`."""

from __future__ import annotations

from pathlib import Path

import groups
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--all`` runs the groups too whose inputs have not changed since they last passed, ``--group`` one of them and nothing else."""
    parser.addoption("--all", action="store_true", help="run every group of tests, and note in tests/passed.json that they passed")
    parser.addoption("--group", action="append", choices=[*groups.GROUPS], help="run only this group of tests, and note that it passed")


def _left_out(config: pytest.Config) -> list[str]:
    """The groups that need not run; none where tests were named on the command line."""
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist does what the controller decided
        return list(config.workerinput["left_out"])
    if config.getoption("--all") or config.getoption("--group") or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return []
    return sorted(groups.unchanged())


class _Workers:
    """Tells pytest-xdist's workers what the controller decided."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: object) -> None:
        node.workerinput["left_out"] = _left_out(node.config)  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    """Register the word to the workers."""
    config.pluginmanager.register(_Workers())


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which groups are left out."""
    return [f"left out, for nothing of it has changed since it passed (--all runs it too): {name}" for name in _left_out(config)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out groups, begin with the browser, and keep each file on one worker; a worker starts one app and one Chromium at the most."""
    left_out, only = set(_left_out(config)), config.getoption("--group")
    kept, dropped = [], []
    for item in items:
        group = groups.group_of(f"tests/{Path(item.path).name}")
        (dropped if group in left_out or (only and group not in only) else kept).append(item)
        item.add_marker(pytest.mark.xdist_group(Path(item.path).stem))
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = sorted(kept, key=lambda item: not Path(item.path).name.startswith("test_browser"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a run that passed, note with what the groups passed that it ran whole."""
    passed = groups.GROUPS if session.config.getoption("--all") else session.config.getoption("--group")
    if exitstatus == 0 and passed and not hasattr(session.config, "workerinput"):
        groups.note(passed)
