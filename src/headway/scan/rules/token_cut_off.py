"""``token-cut-off``: the beginning of a token, up to where a log cuts its lines."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="token-cut-off",
    title="The beginning of a token, up to where a line was cut",
    looks=Looks.TEXT,
    severity=Severity.LOW,
    why=(
        "Without its end it can not be used; what it claims (accounts, addresses) can be read all "
        "the same. Shorter tokens of the same client stand in the same log whole."
    ),
    bad='"GET /rest/api/2/issue/A-1?jwt=TOKEN',
    good='"GET /rest/api/2/issue/A-1?expand=na',
    todo=(
        "Treat it as a token in an address: its sender is the one to mend.",
        "Write a clean copy with --redact, and delete this one and its backups.",
    ),
    fix=Fix.AUTOMATIC,
)
