"""``opaque-token-in-url``: the name of a parameter says that its value is a token."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="opaque-token-in-url",
    title="A parameter in an address is named like a token",
    looks=Looks.TEXT,
    severity=Severity.MEDIUM,
    why=(
        "Its value tells nothing of itself, so only the name speaks. Opaque tokens and keys often "
        "have no end: they count until somebody takes them back."
    ),
    bad=(
        "192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "
        '"GET /items?access_token=9f86d081884c7d659a2feaa0c55ad015 HTTP/1.1" 200'
    ),
    good=(
        '192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /items?access_token=REDACTED HTTP/1.1" 200'
    ),
    todo=(
        "Find out what the parameter is; if it is a credential, take it back and issue another.",
        "Send it in a header.",
        "Write a clean copy with --redact, and delete this one and its backups.",
    ),
    fix=Fix.AUTOMATIC,
)
