"""A program as it was written before 2022: its token stands in the address, and stays there.

    python relay_client.py BASE_URL METHOD PATH

It knows nothing of the relay.  It prints the status and the first of the answer.
"""

from __future__ import annotations

import os
import sys

import requests
from atlassian_jwt import encode_token


def main(base: str, method: str, path: str) -> None:
    """Ask once."""
    key, site, secret = (os.environ[name] for name in ("APP_KEY", "CLIENT_KEY", "SHARED_SECRET"))
    token = encode_token(method, path, site, secret, 180, payload_kwargs={"iss": key})
    mark = "&" if "?" in path else "?"
    body = b'{"body": "by an old program"}' if method == "POST" else None
    answer = requests.request(
        method,
        f"{base}{path}{mark}jwt={token}",
        data=body,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        timeout=30,
    )
    sys.stdout.write(f"{answer.status_code} {answer.text[:200]}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
