"""Issues: what a statement can be for or against."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import IssueError


@dataclass(frozen=True)
class Issue:
    """A question one can be for or against.

    Args:
        name: short key under which results are found, e.g. ``"sanctions"``.
        proposition: one declarative sentence, e.g. ``"Sanctions on Russia should be lifted."``.
            ``favor`` means for this sentence, ``against`` means against it.

    Raises:
        IssueError: if either is empty, is not text, or the name has spaces round it.
    """

    name: str
    proposition: str

    def __post_init__(self) -> None:
        for field, value in (("name", self.name), ("proposition", self.proposition)):
            if not isinstance(value, str) or not value.strip():
                raise IssueError(
                    f"an issue's {field} must be text that is not blank, got {value!r}; "
                    'type for example stance.Issue("sanctions", "Sanctions on Russia should be lifted.")'
                )
        if self.name != self.name.strip() or not self.name.isprintable():
            raise IssueError(
                f"an issue's name must be one printable line without spaces round it, got {self.name!r}; "
                f"type {''.join(c for c in self.name if c.isprintable()).strip()!r}"
            )


KEY_ISSUES: tuple[Issue, ...] = (
    Issue("crimea", "Crimea should be recognised as part of Russia."),
    Issue("nato", "Ukraine should become a member of NATO."),
    Issue("ceasefire", "The fighting should stop now."),
)
"""The issues that are asked when none is named; the shipped model was trained on others too."""


def resolve(issues: str | Issue | Iterable[str | Issue] | None, known: tuple[Issue, ...] = KEY_ISSUES) -> tuple[Issue, ...]:
    """Turn what a user gave as ``issues`` into a tuple of :class:`Issue`; None means all ``known``.

    Raises:
        IssueError: an unknown name, a name given twice, no issue at all, or another type.
    """
    if issues is None:
        return known
    if isinstance(issues, (str, Issue)):
        issues = [issues]
    if not isinstance(issues, Iterable):
        raise IssueError(f"issues must be names or stance.Issue objects, got {type(issues).__name__}")
    by_name = {issue.name: issue for issue in known}
    found: dict[str, Issue] = {}
    for item in issues:
        if isinstance(item, str):
            if item not in by_name:
                near = difflib.get_close_matches(item, by_name, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise IssueError(
                    f"unknown issue {item!r}; known: {', '.join(by_name)}. {hint}"
                    'An issue of your own is stance.Issue("name", "What one can be for or against.") '
                    'or, on the command line, --issues "name=What one can be for or against."'
                )
            item = by_name[item]
        elif not isinstance(item, Issue):
            raise IssueError(f"an issue must be a name or a stance.Issue, got {type(item).__name__}")
        if item.name in found:
            raise IssueError(f"two issues are named {item.name!r}; give each issue once, under a name of its own")
        found[item.name] = item
    if not found:
        raise IssueError(f"no issue given; known: {', '.join(by_name)}. Leave issues out to ask them all")
    return tuple(found.values())


def parse(text: str) -> str | Issue:
    """Read one command-line issue: a known name, or ``name=Proposition.``"""
    name, equals, proposition = text.partition("=")
    return Issue(name.strip(), proposition.strip()) if equals else text.strip()
