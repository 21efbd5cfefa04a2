"""``takes-token-in-query``: an OpenAPI document that tells callers to send a token so."""

from headway.scan.findings import Severity
from headway.scan.rules.rule import Looks, Rule

RULE = Rule(
    id="takes-token-in-query",
    title="An API's description has a token in the query",
    looks=Looks.CODE,
    severity=Severity.MEDIUM,
    why="Every client that is generated from it, and every reader, sends the token where it leaks.",
    bad=(
        "openapi: 3.0.3\ncomponents:\n  securitySchemes:\n    key:\n      type: apiKey\n"
        "      in: query\n      name: access_token"
    ),
    good=(
        "openapi: 3.0.3\ncomponents:\n  securitySchemes:\n    key:\n      type: http\n"
        "      scheme: bearer"
    ),
    todo=(
        "Describe a header instead, and mark the old scheme as deprecated.",
        "headway gateway notice writes that patch from a policy file.",
    ),
)
