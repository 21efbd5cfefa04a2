"""What reads a token from the URL of a request to an API: its callers have to send it so.

The routes of frames are another thing: the host gives them their token in the URL, and has no
other way.
"""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from headway.scan.code.names import NAMES
from headway.scan.code.tree import function_around, statement_of

__all__ = ["reads_token"]

_READS = re.compile(
    rf"""(?ix) (?:
        \b(?:request|req|ctx|c|r|context)\.(?:args|GET|query|query_params|params|QueryString|Query)
            (?:\.get|\.Get|\[|\.|\()\s*[("'`\[]*(?:{NAMES})\b
      | \.Query\(\)\.Get\(\s*["'](?:{NAMES})["']
      | \bc\.Query\(\s*["'](?:{NAMES})["']
      | \bparams\[\s*[:"'](?:{NAMES})\b
      | @RequestParam\(\s*(?:value\s*=\s*|name\s*=\s*)?["'](?:{NAMES})["']
      | FromQuery\(\s*Name\s*=\s*"(?:{NAMES})"
      | @Query\(\s*["'](?:{NAMES})["']\)\s*\w+\s*:
      | \b(?:{NAMES})\s*:\s*\w+\s*=\s*Query\(
      | \$_GET\[\s*["'](?:{NAMES})["'] | ->query\(\s*["'](?:{NAMES})["']
    )"""
)
_WRITES = re.compile(r"[\"']?\s*\]\s*=[^=]")
_OF_AN_API = re.compile(
    r"[\"'/]api/|jsonify|\.json\(|render\s+json|JSONResponse|JsonResponse|\.JSON\(|"
    r"json\.NewEncoder|ApiController|RestController|ctx\.body\s*=|response\(\)->json"
)
_OF_A_PAGE = re.compile(
    r"\brender(?:_template)?\s*\(|\.render\s*\(|\.html\b|Html\b|\bView\s*\(|\bview\s*\(|\.Execute\("
)
_BEFORE = 300  # characters before a function: its decorators, its route


def reads_token(node: SgNode, source: str) -> bool:
    """Whether *node*, a token's name, is what an API's route reads from a query."""
    at = node.range().start.index
    start = source.rfind("\n", 0, at) + 1
    end = source.find("\n", at)
    line = source[start : end if end >= 0 else len(source)]
    found = [each for each in _READS.finditer(line) if each.start() <= at - start <= each.end()]
    if not found or _WRITES.match(line, found[0].end()):
        return False
    around = function_around(node) or statement_of(node)
    begin = around.range().start.index
    scope = source[max(0, begin - _BEFORE) : around.range().end.index]
    return _OF_AN_API.search(scope) is not None and _OF_A_PAGE.search(scope) is None
