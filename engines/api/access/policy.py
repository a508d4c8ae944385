"""Access policy: one rule for each route, whoever serves it. What no rule names is not there (404)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from starlette.routing import compile_path
from starlette.types import Scope

WEBSOCKET = "WEBSOCKET"
"""The method of an opening WebSocket."""
READ = ("GET", "HEAD")


class Who(Enum):
    """Who may ask for a route. Programs that are no browsers may do what pages may."""

    ANYBODY = "anybody"
    """Also whoever follows a link on another website, or is shown the page inside one."""
    OWN_PAGE = "own page"
    """Nothing that another website sends through a visitor's browser."""
    PROGRAM = "program"
    """A program or page of this machine; from elsewhere, a program with a token."""
    NOBODY = "nobody"
    """Closed: as if it were not there."""


@dataclass(frozen=True)
class Rule:
    """One line of the policy."""

    path: str
    """The route's path as Starlette writes it: ``/visavis/{path:path}``."""
    methods: tuple[str, ...] = READ
    """HTTP methods, or `WEBSOCKET`; those of a closed route do not matter."""
    who: Who = Who.OWN_PAGE
    most_bytes: int = 0
    """Largest body of a request."""
    stays_open: bool = False
    """Whether the response goes on for as long as somebody is there, so that such are counted."""


def closed(*paths: str) -> tuple[Rule, ...]:
    """Rules for routes that nobody needs."""
    return tuple(Rule(path, (), Who.NOBODY) for path in paths)


def below_prefix(scope: Scope) -> str:
    """The path of a request below the prefix that a proxy has stripped."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(prefix) if prefix and path.startswith(f"{prefix}/") else path


class Policy:
    """The rules of one server."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._open = [rule for rule in self.rules if rule.who is not Who.NOBODY]
        self._exact = {(method, rule.path): rule for rule in self._open if "{" not in rule.path for method in rule.methods}
        self._patterns: list[tuple[re.Pattern[str], Rule]] = [(compile_path(rule.path)[0], rule) for rule in self._open if "{" in rule.path]

    def rule(self, method: str, path: str) -> Rule | None:
        """The rule of a request, None where it is not served."""
        if rule := self._exact.get((method, path)):
            return rule
        return next((rule for pattern, rule in self._patterns if method in rule.methods and pattern.match(path)), None)

    def methods(self, path: str) -> list[str]:
        """Those that are served at that path."""
        exact = {method for method, known in self._exact if known == path}
        return sorted(exact.union(*(rule.methods for pattern, rule in self._patterns if pattern.match(path))))

    def names(self, path: str) -> bool:
        """Whether a line of the policy is about the route of exactly that path, be it open or closed."""
        return any(rule.path.rstrip("/") == path.rstrip("/") for rule in self.rules)
