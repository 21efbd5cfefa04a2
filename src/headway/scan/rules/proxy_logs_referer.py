"""``proxy-logs-referer``: a proxy's configuration that puts ``Referer`` into an access log."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="proxy-logs-referer",
    title="A proxy writes Referer to its access log",
    looks=Looks.CONFIGURATION,
    severity=Severity.MEDIUM,
    why=(
        "A browser sends the address of the page that it is on along with requests for something "
        "else: a token in that address is in the log of a request that never had one."
    ),
    bad=(
        'log_format main \'$remote_addr "$uri" $status "$http_referer"\';\n'
        "access_log logs/a.log main;"
    ),
    good="log_format main '$remote_addr \"$uri\" $status';\naccess_log logs/a.log main;",
    todo=(
        "Leave Referer out of the log: --patch prints the mended lines.",
        "Answer pages with Referrer-Policy: no-referrer, so that browsers send none.",
    ),
    fix=Fix.SUGGESTED,
)
