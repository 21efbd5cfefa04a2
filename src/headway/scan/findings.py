"""What the scan says: a finding names place, rule and what to do, and never the token."""

from __future__ import annotations

import hmac
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec.structs import force_setattr

from headway.redact import MARKER
from headway.scan.hits import found_in_line
from headway.scan.tokens import TokenKind

__all__ = [
    "Confidence",
    "Finding",
    "Fingerprints",
    "Fix",
    "Place",
    "Replacement",
    "Severity",
    "Unread",
    "shown_path",
]


@lru_cache(maxsize=1_024)
def shown_path(path: str) -> str:
    """*path* as reports name it: a file that was saved from an address may be called like it.

    >>> shown_path("saved/page?jwt=eyJhbGciOiJub25lIn0.e30.&a=1")
    'saved/page?jwt=REDACTED&a=1'
    """
    name = path.encode("utf-8", "surrogatepass")
    spans = sorted((token.start, token.end) for token, _, _ in found_in_line(name))
    for start, end in reversed(spans):
        name = name[:start] + MARKER.encode() + name[end:]
    return name.decode("utf-8", "surrogatepass") if spans else path


class Severity(StrEnum):
    """How much harm it does."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Confidence(StrEnum):
    """How sure the scan is that it is what the rule says."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where it stands.

    ``path`` is as it was named or found, without a token that stands in it; ``-`` is standard
    input.  Lines and
    columns count from 1, columns in characters of code and in bytes of anything
    else; ``offset`` in bytes from 0, of what was decompressed.  ``within`` names
    the part: ``url``, ``referer``, ``redirect``, ``text``, a table, a member.
    """

    path: str
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    offset: int | None = None
    within: str = ""

    def __post_init__(self) -> None:
        force_setattr(self, "path", shown_path(self.path))

    def __str__(self) -> str:
        numbers = [str(each) for each in (self.line, self.column) if each is not None]
        if self.line is None and self.offset is not None:
            numbers = [f"+{self.offset}"]
        return ":".join([self.path, *numbers])


class Replacement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands from one place to another, and what is suggested to stand there.

    Lines and columns count from 1, columns in characters; the end is behind it.  *path* is
    "" for the file of the finding.
    """

    path: str = ""
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class Fix(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What would mend it: a unified diff, and the same as replacements.

    ``automatic``: ``--fix`` does it, too.
    """

    patch: str
    replacements: tuple[Replacement, ...]
    automatic: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing found.

    ``rule`` is the rule's id.  ``issuer`` and ``until`` (seconds since 1970) are
    what a token claims of itself, unverified.  ``sample`` is what stands
    there, without any token.  ``fingerprint`` is the same for the same token (or code)
    under the same rule in the same file, wherever in it.  ``context`` is what else is
    known: client, route, day.
    """

    rule: str
    severity: Severity
    confidence: Confidence
    place: Place
    message: str
    kind: TokenKind | None = None
    issuer: str | None = None
    until: float | None = None
    fingerprint: str = ""
    sample: str = ""
    context: dict[str, str] = {}
    fix: Fix | None = None


class Unread(msgspec.Struct, frozen=True, gc=False):
    """What could not be looked at, and why; *partly*: only its rest could not."""

    path: str
    why: str
    partly: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "path", shown_path(self.path))


class Fingerprints:
    """Makes fingerprints with *key*, which no report holds: 96 bits of HMAC-SHA-256.

    >>> prints = Fingerprints(bytes(32))
    >>> prints.of("token-in-url", "a.log", b"eyJ") == prints.of("token-in-url", "b.log", b"eyJ")
    False
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = self.of("key", "", b"")[:8]
        """Names the key: a baseline that another key made can not be compared."""

    def shared(self) -> bytes:
        """The key, for another process of this scan."""
        return self._key

    def key_for(self, purpose: str) -> bytes:
        """A key of 32 bytes for another *purpose*, from which this one can not be told."""
        return hmac.digest(self._key, b"headway scan for " + purpose.encode(), "sha256")

    def of(self, rule: str, path: str, secret: bytes) -> str:
        """The fingerprint of *secret* (or of code) under *rule* in *path*: 24 hex digits."""
        parts = (b"headway scan 1", rule.encode(), path.encode("utf-8", "surrogateescape"), secret)
        text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, text, "sha256")[:12].hex()
