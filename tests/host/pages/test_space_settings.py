"""The settings of a space: its words, and who administers it."""

from __future__ import annotations

from headway.host.world import Space
from host.person import Person

PATH = "/wiki/spaces/DEMO"


def space(person: Person) -> Space:
    found = person.site.world.spaces.space("DEMO")
    assert found is not None
    return found


def account(person: Person, name: str) -> str:
    found = person.site.world.people.user(name)
    assert found is not None
    return found.account_id


def test_its_administrator_sets_a_space_up(person: Person) -> None:
    person.log_in("space-admin")
    assert f'href="{PATH}/settings"' in person.get(PATH).text
    assert person.get(f"{PATH}/settings").status_code == 200
    answer = person.post(f"{PATH}/settings", name="<b>N</b>", description="d\r\ne")
    assert answer.headers["location"] == PATH
    assert (space(person).name, space(person).description) == ("<b>N</b>", "d\ne")
    answer = person.post(f"{PATH}/settings", name=" ", description="kept words")
    assert (answer.status_code, "kept words" in answer.text) == (400, True)


def test_administrators_come_and_go(person: Person) -> None:
    spaces, uma = person.site.world.spaces, account(person, "user")
    person.log_in("space-admin")
    post = f"{PATH}/administrators"
    assert person.post(post, account_id=uma, given="yes").status_code == 303
    assert uma in spaces.administrators(space(person).id)
    assert person.post(post, account_id=uma, given="yes").status_code == 303
    person.log_in("user")
    sam = account(person, "space-admin")
    answer = person.post(post, account_id=sam, given="no")
    assert answer.headers["location"] == f"{PATH}/settings"
    # who takes it from themselves is back at the space
    assert person.post(post, account_id=uma, given="no").headers["location"] == PATH
    assert not {uma, sam} & spaces.administrators(space(person).id)
    assert person.get(f"{PATH}/settings").status_code == 403
    person.log_in()
    assert person.get(f"{PATH}/settings").status_code == 200
    for unknown in ("", "nobody", "user"):
        assert person.post(post, account_id=unknown, given="yes").status_code == 400


def test_somebody_who_is_gone_can_be_taken_out(person: Person) -> None:
    spaces = person.site.world.spaces
    spaces.set_administrator(space(person).id, "an account that was deleted", given=True)
    person.log_in()
    assert "an account that was deleted" in person.get(f"{PATH}/settings").text
    fields = {"account_id": "an account that was deleted", "given": "no"}
    assert person.post(f"{PATH}/administrators", **fields).status_code == 303
    assert "an account that was deleted" not in spaces.administrators(space(person).id)


def test_nobody_else(person: Person) -> None:
    person.log_in("user")
    assert f"{PATH}/settings" not in person.get(PATH).text
    for path in ("settings", "administrators"):
        assert person.post(f"{PATH}/{path}", name="x").status_code == 403
        assert person.post(f"/wiki/spaces/NONE/{path}").status_code == 404
    person.site.world.people.set_active(account(person, "space-admin"), active=False)
    assert person.get(f"{PATH}/settings").status_code == 403
