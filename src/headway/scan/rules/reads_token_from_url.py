"""``reads-token-from-url``: an API that takes its callers' token from the address."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Looks, Rule

RULE = Rule(
    id="reads-token-from-url",
    title="An API reads a token from the address of a request",
    looks=Looks.CODE,
    severity=Severity.MEDIUM,
    why=(
        "Its callers have to put the token where it leaks. The routes of frames are another "
        "thing: Jira and Confluence give them their token in the address."
    ),
    bad='app.post("/api/items", (req, res) => res.json(itemsOf(verify(req.query.jwt))));',
    good='app.get("/panel", (req, res) => res.render("panel", verify(req.query.jwt)));',
    todo=(
        "Take it from the Authorization header.",
        "Retire the parameter by dates: headway gateway.",
    ),
)
