"""``logs-token-in-url``: code that writes an address with a token to a log."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Looks, Rule

RULE = Rule(
    id="logs-token-in-url",
    title="Code writes an address with a token to a log",
    looks=Looks.CODE,
    severity=Severity.MEDIUM,
    why="Logs are kept longer, copied to more places and read by more people than a request is.",
    bad='print("GET " + base + "?jwt=" + token)',
    good='print("GET", base)',
    todo=(
        "Log the path alone, or redact the address first.",
        "Look at what was logged already: headway scan logs.",
    ),
)
