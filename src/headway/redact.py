"""Tokens and secrets out of any text, bytes or URL; everything around them stays as it is.

What a secret looks like is the table of :mod:`headway.secret_shapes`; the engine
here knows nothing of tokens.  It reads a text as it stands, and again
with its escapes undone (percent, JSON, HTML, Python), level after level, and maps
what it finds back to where it stood.  So no shape says anything about escapes, and
a value ends where the text's own level ends it: ``next=%3Ftoken%3Dx%26a%3D1``
loses ``x`` alone, ``token=x%26a`` loses ``x%26a``.

>>> redact("GET /panel?lang=en&token=xyzzy HTTP/1.1")
'GET /panel?lang=en&token=REDACTED HTTP/1.1'
"""

from __future__ import annotations

import copy
import logging
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from html import unescape
from typing import Any, Final
from urllib.parse import unquote_plus

from headway.secret_shapes import FIELD_NAMES, SHAPES, URL_NAMES

__all__ = [
    "LEVELS",
    "MARKER",
    "RedactingFilter",
    "contains_secret",
    "guard_handlers",
    "redact",
    "redact_bytes",
    "redact_url",
    "redact_values",
]

MARKER: Final = "REDACTED"
"""What stands in a secret's place: it needs no escape in a URL, JSON, HTML or shell."""

LEVELS: Final = 4
"""How many layers of escapes are undone: percent twice, in JSON, in HTML."""

# ---- escapes --------------------------------------------------------------------------------

_ESCAPE = re.compile(
    r"%[0-7][0-9A-Fa-f]"
    r"|\\(?:u00|x)[0-7][0-9A-Fa-f]"
    r"|\\[nrt\"'/\\]"
    r"|&(?:amp|apos|colon|equals|gt|lowbar|lt|num|period|quest|quot|sol"
    r"|#[xX]0{0,6}[0-7]?[0-9A-Fa-f]|#0{0,6}[0-9]{1,2}|#0{0,6}1[01][0-9]|#0{0,6}12[0-7]);"
)
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}


@lru_cache(maxsize=1024)
def _meaning(escape: str) -> str:
    """The one character that *escape* stands for; there are a few hundred, and they are kept."""
    if escape[0] == "&":
        return unescape(escape) or " "  # HTML knows no such control character
    if len(escape) > 2:
        return chr(int(escape[-2:], 16))
    return _SHORT.get(escape[1], escape[1])


def _plain(text: str) -> tuple[str, list[int], list[int]]:
    """*text* with one level of escapes undone; where in it, and in *text*, each one ended."""
    parts: list[str] = []
    inner, outer = [0], [0]
    for escape in _ESCAPE.finditer(text):
        parts += text[outer[-1] : escape.start()], _meaning(escape[0])
        inner.append(inner[-1] + escape.start() - outer[-1] + 1)
        outer.append(escape.end())
    parts.append(text[outer[-1] :])
    return "".join(parts), inner, outer


# ---- a look first, because nearly all texts hold nothing -------------------------------------

_ALL_NEEDLES = {needle for shape in SHAPES for needle in shape.needles}
_NEEDLES: Final = tuple(
    sorted(one for one in _ALL_NEEDLES if not any(two in one for two in _ALL_NEEDLES - {one}))
)
"""A text without any of these, in lower case, matches nothing, and names no secret."""

_LIVE: Final = re.compile(
    # a letter, a digit, or what else needles and escapes are made of
    r"%(?:[4-6][0-9a-f]|7[0-9a]|3[0-9b]|2[356d]"
    # what stands in needles only behind one of these words
    r"|(?<=sig%)(?:3d|2[27])|(?<=code%)3d)"
)
"""Escapes, in lower case, of which a needle or another escape can come to be."""


def _silent(text: str) -> bool:
    """Whether *text* surely holds no secret, and no parameter whose name says so.

    So a needle is neither in it nor in what it says with its escapes undone: a
    new one, and a new escape too, would have to hold a character that stood
    escaped before.  A backslash and a reference of HTML count as if they did.
    """
    lowered = text.lower()
    for needle in _NEEDLES:
        if needle in lowered:
            return False
    if "\\" in text or ("&" in text and ";" in text):
        return False
    return _LIVE.search(lowered) is None


# ---- text, bytes, URL -----------------------------------------------------------------------


def _spans(text: str, levels: int = LEVELS) -> Iterator[tuple[int, int]]:
    """Where the secrets of *text* stand, on each level; in no order, and they may overlap."""
    lowered = text.lower()
    for shape in SHAPES:
        for needle in shape.needles:
            if needle in lowered:
                yield from shape.find(text)
                break
    if not levels or not _ESCAPE.search(text):
        return
    plain, inner, outer = _plain(text)
    if _silent(plain):
        return
    for span in _spans(plain, levels - 1):
        before = [bisect_right(inner, place) - 1 for place in span]
        start, stop = (outer[i] + place - inner[i] for i, place in zip(before, span, strict=True))
        yield start, stop


def redact(text: str) -> str:
    r"""*text* with ``REDACTED`` for every secret; doing it again changes nothing.

    >>> print(redact(r'{"next": "https:\/\/h\/x?jwt=xyzzy\u0026a=1"}'))
    {"next": "https:\/\/h\/x?jwt=REDACTED\u0026a=1"}
    """
    if _silent(text):
        return text
    kept: list[str] = []
    end = 0
    for start, stop in sorted(_spans(text)):
        if start > end or not kept:
            kept.append(text[end:start])
        end = max(end, stop)
    return MARKER.join([*kept, text[end:]]) if kept else text


def redact_bytes(data: bytes) -> bytes:
    r"""The same for bytes in any encoding that keeps ASCII; invalid ones survive too.

    >>> redact_bytes(b"\xff?token=xyzzy")
    b'\xff?token=REDACTED'
    """
    return redact(data.decode("latin-1")).encode("latin-1")


def contains_secret(text: str) -> bool:
    """Whether :func:`redact` would change *text*.

    >>> contains_secret("token=xyzzy"), contains_secret("token=REDACTED")
    (True, False)
    """
    return redact(text) != text


_USER_INFO = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*+:)?//)[^/?#]+(?=@)")
_PARAMETER = re.compile(r"(?<=[?&#])([^=&#?]+)=([^&#]+)")
_NAME_OF_SECRET = re.compile(FIELD_NAMES, re.ASCII)
_NAME_IN_URL = re.compile(URL_NAMES, re.ASCII)


def redact_url(url: str) -> str:
    """*url* without its user info, and without the value of any parameter that the table names.

    The name decides, spelled in any way, whatever the value; then :func:`redact`.

    >>> redact_url("https://me@h/x?code=1&%6Awt=true&a=b")
    'https://REDACTED@h/x?code=REDACTED&%6Awt=REDACTED&a=b'
    """
    if "@" in url:
        url = _USER_INFO.sub(rf"\g<1>{MARKER}", url)
    if _silent(url):
        return url
    return redact(_PARAMETER.sub(_without_value, url))


def _without_value(parameter: re.Match[str]) -> str:
    name = parameter[1]
    for _ in range(LEVELS):
        if "%" in name or "+" in name:
            name = unquote_plus(name)
    return f"{parameter[1]}={MARKER}" if _NAME_IN_URL.fullmatch(name) else parameter[0]


def redact_values(value: Any) -> Any:
    """What came out of JSON, with every text and every member's name in it redacted.

    Unlike :func:`redact` over the JSON itself, this keeps the structure whatever
    the texts are; a member whose name says that it is a secret loses its text.

    >>> redact_values({"next": ["/x?jwt=xyzzy"], "sharedSecret": "xyzzy", "n": 1})
    {'next': ['/x?jwt=REDACTED'], 'sharedSecret': 'REDACTED', 'n': 1}
    """
    if isinstance(value, dict):
        return {redact(str(name)): _member(name, each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact_values(each) for each in value]
    return redact(value) if isinstance(value, str) else value


def _member(name: object, value: Any) -> Any:
    return _cleaned_member(name, value) if isinstance(value, str) else redact_values(value)


# ---- logs -----------------------------------------------------------------------------------

_STANDARD = frozenset(vars(logging.makeLogRecord({})))
_PARTS_ONLY = "uvicorn.access"  # its formatter shows the arguments, and fails without them
_HARMLESS = (int, float, complex, type(None))
_WITHHELD = "a log message was withheld: it could not be redacted"
_UNFIT = "(arguments withheld: they do not fit the message)"
_ATOM = re.compile(r"\{(.+)\}[ioe]")  # gunicorn: {authorization}i, {http_cookie}e


def _cleaned(value: object) -> object:
    """*value*, or a redacted text where its ``str`` or its ``repr`` shows a secret."""
    if isinstance(value, _HARMLESS):
        return value
    if isinstance(value, str):
        return redact(value)
    with suppress(Exception):  # either may raise anything
        for shown in (str(value), repr(value)):
            if contains_secret(shown):
                return redact(shown)
        return value
    return MARKER


def _cleaned_member(name: object, value: object) -> object:
    """*value*, where *name* may say that it is a secret."""
    if isinstance(value, str) and value and _NAME_OF_SECRET.fullmatch(_bare(name)):
        return MARKER
    return _cleaned(value)


def _bare(name: object) -> str:
    return _ATOM.sub(r"\1", str(name))


def _cleaned_args(args: object) -> object:
    """The arguments of a record in their own structure: formatters unpack it or look names up."""
    if isinstance(args, tuple):
        return tuple(map(_cleaned, args))
    if isinstance(args, Mapping):
        members = {name: _cleaned_member(name, value) for name, value in args.items()}
        if not isinstance(args, dict):
            return members
        same = copy.copy(args)  # gunicorn's answers "-" for what is missing
        same.update(members)
        return same
    return _cleaned(args)


class RedactingFilter(logging.Filter):
    """Takes tokens and secrets out of every record that passes; it lets all of them pass.

    It belongs on handlers (:func:`guard_handlers`): a filter on a logger is not
    asked for its children's records.  Message and arguments are redacted each in
    its place, so that the access formatters of uvicorn and gunicorn find what
    they unpack.  The traceback becomes text, and ``exc_info`` goes, or a
    formatter would print it anew.  It never raises: what can not be formatted
    can not be judged, and is withheld.

    >>> record = logging.makeLogRecord({"msg": "GET /x?token=%s", "args": ("xyzzy",)})
    >>> RedactingFilter().filter(record), record.getMessage()
    (True, 'GET /x?token=REDACTED')
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact *record* where it stands; always True."""
        done = False
        with suppress(Exception):  # a log call must not fail for what somebody logs
            _redact_record(record)
            done = True
        if not done:
            _withhold(record)
        return True


def _redact_record(record: logging.LogRecord) -> None:
    # (1) the traceback and the stack, as text
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    record.exc_info = None
    record.exc_text = record.exc_text and redact(record.exc_text)
    record.stack_info = record.stack_info and redact(record.stack_info)
    # (2) what a caller added
    for name in record.__dict__.keys() - _STANDARD:
        record.__dict__[name] = _cleaned_member(name, record.__dict__[name])
    # (3) the parts of the message, each in its place
    message = _message(record)
    parts = {"msg": _cleaned(record.msg), "args": _cleaned_args(record.args)}
    # (4) the message whole, where its parts hold no secret but together they do
    if message is None:
        parts = {"msg": f"{redact(str(record.msg))} {_UNFIT}", "args": ()}
    record.__dict__.update(parts)
    if record.name == _PARTS_ONLY:
        return
    shown = _message(record)
    if message is not None and (shown is None or contains_secret(shown)):
        record.msg, record.args = redact(message), ()


def _message(record: logging.LogRecord) -> str | None:
    """The message with its arguments; None where they do not fit."""
    with suppress(Exception):
        return record.getMessage()
    return None


def _withhold(record: logging.LogRecord) -> None:
    """Empty *record* of everything that may hold a secret."""
    record.msg, record.args = _WITHHELD, ()
    record.exc_info = record.exc_text = record.stack_info = None
    for name in record.__dict__.keys() - _STANDARD:
        del record.__dict__[name]


_FILTER = RedactingFilter()  # a handler takes one filter no more than once


def guard_handlers(logger: logging.Logger | None = None) -> None:
    """Put a :class:`RedactingFilter` on each handler of *logger*, by default the root's.

    Once is enough, twice is the same.  Call it after logging is set up, and for
    each logger with handlers of its own, such as ``uvicorn`` and ``uvicorn.access``.
    For the root, the handler of last resort is guarded too.

    >>> quiet = logging.Logger("quiet")
    >>> quiet.addHandler(logging.NullHandler())
    >>> guard_handlers(quiet)
    >>> [type(f).__name__ for f in quiet.handlers[0].filters]
    ['RedactingFilter']
    """
    handlers = list((logger or logging.getLogger()).handlers)
    if logger is None and logging.lastResort:
        handlers.append(logging.lastResort)
    for handler in handlers:
        handler.addFilter(_FILTER)
