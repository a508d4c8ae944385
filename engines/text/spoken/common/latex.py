"""LaTeX in a reply: formulas become plain signs (``√16``, ``x^2 ≤ 5``), which each language has words for."""

from __future__ import annotations

import re

_FORMULA = re.compile(
    r"\\\((?P<round>.{1,500}?)\\\)|\\\[(?P<square>.{1,500}?)\\\]|\$\$(?P<two>[^$]{1,500}?)\$\$"
    r"|(?<![\\$\w])\$(?=\S)(?P<one>(?=[^$\n]*[A-Za-z\\^_=])[^$\n]{1,200}?)(?<=\S)\$(?![\w$])",
    re.DOTALL,
)
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?|\\([%$#&_{} ,;:!])")
_SIGNS = dict(
    pair.split("=")
    for pair in """times=× cdot=× ast=× div=÷ pm=± mp=± leq=≤ le=≤ leqslant=≤ geq=≥ ge=≥ geqslant=≥ neq=≠ ne=≠ approx=≈ sim=≈ infty=∞ to=→
    rightarrow=→ Rightarrow=→ implies=→ mapsto=→ sum=∑ prod=∏ int=∫ partial=∂ degree=° circ=° in=∈ forall=∀ exists=∃ therefore=∴ propto=∝
    cup=∪ cap=∩ subset=⊂ lt=< gt=> ldots=… dots=… cdots=…""".split()
)
_GREEK = frozenset(
    """alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu
    nu xi pi rho sigma tau phi varphi chi psi omega""".split()
)
_TAKES_TEXT = frozenset("text textbf textit mathrm mathbf mathit mathbb mathcal operatorname boxed overline vec hat bar".split())
_SILENT = frozenset("left right big Big bigg quad qquad displaystyle limits begin end".split())
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_FRACTION = re.compile(rf"\\[dt]?frac ?(?:{_GROUP}|([0-9])) ?(?:{_GROUP}|([0-9]))")
_ROOT = re.compile(rf"\\sqrt ?(?:\[[^\]]*\])? ?(?:{_GROUP}|(\w))")


def without_latex(text: str) -> str:
    """The text with its formulas as plain signs; what is no formula stays as it is."""
    if "\\" not in text and "$" not in text:
        return text
    text = _FORMULA.sub(lambda found: _plain(next(filter(None, found.groups()), "")), text)
    return _plain(text, bare=True) if re.search(r"\\[A-Za-z]+ ?[{_^]|\\(?:leq?|geq?|times|cdot|neq?|pi|infty|pm)\b", text) else text


def _plain(formula: str, *, bare: bool = False) -> str:
    for _ in range(8):
        before = formula
        formula = _FRACTION.sub(lambda found: _over(found[1] or found[2] or "", found[3] or found[4] or ""), formula)
        formula = _ROOT.sub(lambda found: f"√{found[1] or found[2]}", formula)
        if formula == before:
            break
    formula = _COMMAND.sub(lambda found: _said(found, bare=bare), formula)
    if not bare:
        formula = re.sub(r"_\{?(\w+)\}?", r" \1", formula.replace("\\\\", " ").replace("*", "×"))
    return re.sub(r"\{([^{}]*)\}", r"\1", formula).strip() if not bare else re.sub(r"(?<=\^)\{([^{}]*)\}", r"\1", formula)


def _over(above: str, below: str) -> str:
    return f"{above}/{below}" if above.isdecimal() and below.isdecimal() else f"{above} ∕ {below}"


def _said(found: re.Match[str], *, bare: bool) -> str:
    name = found[1]
    if name is None:
        return found[2] if found[2] in "%$#&_" and not bare else found.group() if bare else " "
    if name in _SIGNS:
        return f" {_SIGNS[name]} "
    if name.lower() in _GREEK:
        return f" {name.removeprefix('var')} "
    if name in _SILENT or name in _TAKES_TEXT:
        return " "
    return found.group() if bare else f" {name} "
