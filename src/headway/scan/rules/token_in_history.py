"""``token-in-history``: a browser's profile holds a token."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Looks, Rule

RULE = Rule(
    id="token-in-history",
    title="A browser's profile holds a token",
    looks=Looks.PROFILE,
    severity=Severity.MEDIUM,
    why=(
        "An address with a token was visited, linked from, kept for the next session or cached. "
        "Everybody who gets the profile has it, and so have backups and whatever syncs it."
    ),
    bad="urls.url: https://app.example/panel?jwt=TOKEN",
    good="urls.url: https://app.example/panel",
    todo=(
        "Answer such pages with Referrer-Policy: no-referrer and Cache-Control: no-store.",
        "Let their first script drop the token from the address.",
        "Clear the browsing data of that profile; a sync copy has its own.",
    ),
)
