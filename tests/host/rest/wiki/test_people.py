from __future__ import annotations

from host.rest.wiki.caller import Caller


def test_anybody(app: Caller) -> None:
    user = app.account("user")
    shape = app.get(f"user?accountId={user}")
    assert (shape["displayName"], shape["accountType"], shape["email"]) == (
        "Uma User",
        "atlassian",
        "",
    )
    assert "operations" in shape["_expandable"]
    own = app.get("user?accountId=account-reader")
    assert (own["displayName"], own["accountType"]) == ("Reader", "app")
    assert app.get("user", 400)
    for wrong in ("none", "user", "my-app"):  # a login name is no account id
        assert app.get(f"user?accountId={wrong}", 404)
    assert app.as_("nobody").get(f"user?accountId={user}", 401)


def test_what_somebody_may_do_with_the_product(app: Caller) -> None:
    def may(who: str) -> list[str]:
        shape = app.get(f"user?accountId={who}&expand=operations")
        assert {each["targetType"] for each in shape["operations"]} <= {"application"}
        return [each["operation"] for each in shape["operations"]]

    assert may(app.account("user")) == ["use"]
    assert may(app.account("admin")) == ["use", "administer"]
    app.world.people.set_active(app.account("user"), False)
    assert may(app.account("user")) == []


def test_oneself(app: Caller) -> None:
    assert app.get("user/current")["accountId"] == "account-my-app"
    assert app.as_("user").get("user/current")["displayName"] == "Uma User"
    nobody = app.as_("nobody").get("user/current?expand=operations")
    assert (nobody["type"], nobody["operations"]) == ("anonymous", [])


def test_nobody(app: Caller) -> None:
    shape = app.get("user/anonymous")
    assert (shape["type"], shape["displayName"]) == ("anonymous", "Anonymous")
    assert shape["_expandable"] == {"operations": ""}


def test_groups(app: Caller) -> None:
    groups = app.get(f"user/memberof?accountId={app.account('user')}")["results"]
    assert "confluence-users" in [group["name"] for group in groups]
    assert {group["type"] for group in groups} == {"group"}
    assert app.get("user/memberof?accountId=none", 404)
    assert app.as_("nobody").get("user/memberof?accountId=x", 401)


def test_addresses_are_for_those_with_the_scope(app: Caller) -> None:
    path = f"user/email?accountId={app.account('user')}"
    assert app.get(path, 403)
    app.site.add_app("mailer", "READ", "ACCESS_EMAIL_ADDRESSES")
    mailer = app.as_("mailer")
    assert mailer.get(path)["email"] == "uma@example.com"
    assert mailer.get("user/email?accountId=none", 404)
    assert app.as_("nobody").get(path, 401)
