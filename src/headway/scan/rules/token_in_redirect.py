"""``token-in-redirect``: a token inside an address that is the value of another parameter."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="token-in-redirect",
    title="A token stands in an address to which somebody is sent on",
    looks=Looks.TEXT,
    severity=Severity.HIGH,
    why=(
        "The address of a page travels as a parameter (next, returnTo) or as a Location, percent-"
        "encoded once or twice, and takes its token along to a login page or another host."
    ),
    bad=(
        "192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "
        '"GET /login?next=%2Fpanel%3Fjwt%3DTOKEN%26a%3D1 HTTP/1.1" 302'
    ),
    good=('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /login?next=%2Fpanel HTTP/1.1" 302'),
    todo=(
        "Take the token out of the address before it is handed on.",
        "Write a clean copy with --redact, and delete this one and its backups.",
    ),
    fix=Fix.AUTOMATIC,
)
