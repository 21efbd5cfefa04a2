"""Texts in forms: what a field shows of a text, and what came back of it.

A field shows a text with marks.  What it can not show it names, and keeps; who
leaves such a name out has to say that this is meant.  A text that somebody else
changed meanwhile is not overwritten.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from markupsafe import Markup

from headway.host.documents import Written, named, read, read_plain, write, write_plain
from headway.host.documents.html import html_of
from headway.host.documents.nodes import Node
from headway.host.shapes import plain_text

if TYPE_CHECKING:
    from headway.host.visit import Visit

__all__ = ["NOTHING", "Field", "Meanwhile", "Said", "field", "html", "said", "taken"]


class Meanwhile(ValueError):
    """Somebody else has changed the text."""


class Field(NamedTuple):
    """What a form shows of a text: *seal* says of which."""

    written: Written
    seal: str

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self.written.text

    @property
    def names(self) -> list[str]:
        """What the field can not show, as it is named there."""
        return named(self.written.text)


class Said(NamedTuple):
    """A text as it is kept: its words, and the document if it is more than words."""

    text: str
    document: Node | None = None


def field(text: str, document: Node | None = None) -> Field:
    r"""The field for a text, or for the document that it came as.

    >>> field("- no list").text
    '\\- no list'
    """
    return Field(write_plain(text) if document is None else write(document), seal([text, document]))


def seal(content: Any) -> str:
    """Tells one content from another."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:24]


NOTHING = field("")
"""The field for a new text."""


def html(document: Node) -> Markup:
    """A document as it is shown."""
    return Markup(html_of(document))  # noqa: S704 - it went through the sanitiser


def taken(visit: Visit, name: str, shown: Field) -> str | None:
    """What somebody has written into the field *name*; None where it is as it was shown.

    Raises ValueError where they left out what the field can not show and did
    not say so, Meanwhile where it is not what they saw.
    """
    source = visit.text(name)
    if source is None or source.strip() == shown.text.strip():
        return None
    if visit.form.get(f"{name}_seal", shown.seal) != shown.seal:
        raise Meanwhile(
            "Somebody else has changed this text meanwhile. Copy yours and open the page anew."
        )
    there = set(named(source))
    gone = [one for one in shown.names if one not in there]
    if gone and visit.form.get(f"{name}_drop") != "yes":
        raise ValueError(
            f"{', '.join(gone)} would be lost: this field can not show it. "
            "Put it back, or say below that it shall go."
        )
    return source


def said(visit: Visit, name: str, text: str = "", document: Node | None = None) -> Said | None:
    """The new text of the field *name*, None where it is as it was; raises as :func:`taken`.

    A text without marks stays plain, unless it came as a document.
    """
    shown = field(text, document)
    source = taken(visit, name, shown)
    if source is None:
        return None
    plain = read_plain(source) if document is None else None
    if plain is not None:
        return Said(plain)
    made = read(source, shown.written.kept)
    return Said(plain_text(made), made)
