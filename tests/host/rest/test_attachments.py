from __future__ import annotations

from host.small_site import BASE, SmallSite


def attachment_id(site: SmallSite, name: str) -> int:
    every = (
        a for issue in site.world.tracker.issues() for a in site.world.files.of("issue", issue.id)
    )
    return next(a.id for a in every if a.filename == name)


def test_an_attachments_description(site: SmallSite) -> None:
    made = attachment_id(site, "notes.txt")
    answer = site.ask_signed("GET", f"/rest/api/3/attachment/{made}")
    assert (answer.json["id"], answer.json["filename"]) == (made, "notes.txt")
    assert answer.json["content"] == f"{BASE}/rest/api/3/attachment/content/{made}"
    assert site.ask("GET", f"/rest/api/3/attachment/{made}").status == 401
    assert site.ask("GET", "/rest/api/3/attachment/999").status == 401
    missing = site.ask_signed("GET", "/rest/api/3/attachment/999")
    assert (missing.status, "999" in missing.message) == (404, True)


def test_an_attachments_bytes(site: SmallSite) -> None:
    path = f"/rest/api/2/attachment/content/{attachment_id(site, 'notes.txt')}"
    answer = site.ask_signed("GET", path)
    assert answer.status == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:2991/file/")
    assert answer.headers["cache-control"] == "no-store"
    assert "jwt" not in answer.headers["location"]
    straight = site.ask_signed("GET", f"{path}?redirect=false")
    assert (straight.status, b"Referer" in straight.body) == (200, True)
    assert straight.headers["content-disposition"].startswith("attachment")
    assert site.ask("GET", path).status == 401
    assert site.ask("GET", f"{path}?redirect=false").status == 401
