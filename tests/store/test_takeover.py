from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from headway.errors import BaseUrlRefused
from headway.keys import Sealer
from headway.model import Product, Secret
from headway.store.installations import Installations
from headway.store.inventory import kept
from headway.store.takeover import Arrival, Found, Verdict, take_over

SECRET = "a secret of the other framework"


def address(url: str) -> str:
    if not url.startswith("https://"):
        raise BaseUrlRefused(expected="https", found="another scheme")
    return url.rstrip("/")


def tenant(client_key: str | None = "site", **values: Any) -> Found:
    base = {
        "where": f"row of {client_key}",
        "app_key": "app",
        "client_key": client_key,
        "base_url": f"https://{client_key}.example",
        "product": "jira",
        "shared_secret": SECRET,
    }
    return Found(**(base | values))


@pytest.fixture
def take(engine: sa.Engine, sealer: Sealer, clock):
    def take(*found: Found, apply: bool = True, **settings: Any) -> tuple[Arrival, ...]:
        settings = {"app_key": "app", **settings}
        return take_over(
            engine, sealer, found, address=address, clock=clock, apply=apply, **settings
        )

    return take


def one(take, **values: Any) -> tuple[Verdict, str]:
    arrival = take(tenant(**values))[0]
    return arrival.verdict, arrival.reason


def test_a_tenant_comes_whole(take, store: Installations) -> None:
    told = take(
        tenant(
            base_url="https://site.example/",
            product="confluence",
            display_url="https://shown.example",
            oauth_client_id="oauth",
            cloud_id="cloud",
            installation_id="forge",
            description="a site",
            enabled=False,
        )
    )
    assert told == (
        Arrival(
            where="row of site",
            app_key="app",
            client_key="site",
            base_url="https://site.example/",
            verdict=Verdict.TAKEN,
        ),
    )
    site = store.get("app", "site")
    assert site is not None
    assert site.shared_secret == Secret(SECRET)
    assert (site.base_url, site.product, site.enabled, site.installed_at) == (
        "https://site.example",
        Product.CONFLUENCE,
        False,
        1_700_000_000,
    )
    assert (site.display_url, site.oauth_client_id, site.cloud_id, site.installation_id) == (
        "https://shown.example",
        "oauth",
        "cloud",
        "forge",
    )


def test_a_dry_run_records_nothing(take, engine: sa.Engine) -> None:
    assert take(tenant(), apply=False)[0].verdict is Verdict.TAKEN
    assert list(kept(engine)) == []


@pytest.mark.parametrize("secret", [None, "", "x", "fifteen bytes.."])
def test_t3_a_short_secret_is_refused_and_listed(take, engine: sa.Engine, secret: str) -> None:
    told = take(tenant("bad", shared_secret=secret), tenant("good"))
    assert [each.verdict for each in told] == [Verdict.REFUSED, Verdict.TAKEN]
    assert "secret" in told[0].reason
    assert [row.client_key for row in kept(engine)] == ["good"]


@pytest.mark.parametrize(
    ("values", "verdict", "words"),
    [
        ({"installed": False}, Verdict.SKIPPED, "is uninstalled there"),
        ({"app_key": "other"}, Verdict.SKIPPED, "belongs to another app"),
        ({"product": "bitbucket"}, Verdict.SKIPPED, "is of another product: bitbucket"),
        ({"client_key": None}, Verdict.REFUSED, "has no client_key"),
        ({"base_url": None}, Verdict.REFUSED, "has no base_url"),
        ({"product": None}, Verdict.REFUSED, "give --product"),
        ({"base_url": "http://site.example"}, Verdict.REFUSED, "base-url-refused"),
        ({"client_key": "a\nb"}, Verdict.REFUSED, "a client_key that no event could have"),
        ({"description": "x" * 513}, Verdict.REFUSED, "a description that no event could have"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_taken_says_why(
    take, engine: sa.Engine, values: dict[str, Any], verdict: Verdict, words: str
) -> None:
    told, reason = one(take, **values)
    assert told is verdict
    assert words in reason
    assert SECRET not in reason
    assert list(kept(engine)) == []


def test_what_the_source_does_not_say_is_given(take, store: Installations) -> None:
    bare = tenant(app_key=None, product=None)
    assert take(bare, app_key=None, product=Product.JIRA)[0].reason.endswith("give --app-key")
    assert take(bare, product=Product.CONFLUENCE)[0].verdict is Verdict.TAKEN
    site = store.get("app", "site")
    assert site is not None
    assert site.product is Product.CONFLUENCE


def test_apps_of_one_source_keep_their_keys(take, engine: sa.Engine) -> None:
    take(tenant("a"), tenant("b", app_key="other"), app_key=None)
    assert [(row.app_key, row.client_key) for row in kept(engine)] == [("app", "a"), ("other", "b")]


def test_two_rows_that_differ_are_both_refused(take, engine: sa.Engine) -> None:
    told = take(tenant(), tenant(shared_secret=SECRET + "!"), tenant("other"))
    assert [each.verdict for each in told] == [Verdict.REFUSED, Verdict.REFUSED, Verdict.TAKEN]
    assert "twice" in told[0].reason
    assert [row.client_key for row in kept(engine)] == ["other"]


def test_two_rows_that_are_equal_are_one(take, engine: sa.Engine) -> None:
    told = take(
        tenant(),
        tenant(where="row 7"),
        tenant(app_key="other", shared_secret="whatever"),
        tenant(installed=False, shared_secret="whatever"),
    )
    assert [each.verdict for each in told] == [Verdict.TAKEN] + [Verdict.SKIPPED] * 3
    assert told[1].reason == "here already"
    assert len(list(kept(engine))) == 1


def test_what_is_here_already_stays(take, store: Installations, site, proof) -> None:
    kept = store.install(site(), proof())
    assert one(take) == (Verdict.SKIPPED, "here already")
    assert store.get("app", "site") == kept


def test_an_installation_id_that_is_taken_is_refused(take) -> None:
    told = take(tenant("a", installation_id="forge"), tenant("b", installation_id="forge"))
    assert [each.verdict for each in told] == [Verdict.TAKEN, Verdict.REFUSED]


def test_two_sites_at_one_address_are_told(take) -> None:
    told = take(
        tenant("old", base_url="https://x.example"), tenant("new", base_url="https://x.example")
    )
    assert [each.verdict for each in told] == [Verdict.TAKEN] * 2
    assert told[1].reason == "has the base URL of old, too"


def test_no_repr_shows_a_secret() -> None:
    assert repr(tenant()) == "<tenant at row of site>"
