r"""``--fix`` for Python: a token out of the query of a request, into its ``Authorization`` header.

>>> source = 'import requests\nrequests.get(url, params={"jwt": token})\n'
>>> mended = mend(source, [Place(2, 27)])
>>> print(mended.text, end="")
import requests
requests.get(url, headers={"Authorization": f"JWT {token}"})
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import libcst as cst

from headway.scan.code.constants import constants_in
from headway.scan.code.names import NAMES, is_name
from headway.scan.fix.edits import Edit, composed, edited, meet, moved, patch_of
from headway.scan.fix.literals import holds_token
from headway.scan.fix.plans import Plan, plan
from headway.scan.fix.schemes import scheme_of
from headway.scan.fix.syntax import Source, Unfixable, check_source

__all__ = ["Mended", "Place", "Step", "mend"]

_ROUNDS_MAX = 20


class Place(NamedTuple):
    """Where code sends a token: line and column, from 1."""

    line: int
    column: int


class Step(NamedTuple):
    """What came of one place: "" for mended, else why a person has to do it."""

    place: Place
    why: str = ""


class Mended(NamedTuple):
    """The text after all of it, the edits that lead there, and a step for each place."""

    text: str
    edits: tuple[Edit, ...]
    steps: tuple[Step, ...]


def mend(text: str, places: Sequence[Place]) -> Mended:
    """Mend *text* at *places*; what a person has to mend stays as it is, with the reason."""
    # (1) where each place stands, in characters
    try:
        source = _source(text)
    except Unfixable as error:
        return Mended(text, (), tuple(Step(place, str(error)) for place in places))
    left = [(source.offset(place.line, place.column - 1), place) for place in places]
    steps: list[Step] = []
    whole: list[Edit] = []
    for _ in range(_ROUNDS_MAX):
        # (2) what does not touch each other is done together
        done: list[Edit] = []
        touched: set[str] = set()
        later: list[tuple[int, Place]] = []
        for at, place in left:
            try:
                edits, touches = _planned(source, at)
            except Unfixable as error:
                steps.append(Step(place, str(error)))
                continue
            if meet(edits, done) or touched & touches:
                later.append((at, place))
            else:
                done += edits
                touched |= touches
                steps.append(Step(place))
        if not done:
            break
        # (3) the rest is looked at anew, in the text as it is then
        whole, after = composed(len(text), whole, done), edited(source.text, done)
        try:
            check_source(after)
            left = [*_left(later, done, steps)]
            if not left:
                return Mended(after, tuple(whole), tuple(steps))
            source = Source(after)
        except Unfixable as error:
            return Mended(text, (), tuple(Step(place, str(error)) for place in places))
    return Mended(source.text, tuple(whole), tuple(steps))


def _left(
    later: Sequence[tuple[int, Place]], done: Sequence[Edit], steps: list[Step]
) -> Iterator[tuple[int, Place]]:
    """The places that are still to do, where they are after *done*."""
    for at, place in later:
        now = moved(at, done)
        if now is None:
            steps.append(Step(place, "its code was taken out together with another token"))
        else:
            yield now, place


@lru_cache(maxsize=1)  # each finding of a file asks for it
def _source(text: str) -> Source:
    return Source(text)


def _planned(source: Source, at: int) -> Plan:
    """The edits for one place.  Raises Unfixable for what they would break."""
    node = source.at(at)
    names = names_at(source, node) if node is not None else []
    if node is None or not names:
        raise Unfixable("no parameter is named there")
    name = next((each for each in names if scheme_of(each) is not None), names[0])
    found = plan(source, node, name)
    edits = sorted(found.edits)
    for one, two in pairwise(edits):
        if two.start < one.end:
            raise Unfixable("its parts are too close together")
    if holds_token(patch_of(source.text, edits)):
        raise Unfixable("a token itself stands in these lines: take it out, and have it replaced")
    return found


_IN_TEXT = re.compile(rf"(?i)(?<![A-Za-z0-9_-])({NAMES})=")


def names_at(source: Source, node: cst.CSTNode) -> list[str]:
    """The parameters that *node* names: a string that is one or has some, a constant, a keyword."""
    if isinstance(node, cst.Name):
        value = node.value if is_name(node.value) else constants_in(source.text).get(node.value, "")
        return [value] if is_name(value) else []
    if isinstance(node, cst.SimpleString) and is_name(str(node.evaluated_value)):
        return [str(node.evaluated_value)]
    start, end = source.span(node)
    return _IN_TEXT.findall(source.text[start:end])
