"""``token-in-referer``: a page with a token in its address told others of it."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="token-in-referer",
    title="A token stands in a Referer",
    looks=Looks.TEXT,
    severity=Severity.HIGH,
    why=(
        "A browser was on a page whose address held the token, and sent that address along with a "
        "request for something else. Other servers got it in the same way."
    ),
    bad=(
        "192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "
        '"GET /logo.png HTTP/1.1" 200 1 "https://app.example/panel?jwt=TOKEN"'
    ),
    good=(
        "192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "
        '"GET /logo.png HTTP/1.1" 200 1 "https://app.example/"'
    ),
    todo=(
        "Answer that page with Referrer-Policy: no-referrer; let its first script drop the token.",
        "Write a clean copy with --redact, and delete this one and its backups.",
    ),
    fix=Fix.AUTOMATIC,
)
