"""``proxy-logs-query``: a proxy's configuration that puts query strings into an access log."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="proxy-logs-query",
    title="A proxy writes query strings to its access log",
    looks=Looks.CONFIGURATION,
    severity=Severity.HIGH,
    why=(
        "Every token that anybody sends in a URL is in the log from then on, and in all copies of "
        "it. Most formats that proxies bring along have the whole request line."
    ),
    bad="log_format main '$remote_addr \"$request\" $status';\naccess_log logs/a.log main;",
    good=(
        "log_format main '$remote_addr \"$request_method $uri\" $status';\n"
        "access_log logs/a.log main;"
    ),
    todo=(
        "Log the path alone: --patch prints the mended lines, to be read and applied.",
        "Look at what was logged already, and clean it: headway scan logs --redact.",
    ),
    fix=Fix.SUGGESTED,
)
