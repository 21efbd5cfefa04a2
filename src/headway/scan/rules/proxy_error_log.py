"""``proxy-error-log``: a proxy's error log that holds addresses, whatever its access log has."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="proxy-error-log",
    title="A proxy's error log holds addresses of requests",
    looks=Looks.CONFIGURATION,
    severity=Severity.LOW,
    why=(
        "Where something fails, the request line or its Referer stands in the message, as it came. "
        "No format changes that: it can only be written less often, or not at all."
    ),
    bad="log_format main '$uri $status';\naccess_log a.log main;\nerror_log e.log error;",
    good="log_format main '$uri $status';\naccess_log a.log main;\nerror_log e.log crit;",
    todo=(
        "Let the error log tell of what is critical only; --patch prints the line.",
        "Keep it private and for a short time; headway scan logs finds what is in it.",
    ),
    fix=Fix.SUGGESTED,
)
