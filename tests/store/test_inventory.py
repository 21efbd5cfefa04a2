from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from headway.keys import Sealer
from headway.model import Installation, Product
from headway.ports import OnceOnly
from headway.store import inventory
from headway.store.installations import Installations
from headway.store.inventory import Kept, kept

NOW = 1_700_000_000

Make = Callable[..., Installation]
Prove = Callable[..., OnceOnly]


@pytest.fixture
def filled(store: Installations, site: Make, proof: Prove) -> None:
    for key in ("c", "a", "b"):
        store.install(site(client_key=key), proof(key))
    store.install(site(app_key="other", client_key="a"), proof("other"))
    store.install(site("another secret of a", client_key="a"), proof("a again", NOW + 1))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("page", [1, 2, 500])
def test_everything_is_there_once_and_in_order(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(inventory, "PAGE", page)
    found = [(row.app_key, row.client_key) for row in kept(engine)]
    assert found == [("app", "a"), ("app", "b"), ("app", "c"), ("other", "a")]
    assert [row.client_key for row in kept(engine, app_key="other")] == ["a"]
    assert [row.app_key for row in kept(engine, client_key="a")] == ["app", "other"]
    assert list(kept(engine, client_key="z")) == []


@pytest.mark.usefixtures("filled")
def test_a_row_is_shown_whole_and_without_its_secrets(engine: sa.Engine) -> None:
    row = next(kept(engine))
    assert row == Kept(
        app_key="app",
        client_key="a",
        product=Product.JIRA.value,
        base_url="https://site.example",
        enabled=False,
        installed_at=NOW,
        display_url=None,
        oauth_client_id=None,
        cloud_id=None,
        installation_id=None,
        description=None,
        previous_until=NOW + 300,
        key_id="k1",
        last_event=NOW + 1,
    )
    assert "secret" not in repr(row)


def test_what_was_sealed_with_nothing_has_no_key_id(engine: sa.Engine) -> None:
    assert Sealer.key_id(b"") == ""
