"""``token-in-text``: a token somewhere else in what was written down."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="token-in-text",
    title="A token stands in a text",
    looks=Looks.TEXT,
    severity=Severity.MEDIUM,
    why=(
        "A header, a cookie, a body or a message was written down with the token in it: it "
        "travelled rightly, and leaks here."
    ),
    bad="> Authorization: JWT TOKEN",
    good="> Authorization: JWT REDACTED",
    todo=(
        "Let whoever writes this text leave the header or the value out.",
        "Write a clean copy with --redact, and delete this one and its backups.",
    ),
    fix=Fix.AUTOMATIC,
)
