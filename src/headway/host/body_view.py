"""From storage format to HTML that may be shown: links and pictures resolved, the rest cleaned.

Whatever leaves here went through a sanitiser with a list of what is allowed;
only the places of macros are filled afterwards, by whoever renders those.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from html import escape
from typing import NamedTuple
from xml.etree.ElementTree import Element

import nh3

from headway.host.storage_format import AC, MACRO, RI, Macro, macro_of, parse

__all__ = ["Links", "sanitised", "view"]

TAGS = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd"}
    | {"del", "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4"}
    | {"h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s"}
    | {"samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td"}
    | {"tfoot", "th", "thead", "time", "tr", "u", "ul", "var"}
)
ATTRIBUTES: Mapping[str, set[str]] = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "col": {"span"},
    "img": {"alt", "height", "src", "title", "width"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
NOTICES = {"info": "information", "note": "note", "tip": "tip", "warning": "warning"}
CLASSES: Mapping[str, set[str]] = {
    "div": {"panel", "confluence-information-macro", "confluence-unknown-macro"}
    | {f"confluence-information-macro-{kind}" for kind in NOTICES.values()},
    "span": {"confluence-userlink", "status-macro"},
    "ul": {"inline-task-list"},
}
"""The classes that bodies may use: none of the site's own, which a page's script looks for."""

SCHEMES = {"http", "https", "mailto"}
VOID = frozenset({"br", "col", "hr", "img"})


class Links(NamedTuple):
    """Where things are that a body names; each is None where there is no such thing."""

    page: Callable[[str, str | None], str | None]
    """The address of the page with this title, in the space with this key or the body's own."""

    file: Callable[[str], str | None]
    """The address of the file with this name that hangs on the page."""

    user: Callable[[str], str]
    """The name of an account, for people."""


def view(body: str, links: Links, render: Callable[[Macro], str | None]) -> str:
    """*body* as HTML.

    *render* makes the HTML of a macro that is not the site's own, which is
    taken as it is, or None for one that nobody knows.  Raises ValueError for a
    body that is not well formed.

    >>> links = Links(lambda title, space: None, lambda name: None, str)
    >>> view("<p onclick='x'>Hello<script>1</script></p>", links, lambda macro: None)
    '<p>Hello</p>'
    """
    return _Writer(links, render).html(parse(body))


def sanitised(html: str) -> str:
    """Somebody's HTML without anything that runs, loads, or looks like the site's own.

    >>> sanitised('<a href="javascript:x" class="hw-flag">a</a><iframe></iframe>')
    '<a rel="noopener noreferrer">a</a>'
    """
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        allowed_classes={tag: set(names) for tag, names in CLASSES.items()},
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )


class _Writer:
    """Writes elements; *places* are what is put in after cleaning."""

    def __init__(self, links: Links, render: Callable[[Macro], str | None]) -> None:
        self._links = links
        self._render = render
        self._places: dict[str, str] = {}
        self._elements: dict[str, Callable[[Element], str]] = {
            MACRO: self._macro,
            f"{AC}link": self._link,
            f"{AC}image": self._image,
            f"{AC}emoticon": lambda e: escape(e.get(f"{AC}emoji-fallback", "")),
            f"{AC}task-list": lambda e: f'<ul class="inline-task-list">{self._inner(e)}</ul>',
            f"{AC}task": lambda e: f"<li>{self._inner(e)}</li>",
            **{f"{AC}{name}": lambda e: f"<div>{self._inner(e)}</div>" for name in LAYOUT},
            **{f"{AC}{name}": lambda e: "" for name in SILENT},
        }

    def html(self, root: Element) -> str:
        """The whole body."""
        clean = sanitised(self._inner(root))
        for place, html in self._places.items():
            clean = clean.replace(place, html)
        return clean

    def _inner(self, element: Element) -> str:
        return escape(element.text or "") + "".join(
            self._element(child) + escape(child.tail or "") for child in element
        )

    def _element(self, element: Element) -> str:
        tag = element.tag
        if tag in self._elements:
            return self._elements[tag](element)
        if tag.startswith("{"):
            return self._inner(element)
        attributes = "".join(
            f' {name}="{escape(value)}"'
            for name, value in element.items()
            if not name.startswith("{")
        )
        closing = "" if tag in VOID else f"{self._inner(element)}</{tag}>"
        return f"<{tag}{attributes}>{closing}"

    # ---- links and pictures -----------------------------------------------------------------

    def _link(self, element: Element) -> str:
        target = next((child for child in element if child.tag.startswith(RI)), None)
        text = "".join(
            self._inner(child)
            for child in element
            if child.tag in (f"{AC}link-body", f"{AC}plain-text-link-body")
        )
        if target is not None and target.tag == f"{RI}user":
            name = self._links.user(target.get(f"{RI}account-id", ""))
            return f'<span class="confluence-userlink">{text or escape(name)}</span>'
        href, name = self._target(target)
        anchor = element.get(f"{AC}anchor", "")
        if href is None:
            return text or escape(name or anchor)
        return f'<a href="{escape(href)}">{text or escape(name)}</a>'

    def _image(self, element: Element) -> str:
        target = next((child for child in element if child.tag.startswith(RI)), None)
        href, name = self._target(target)
        if href is None:
            return escape(name)
        alt = element.get(f"{AC}alt", name)
        size = "".join(
            f' {side}="{escape(element.get(f"{AC}{side}", ""))}"'
            for side in ("width", "height")
            if element.get(f"{AC}{side}", "").isdigit()
        )
        return f'<img src="{escape(href)}" alt="{escape(alt)}"{size}>'

    def _target(self, target: Element | None) -> tuple[str | None, str]:
        """Where a link or a picture leads, and its name for people."""
        if target is None:
            return None, ""
        if target.tag == f"{RI}page":
            title = target.get(f"{RI}content-title", "")
            return self._links.page(title, target.get(f"{RI}space-key")), title
        if target.tag == f"{RI}attachment":
            name = target.get(f"{RI}filename", "")
            return self._links.file(name), name
        url = target.get(f"{RI}value", "")
        return (url or None), url

    # ---- macros -----------------------------------------------------------------------------

    def _macro(self, element: Element) -> str:
        macro = macro_of(element)
        if macro.name in OWN:
            rich = element.find(f"{AC}rich-text-body")
            inner = escape(macro.body) if rich is None else self._inner(rich)
            return OWN[macro.name](macro, inner)
        html = self._render(macro)
        if html is None:
            return f'<div class="confluence-unknown-macro">{escape(macro.name)}</div>'
        place = f"[{secrets.token_hex(16)}]"  # nobody can have written it before
        self._places[place] = html
        return f"<div>{place}</div>"


LAYOUT = ("layout", "layout-section", "layout-cell")
SILENT = ("placeholder", "task-id", "task-uuid", "task-status", "parameter")


def _notice(kind: str) -> Callable[[Macro, str], str]:
    classes = f"confluence-information-macro confluence-information-macro-{kind}"

    def write(macro: Macro, inner: str) -> str:
        return f'<div class="{classes}">{_title(macro)}{inner}</div>'

    return write


def _title(macro: Macro) -> str:
    title = macro.parameters.get("title", "")
    return f"<p><strong>{escape(title)}</strong></p>" if title else ""


def _expand(macro: Macro, inner: str) -> str:
    title = escape(macro.parameters.get("title", "") or "Click here to expand...")
    return f"<details><summary>{title}</summary>{inner}</details>"


OWN: Mapping[str, Callable[[Macro, str], str]] = {
    "code": lambda macro, inner: f"{_title(macro)}<pre>{inner}</pre>",
    "noformat": lambda macro, inner: f"{_title(macro)}<pre>{inner}</pre>",
    "panel": lambda macro, inner: f'<div class="panel">{_title(macro)}{inner}</div>',
    "expand": _expand,
    "excerpt": lambda macro, inner: inner,
    "status": lambda macro, inner: (
        f'<span class="status-macro">{escape(macro.parameters.get("title", ""))}</span>'
    ),
    **{name: _notice(kind) for name, kind in NOTICES.items()},
}
"""The macros that the site itself renders."""
