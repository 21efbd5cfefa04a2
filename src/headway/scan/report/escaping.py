"""What came from a scanned file, made harmless for whoever reads the report."""

from __future__ import annotations

import re
from typing import Any

import msgspec

__all__ = [
    "as_json",
    "for_annotation",
    "for_cell",
    "for_markdown",
    "for_property",
    "for_terminal",
    "for_xml",
]

_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")


def for_terminal(text: str) -> str:
    r"""*text* without anything that a terminal obeys, or that changes how it reads.

    >>> for_terminal("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def for_cell(text: str) -> str:
    """*text* as a cell that no spreadsheet takes for a formula.

    >>> for_cell("=cmd|' /C calc'!A0")
    "'=cmd|' /C calc'!A0"
    """
    text = for_terminal(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def for_annotation(text: str) -> str:
    r"""The message of a workflow command of GitHub's: one line, and no command in it.

    >>> for_annotation("50%\n::stop-commands::x")
    '50%25%0A::stop-commands::x'
    """
    return for_terminal(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def for_property(text: str) -> str:
    """The value of a property of such a command."""
    return for_annotation(text).replace(":", "%3A").replace(",", "%2C")


def as_json(value: object) -> str:
    r"""*value* as JSON on one line, with nothing in it that a terminal obeys.

    The name of a file need not be text, which JSON is.

    >>> as_json({"path": "a\udcff\u2028.py"})
    '{"path":"a\\\\udcff\\u2028.py"}'
    """
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = msgspec.json.encode(_as_text(msgspec.to_builtins(value))).decode()
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_as_text(name): _as_text(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(each) for each in value]
    return value


def for_xml(text: str) -> str:
    """*text* without characters that XML 1.0 has not; a writer escapes the rest."""
    return _NO_XML.sub("\ufffd", text)


def for_markdown(text: str) -> str:
    r"""*text* as it stands, in Markdown.

    >>> for_markdown("](javascript:x)")
    '\\]\\(javascript:x\\)'
    """
    return _MARKDOWN.sub(r"\\\1", for_terminal(text))
