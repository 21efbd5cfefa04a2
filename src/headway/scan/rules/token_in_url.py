"""``token-in-url``: the address of a request holds a token."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="token-in-url",
    title="A token stands in the address of a request",
    looks=Looks.TEXT,
    severity=Severity.HIGH,
    why=(
        "Whoever may read this text can use the token until it ends: logs are copied to more "
        "places and read by more people than the request ever was."
    ),
    bad=(
        "192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "
        '"GET /rest/api/2/issue/A-1?jwt=TOKEN HTTP/1.1" 200'
    ),
    good=(
        "192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "
        '"GET /rest/api/2/issue/A-1?expand=names HTTP/1.1" 200'
    ),
    todo=(
        "Send it in the Authorization header: --by client shows who does not.",
        "Keep query strings out of this log: headway scan proxy --config FILE shows the line.",
        "Write a clean copy with --redact, and delete this one and its backups.",
    ),
    fix=Fix.AUTOMATIC,
)
