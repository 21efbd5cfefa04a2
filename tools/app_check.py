"""Write the table of ``headway app check`` from the checks themselves.

    .venv/bin/python tools/app_check.py > docs/app-check.md

The text of a row is the code's own: change it in ``src/headway/app/check/``.
"""

from __future__ import annotations

from headway.app.check import CHECKS

HEAD = """\
# Check an app

    headway app check http://localhost:3000 -- node app.js

plays a host to a running Connect app in any language: it installs the app with keys of its own,
then sends what no host would send, and says what the app lets pass. The table goes to the
terminal, `--json` gives plain data. Exit code 0: nothing failed that counts. 1: a *must* failed
(with `--strict` a *should* too). 2: the app could not be asked.

The app has to take the played site for a real one, so it runs in its development mode and fetches
install keys from where the site serves them. A program that is started behind `--` is told so by
these variables; one that runs already must be started with them (`--port` moves the site):

| variable | value | read by |
|---|---|---|
| `HEADWAY_DEVELOPMENT` | `1` | Headway |
| `HEADWAY_INSTALL_KEYS` | `http://localhost:2991/install-keys` | Headway |
| `CONNECT_KEYS_CDN_URL` | the same | `atlassian-connect-express` |

`--call /me` names a path of the app that takes a context token: no descriptor says so. `--product
confluence` plays the other product. Pages, administrators' pages and webhooks are taken from the
descriptor, the first of each; what is not there is skipped, and the report says so. Everything
happens on this machine, and the tenants that it installs are left behind in the app's store: use
an empty one.

In a test:

```python
from headway.app.check import check_app

def test_my_app_refuses_what_it_should():
    report = check_app("http://127.0.0.1:3000", command=["python", "app.py"], call="/me")
    assert report.failures(strict=True) == []
```

`check(url, site, transport=...)` with a `PlayedSite` does the same to an ASGI application in the
test's own process, without a socket.

## What it found

Over every example of Headway: nothing. Over a small app on `atlassian-connect-express` 11.5.3 as
the framework sets it up (the tests run it and hold this list):

{found}

Most of these need an attacker who holds a captured token: what addresses with tokens, and logs of
them, give away.

## The checks

Made by `tools/app_check.py` from `src/headway/app/check/`; a test compares the two. A *must* is
what lets somebody in or tells somebody a secret; a *should* is what a careful app does.

| id | level | what should be | source |
|---|---|---|---|
"""

FOUND = (
    "call-app-token", "call-query", "install-audience-mixed", "install-iat-ahead",
    "install-key-fetched-once", "install-key-redirected", "install-kid-path",
    "install-member-twice", "install-no-exp", "install-other-app", "install-query",
    "install-replayed", "install-secret-empty", "install-secret-missing", "install-secret-short",
    "install-stale", "page-app-token", "page-clock-skew", "page-exp-far", "page-frame-ancestors",
    "page-iat-ahead", "page-issuer-other", "page-nbf-ahead", "page-no-exp", "page-nosniff",
    "page-not-stored", "page-referrer-policy", "webhook-query",
)  # fmt: skip
"""What fails for ``atlassian-connect-express``: tests/e2e/test_app_check.py holds it to that."""


def page() -> str:
    """The page: its head, and a row for each check."""
    found = ", ".join(f"`{name}`" for name in FOUND)
    rows = [f"| `{each.id}` | {each.level} | {each.says} | {each.source} |\n" for each in CHECKS]
    return HEAD.format(found=f"{found}.") + "".join(rows)


if __name__ == "__main__":
    print(page(), end="")
