"""Which names of parameters are a token's, in code; and which other names say what a thing is."""

from __future__ import annotations

import re

__all__ = [
    "FRAME_NAMES", "HANDSHAKE", "HOLE", "IN_TEXT", "MAILED", "MENTIONS", "NAME", "NAMES", "ONCE",
    "PLACEHOLDER", "WORDS", "is_host_target", "is_name", "is_other_token", "mentions",
]  # fmt: skip

NAMES = (
    r"jwt|acpt|token|loginToken|(?:access|id|auth|oauth|session|refresh|api|private|personal)[_-]?token"
    r"|api[_-]?key|x-auth-token"
)
NAME = re.compile(
    rf"(?i)(?:(?<![A-Za-z0-9_-])|(?<=%s)|(?<=%v)|(?<=%d))(?:{NAMES})(?![A-Za-z0-9_-])"
)
"""Such a name, wherever it stands in code."""

MENTIONS = re.compile(rf"(?i){NAMES}".encode())
"""A file without any is not parsed."""

_SHORTEST = (b"token", b"jwt", b"acpt")  # names themselves; all others but api_key have one


def mentions(source: bytes) -> bool:
    """Whether a name of a token stands anywhere in *source*.

    >>> mentions(b"apiKey = 1"), mentions(b"key = 1")
    (True, False)
    """
    low = source.lower()  # thirty times as fast as the expression
    if any(name in low for name in _SHORTEST):
        return True
    return b"api" in low and MENTIONS.search(source) is not None


HOLE = "\x00"
"""Stands in a text for what is put in when the program runs."""

_PLACEHOLDER = (
    rf"(?:{HOLE}|%s|%v|%d|%\(\w+\)s|\{{\w*(?:![rs])?\}}|\$\{{?\w+\}}?|#\{{[^}}]*\}}|\{{\{{[^}}]*\}}\}}"
    r"|<%=?.*?%>|<\?=.*?\?>)"
)
PLACEHOLDER = re.compile(_PLACEHOLDER)
"""What a format puts something into."""

IN_TEXT = re.compile(
    rf"(?P<before>[?&;]|&amp;|\A|\s|[\"'({HOLE}])(?P<name>(?i:{NAMES}))="
    rf"(?P<value>(?:[Bb]earer(?:%20|[ +]))?{_PLACEHOLDER}|\Z)"
)
"""``?name=`` and what is put in, or nothing more: the value comes next."""

_EXACT = re.compile(rf"(?i:{NAMES})")


_OTHERS = re.compile(
    r"(?i)next|page|cursor|continu|\bsync|csrf|xsrf|captcha|device|push|fcm|pagination|previous"
)


def is_other_token(value: str) -> bool:
    """Whether *value*, by its own name, is another thing that is called a token.

    >>> is_other_token("next_page_token"), is_other_token("self.token")
    (True, False)
    """
    return _OTHERS.search(value[:80]) is not None


def is_name(text: str) -> bool:
    """Whether *text* is the name of a parameter for a token.

    >>> is_name("access_token"), is_name("pageToken")
    (True, False)
    """
    return _EXACT.fullmatch(text) is not None


# ---- what a name means by what is around it -------------------------------------------------

FRAME_NAMES = frozenset({"jwt", "acpt"})
"""The host itself puts these into the addresses of frames."""

WORDS = frozenset({"token"})
"""Words of other trades, too: of lexers, of mails that are good for one visit."""

ONCE = re.compile(
    r"(?i)reset[-_ ]?(?:your[-_ ]?)?pass|pass\w*[-_/]?reset|forgot|"
    r"(?:verify|confirm|validate)[-_/ ]?e?-?mail|e?mail[-_/ ]?(?:verif|confirm)|"
    r"\bconfirm(?:ation)?\b|[-_/]confirm|\bactivat|[-_/]activat|unsubscrib|"
    r"opt[-_]?(?:in|out)|\binvit|[-_/]invit|magic[-_ ]?link|\bcsrf|xsrf|captcha|double[-_]?opt"
)
"""What a token that is good for one visit is for."""

MAILED = re.compile(
    r"(?i)send_?mail|mailer|deliver_(?:now|later)|EmailMessage|MailMessage|MimeMessage|\bMail::|smtp|"
    r"MailableTemplate|toMail\b|email_body|\bmail\."
)
"""What sends mails."""

HANDSHAKE = re.compile(
    r"(?i)handshake|\bupgrade\b|\bwss?\b\.on|websocket(?!s?\.(?:connect|create_connection))|socket\.io|"
    r"\bsockjs|OnMessageReceived|ActionCable|text/event-stream|HandshakeInterceptor"
)
"""A connection that stays open is made: its address is written down as any other is."""

_HOST = re.compile(
    r"/rest/api/|/rest/|/wiki/|/secure/|atlassian\.net|atlassian\.com|/plugins/servlet|"
    r"(?i:jira|confluence)"
)


def is_host_target(text: str) -> bool:
    """Whether *text* says that a request goes to Jira or Confluence.

    >>> is_host_target('base + "/rest/api/3/myself"'), is_host_target("https://api.example")
    (True, False)
    """
    return _HOST.search(text) is not None
