"""What a rule is: data, with all that its page in the documentation says."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from headway.scan.findings import Severity

__all__ = ["Fix", "Looks", "Rule"]


class Fix(StrEnum):
    """Who mends it."""

    AUTOMATIC = "automatic"  # --fix, or --redact
    SUGGESTED = "suggested"  # a patch to be read and applied by a person
    PERSON = "person"


class Looks(StrEnum):
    """What the rule looks at."""

    TEXT = "text"  # logs, and whatever else is a text
    PROFILE = "profile"  # of a browser
    CODE = "code"
    CONFIGURATION = "configuration"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the scan looks for.

    ``bad`` is an example that it finds (``TOKEN`` stands for a token), ``good`` one that is fine.
    ``todo`` says what to do now, as sentences in their order.
    """

    id: str
    title: str
    looks: Looks
    severity: Severity
    why: str
    bad: str
    good: str
    todo: tuple[str, ...]
    fix: Fix = Fix.PERSON
