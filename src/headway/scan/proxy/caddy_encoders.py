"""What Caddy's encoders let through of a request: filters by field, from a Caddyfile or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec

from headway.scan.code.names import is_name
from headway.scan.proxy.caddyfile import Segment
from headway.scan.proxy.expressions import NotKnown, replaced
from headway.scan.proxy.traffic import Line, Sample
from headway.scan.proxy.trees import Tree

__all__ = ["Encoder", "Filter", "encoder_in", "encoder_of", "line_of", "text_of"]

_PLACEHOLDER = re.compile(r"\{([\w.>\[\]-]+)\}")
_GONE = frozenset({"delete", "replace", "hash", "ip_mask", "cookie"})


class Filter(msgspec.Struct, frozen=True):
    """What is done to a field: *kind*, and *args* by what the kind needs."""

    kind: str
    args: tuple[str, ...] = ()
    actions: tuple[tuple[str, str, str], ...] = ()  # of a query: what, parameter, value


class Encoder(msgspec.Struct, frozen=True):
    """How lines are written; *known*: all of it is understood."""

    fields: Mapping[str, Filter] = {}
    template: str | None = None
    known: bool = True


def encoder_in(block: Iterable[Segment]) -> Encoder | None:
    """The encoder that ``format`` in a ``log`` block says; None: Caddy's own, without a filter."""
    form = next((each for each in block if each.name == "format"), None)
    kind = form.words[1] if form is not None and len(form.words) > 1 else ""
    if form is None or kind in ("json", "console"):
        return None
    inside = form.block or []
    if kind == "append":
        return encoder_in(
            msgspec.structs.replace(each, words=["format", *each.words[1:]])
            for each in inside if each.name == "wrap"
        )  # fmt: skip
    if kind in ("transform", "formatted"):
        return Encoder(template=" ".join(form.words[2:]), known=False)
    if kind != "filter":
        return Encoder(known=False)
    return Encoder(_fields(inside))


def _fields(inside: Iterable[Segment]) -> dict[str, Filter]:
    """Filters by their fields: in a block of their own, or right in the encoder's."""
    fields: dict[str, Filter] = {}
    for each in inside:
        lines = (each.block or []) if each.name == "fields" else [each]
        for line in lines:
            if len(line.words) > 1 and line.name != "wrap":
                fields[line.name] = _filter(line)
    return fields


def _filter(line: Segment) -> Filter:
    actions = tuple(
        (inner.words[0], inner.words[1], inner.words[2] if len(inner.words) > 2 else "")
        for inner in line.block or [] if len(inner.words) > 1
    )  # fmt: skip
    return Filter(line.words[1], tuple(line.words[2:]), actions)


def encoder_of(tree: Tree | None) -> Encoder | None:
    """The same from JSON."""
    if tree is None:
        return None
    kind = next(iter(tree.texts("format")), "json")
    if kind in ("json", "console"):
        return None
    if kind == "append":
        return encoder_of(tree.get("wrap"))
    if kind != "filter":
        return Encoder(template=" ".join(tree.texts("template")) or None, known=False)
    fields = tree.get("fields")
    return Encoder({name: _of_json(each) for name, each in fields.items()} if fields else {})


def _of_json(each: Tree) -> Filter:
    kind = next(iter(each.texts("filter")), "")
    names = {"regexp": ("regexp", "value"), "rename": ("name",)}.get(kind, ("value",))
    actions = each.get("actions")
    return Filter(
        kind,
        tuple(" ".join(each.texts(name)) for name in names),
        tuple(
            (*(" ".join(action.texts(name)) for name in ("type", "parameter", "value")),)  # type: ignore[misc]
            for action in (actions.elements() if actions else ())
        ),
    )


def line_of(encoder: Encoder | None, sample: Sample) -> Line:
    """What a line has of *sample*: its address and its ``Referer``, as the fields let them."""
    encoder = encoder or Encoder()
    if encoder.template is not None:
        return Line(text_of(encoder.template, sample).text, sure=False)
    if not encoder.known:
        return Line(f"{sample.target} {sample.referer}", sure=False)
    out = Line("")
    for path, value in (
        (("request", "uri"), sample.target),
        (("request", "headers", "Referer"), sample.referer),
    ):
        line = Line(value)
        for depth in range(1, len(path) + 1):
            filtered = encoder.fields.get(">".join(path[:depth]))
            if filtered is not None:
                line = _filtered(filtered, line, whole=depth == len(path))
                if filtered.kind == "query" and path[1] == "headers":
                    line = Line(value, sure=not value)  # of headers by newer versions alone
        out += line
    return out


def _filtered(each: Filter, line: Line, *, whole: bool) -> Line:
    """*line* behind a filter; *whole*: of the field itself, not of what it is in."""
    if each.kind in ("delete", "replace") or (each.kind in _GONE and whole):
        return Line("", line.sure)
    if not whole or each.kind == "rename":
        return line
    if each.kind == "regexp" and each.args:
        try:
            template = each.args[1] if len(each.args) > 1 else ""
            return Line(replaced(each.args[0], line.text, template), line.sure)
        except NotKnown:
            return Line(line.text, sure=False)
    if each.kind == "query":
        return Line(_query(line.text, each.actions), line.sure)
    return Line(line.text, sure=False)


def _query(text: str, actions: Iterable[tuple[str, str, str]]) -> str:
    """As Caddy does: parameters by their decoded names, and the rest encoded anew."""
    path, mark, query = text.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    for action, name, value in actions:
        if action == "delete":
            pairs = [pair for pair in pairs if pair[0] != name]
        else:
            new = value if action == "replace" else "hashed"
            pairs = [(key, new if key == name else old) for key, old in pairs]
    return path + mark + urlencode(pairs)


def text_of(template: str, sample: Sample) -> Line:
    """*template* with its placeholders as they are for *sample*.

    >>> from headway.scan.proxy.traffic import What
    >>> text_of("{path} {uri}", Sample(What.QUERY, "/a?b")).text
    'x /a?b'
    """
    return Line(_PLACEHOLDER.sub(lambda found: _placeholder(found[1], sample), template))


def _placeholder(name: str, sample: Sample) -> str:
    short = name.removeprefix("http.request.").removeprefix("orig_").lower()
    if short in ("uri", "request>uri", "common_log", "uri_escaped"):
        return sample.target
    if short in ("uri.query", "query", "?query"):
        return sample.query
    if short.startswith(("header.referer", "request>headers>referer")):
        return sample.referer
    for start in ("uri.query.", "query."):
        if short.startswith(start) and is_name(short.removeprefix(start)):
            return sample.parameter(short.removeprefix(start))
    return "x"
