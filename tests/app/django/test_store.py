from __future__ import annotations

import sqlite3

import pytest
from django.conf import settings

from headway.app.django import Connect
from headway.app.django.store import address_of, database
from headway.errors import ConfigurationError
from headway.store.engine import open_engine
from headway.store.migrations import upgrade

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
POSTGRESQL = "django.db.backends.postgresql"


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ({"ENGINE": "django.db.backends.sqlite3", "NAME": "data/x.db"}, "data/x.db"),
        ({"ENGINE": POSTGRESQL, "NAME": "app"}, "postgresql:///app"),
        (
            {
                "ENGINE": POSTGRESQL,
                "NAME": "a b",
                "HOST": "db",
                "PORT": 5433,
                "USER": "me",
                "PASSWORD": "p@ss/word",
                "OPTIONS": {"sslmode": "require", "pool": True, "other": object()},
            },
            "postgresql://me:p%40ss%2Fword@db:5433/a%20b?sslmode=require&pool=True",
        ),
        (
            {"ENGINE": POSTGRESQL, "NAME": "app", "HOST": "/run/pg", "PORT": "5432", "USER": "me"},
            "postgresql://me@/app?host=%2Frun%2Fpg",
        ),
    ],
    ids=["sqlite", "local", "everything", "a socket"],
)
def test_a_database_of_djangos_has_an_address(told, address):
    assert address_of(told) == address


def test_other_databases_are_refused():
    with pytest.raises(ConfigurationError, match="mysql"):
        address_of({"ENGINE": "django.db.backends.mysql", "NAME": "x"})
    with pytest.raises(ConfigurationError, match="nowhere"):
        database("my-app", "nowhere")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWAY_STORE_KEY", KEY)
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


def test_a_store_is_opened_by_the_first_who_asks(folder, monkeypatch):
    path = folder / "app.db"
    told = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}}
    monkeypatch.setattr(settings, "DATABASES", told)
    store = database("my-app")
    connect = Connect(key="my-app", name="A", base_url="https://app.example", store=store)
    assert not path.exists(), "manage.py migrate may run before there is anything"
    with pytest.raises(ConfigurationError, match="version none"):
        connect.store.get("my-app", "site-1")
    engine = open_engine(path)
    upgrade(engine)
    engine.dispose()
    assert connect.store.get("my-app", "site-1") is None
    assert connect.answers.list() == ()
    assert connect.once is not None
    store.engine.dispose()
    with sqlite3.connect(path) as check:
        assert check.execute("select version_num from alembic_version").fetchone()
    check.close()


@pytest.mark.parametrize("asgi", [False, True])
def test_an_app_lives_in_a_database_of_djangos(two, migrate, make_world, serve, monkeypatch, asgi):
    monkeypatch.setenv("HEADWAY_STORE_KEY", KEY)
    monkeypatch.setattr(settings, "DATABASES", {"default": two[0]})
    now = []
    store = database("my-app", clock=lambda: now[0][0])
    world = make_world(framework=Connect, store=store)
    now.append(world.now)

    @world.connect.ticket_route("/chart")
    def chart(request, context):
        return {"user": context.account_id}

    @world.connect.page("P", key="p")
    def page(request, context):
        return context.token_url("/chart")

    serve(world, asgi=asgi)
    migrate()
    try:
        world.install()
        shown = world.call("GET", f"/p?jwt={world.request_token('GET', '/p')}").text
        link = shown.rpartition("</script>")[2]
        assert world.call("GET", link).text == '{"user":"ada"}'
        assert world.call("GET", link).id == "ticket-unknown"
        world.now[0] += 1
        assert world.event("uninstalled").status == 204
        assert world.installation is None
    finally:
        store.engine.dispose()
