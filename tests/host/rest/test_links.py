from __future__ import annotations

from typing import Any

import pytest

from host.rest.conftest import Asker
from host.small_site import SmallSite

BLOCKS = {"type": {"name": "Blocks"}, "inwardIssue": {"key": "DEMO-1"}}


def linked(ask: Asker, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("GET", f"issue/{key}?fields=issuelinks")["fields"][
        "issuelinks"
    ]
    return found


def test_the_inward_issue_does_what_the_outward_side_says(ask: Asker) -> None:
    ask("POST", "issueLink", {**BLOCKS, "outwardIssue": {"key": "DEMO-2"}}, 201)
    (one,) = linked(ask, "DEMO-1")
    assert (one["type"]["outward"], one["outwardIssue"]["key"]) == ("blocks", "DEMO-2")
    (other,) = linked(ask, "DEMO-2")
    assert other["inwardIssue"]["key"] == "DEMO-1"
    whole = ask("GET", f"issueLink/{one['id']}")
    assert (whole["inwardIssue"]["key"], whole["outwardIssue"]["key"]) == ("DEMO-1", "DEMO-2")
    ask("DELETE", f"issueLink/{one['id']}", status=204)
    ask("GET", f"issueLink/{one['id']}", status=404)
    assert linked(ask, "DEMO-1") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": {"name": "None"}}, 404),
        ({"type": "Blocks"}, 404),
        ({**BLOCKS, "outwardIssue": {"key": "DEMO-1"}}, 400),
        ({**BLOCKS, "outwardIssue": {"key": "NONE-1"}}, 404),
        ({**BLOCKS}, 404),
    ],
)
def test_a_link_that_is_none(ask: Asker, body: Any, status: int) -> None:
    ask("POST", "issueLink", body, status)


def test_a_link_is_seen_by_who_sees_both_ends(ask: Asker, site: SmallSite) -> None:
    ask("POST", "issueLink", {**BLOCKS, "outwardIssue": {"key": "PUB-1"}}, 201)
    (one,) = linked(ask, "DEMO-1")
    ask("GET", f"issueLink/{one['id']}", status=401, who="nobody")
    seen = ask("GET", "issue/PUB-1?fields=issuelinks", who="nobody")
    assert seen["fields"]["issuelinks"] == []
    ask("GET", "issueLinkType/999", status=404)


def test_an_update_links_its_issue(ask: Asker) -> None:
    given = {"type": {"name": "Relates"}, "outwardIssue": {"key": "DEMO-2"}}
    ask("PUT", "issue/DEMO-1", {"update": {"issuelinks": [{"add": given}]}}, 204)
    assert linked(ask, "DEMO-1")[0]["outwardIssue"]["key"] == "DEMO-2"


def test_watchers(ask: Asker, uma: str) -> None:
    path = "issue/DEMO-1/watchers"
    ask("POST", path, b"", 204, "user")
    found = ask("GET", path, who="user")
    assert (found["watchCount"], found["isWatching"]) == (1, True)
    assert ask("GET", path, who="admin")["isWatching"] is False
    ask("POST", path, f'"{uma}"'.encode(), 204, "admin")
    ask("POST", path, b"{}", 400)
    ask("POST", path, b'"nobody"', 404)
    ask("DELETE", f"{path}?accountId={uma}", status=204, who="user")
    assert ask("GET", path)["watchers"] == []
    ask("POST", path, b'"somebody"', 403, "user")
    ask("POST", "issue/PUB-1/watchers", b"", 401, "nobody")


def test_votes(ask: Asker) -> None:
    path = "issue/DEMO-1/votes"
    ask("POST", path, b"", 204, "user")
    found = ask("GET", path, who="user")
    assert (found["votes"], found["hasVoted"], len(found["voters"])) == (1, True, 1)
    ask("DELETE", path, status=204, who="user")
    assert ask("GET", path)["votes"] == 0
    ask("POST", "issue/PUB-1/votes", b"", 401, "nobody")
    made = ask(
        "POST",
        "issue",
        {"fields": {"project": {"key": "DEMO"}, "summary": "x", "issuetype": {"name": "Task"}}},
        201,
        "user",
    )
    ask("POST", f"issue/{made['key']}/votes", b"", 404, "user")  # their own
