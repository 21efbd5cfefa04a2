"""What to send instead, in code: for curl, Python and JavaScript.

Each runs as it stands, with the token in the environment variable ``TOKEN``.
"""

from __future__ import annotations

import json
import re
import shlex

from headway.errors import ConfigurationError
from headway.gateway.notice.blocks import Example
from headway.gateway.rules import RetiredLocation

__all__ = ["examples"]

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def examples(location: RetiredLocation, address: str) -> tuple[Example, ...]:
    """A call of *address* with the token in the header, in three languages.

    Raises ConfigurationError for an *address* that is none of http or https.

    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT")
    >>> print(examples(jwt, "https://api.example/rest")[0].text)
    curl -H 'Authorization: JWT '"$TOKEN" https://api.example/rest
    """
    if not _ADDRESS.fullmatch(address):
        raise ConfigurationError("the address of the examples: begins with https://")
    header, before = location.shown_header, f"{location.scheme} " if location.scheme else ""
    named = shlex.quote(f"{header}: {before}")
    value = f"{json.dumps(before)} + " if before else ""
    return (
        Example("sh", "curl", f'curl -H {named}"$TOKEN" {shlex.quote(address)}'),
        Example(
            "python",
            "Python",
            "import os\n"
            "import requests\n\n"
            "answer = requests.get(\n"
            f"    {json.dumps(address)},\n"
            f'    headers={{{json.dumps(header)}: {value}os.environ["TOKEN"]}},\n'
            "    timeout=30,\n"
            ")\n"
            "answer.raise_for_status()",
        ),
        Example(
            "js",
            "JavaScript",
            f"const answer = await fetch({json.dumps(address)}, {{\n"
            f"  headers: {{ {json.dumps(header)}: {value}process.env.TOKEN }},\n"
            "});",
        ),
    )
