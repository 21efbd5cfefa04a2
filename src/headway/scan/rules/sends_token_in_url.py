"""``sends-token-in-url``: code that puts a token into the address of a request."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Fix, Looks, Rule

RULE = Rule(
    id="sends-token-in-url",
    title="Code sends a token in the address of a request",
    looks=Looks.CODE,
    severity=Severity.MEDIUM,
    why=(
        "Addresses are written down: by browsers, proxies, servers and whatever counts visits. "
        "Jira and Confluence have not looked at such a token since 1 February 2022, so towards "
        "them it is of no use either, and the severity is high."
    ),
    bad='requests.get(base + "/rest/api/3/myself?jwt=" + token)',
    good='requests.get(base + "/rest/api/3/myself", headers={"Authorization": f"JWT {token}"})',
    todo=(
        "Send it in the header: Authorization: JWT for Connect, Bearer elsewhere.",
        "In Python, headway scan code --fix does that where it is sure of what the code does.",
        "In other languages, headway scan code --patch FILE suggests it where the form is known.",
        "Compute a query string hash over the address without it.",
        "Images, event streams and WebSockets can not send a header: use the session or a ticket.",
    ),
    fix=Fix.AUTOMATIC,
)
