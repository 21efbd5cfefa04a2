from __future__ import annotations

from headway.host.identity import Identity
from headway.host.world import World


def test_users(world: World) -> None:
    assert world.people.users() == []
    assert world.people.user("nobody") is None


def test_a_user_is_found_by_name_and_by_account(world: World) -> None:
    Identity(world.people._rows.database).add_user("uma", "Uma User", "u@example.com", admin=False)
    (uma,) = world.people.users()
    assert world.people.user("uma") == world.people.user(uma.account_id) == uma
