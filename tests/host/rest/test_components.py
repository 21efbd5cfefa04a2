from __future__ import annotations

from typing import Any

import pytest

from host.rest.conftest import Asker


def test_components(ask: Asker, uma: str) -> None:
    body = {"project": "DEMO", "name": "Back end", "leadAccountId": uma}
    made = ask("POST", "component", body, 201)
    assert (made["lead"]["accountId"], made["project"]) == (uma, "DEMO")
    one = f"component/{made['id']}"
    ask("POST", "component", body, 400)
    changed = ask("PUT", one, {"name": "Front end", "leadAccountId": None}, 200)
    assert (changed["name"], "lead" in changed) == ("Front end", False)
    ask("PUT", one, {"name": ""}, 400)
    assert [c["id"] for c in ask("GET", "project/DEMO/components")] == [made["id"]]
    assert ask("GET", "project/DEMO/component?query=front")["total"] == 1
    assert ask("GET", "project/DEMO/component?query=back")["total"] == 0
    ask("PUT", one, {"name": "x"}, 403, "user")
    ask("GET", one, status=401, who="nobody")
    ask("DELETE", one, status=204)
    ask("GET", one, status=404)


def test_versions(ask: Asker) -> None:
    body = {"project": "DEMO", "name": "1.0", "startDate": "2022-01-01", "released": True}
    made = ask("POST", "version", body, 201)
    assert (made["released"], made["startDate"]) == (True, "2022-01-01")
    one = f"version/{made['id']}"
    ask("POST", "version", body, 400)
    assert ask("PUT", one, {"name": "1.1", "archived": True}, 200)["archived"] is True
    ask("PUT", one, {"name": ""}, 400)
    assert [v["name"] for v in ask("GET", "project/DEMO/versions")] == ["1.1"]
    assert ask("GET", "project/DEMO/version?query=1.1")["total"] == 1
    ask("DELETE", one, status=403, who="user")
    ask("GET", one, status=401, who="nobody")
    ask("DELETE", one, status=204)
    ask("GET", one, status=404)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("component", {"name": "x"}, 400),
        ("component", {"project": "NONE", "name": "x"}, 404),
        ("component", {"project": "DEMO"}, 400),
        ("component", {"project": "DEMO", "name": 1}, 400),
        ("component", {"project": "DEMO", "name": "x", "leadAccountId": "none"}, 400),
        ("component", {"project": "DEMO", "name": "x", "leadAccountId": 1}, 400),
        ("version", {"project": "DEMO"}, 400),
        ("version", {"project": "DEMO", "name": "x", "releaseDate": "soon"}, 400),
        ("version", {"project": "DEMO", "name": "x", "released": "yes"}, 400),
        ("version", {"project": "DEMO", "name": "x", "description": "x" * 20_000}, 400),
    ],
)
def test_a_part_that_is_none(ask: Asker, path: str, body: Any, status: int) -> None:
    ask("POST", path, body, status)
    assert ask("GET", f"project/DEMO/{path}s") == []
