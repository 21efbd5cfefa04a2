"""A site with an app whose modules are whatever a test needs; nothing listens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asking import request

from headway.descriptor import read_descriptor
from headway.host.apps import App
from headway.host.conditions import Asked
from headway.host.gate import Actor
from headway.host.scene import Scene, scene_of
from headway.host.site import Site
from headway.host.tenant import Tenant
from headway.host.visit import Visit
from headway.host.world import User
from headway.model import Product, Secret

APP = "http://127.0.0.1:9999"


def install(tenant: Tenant, modules: Mapping[str, Any], key: str = "my-app", *scopes: str) -> App:
    """An app that is there without having been asked."""
    document = {
        "key": key,
        "name": "My app",
        "baseUrl": APP,
        "authentication": {"type": "jwt"},
        "lifecycle": {"installed": "/installed"},
        "scopes": scopes or ["READ"],
        "modules": modules,
    }
    app = tenant.apps.prepare(read_descriptor(json.dumps(document).encode()))
    tenant.apps.save(app, Secret("0123456789abcdef0123456789abcdef"))
    return app


def module(key: str, **more: Any) -> dict[str, Any]:
    """The members that most modules have."""
    return {"key": key, "name": {"value": key.title()}, "url": f"/{key}", **more}


def who(site: Site, name: str | None) -> tuple[Actor, User | None]:
    """A visitor by login name; nobody for None."""
    user = site.world.people.user(name) if name else None
    kind = "user" if user else "anonymous"
    return Actor(kind=kind, account_id=user.account_id if user else None), user


def asked(
    site: Site,
    app: App,
    name: str | None = "user",
    product: Product = Product.JIRA,
    **names: str,
) -> Asked:
    """Whom a condition is about; *names* are a scene's, with ``_`` for the dot."""
    actor, user = who(site, name)
    tenant = site.confluence if product is Product.CONFLUENCE else site.jira
    wanted = {key.replace("_", ".", 1): value for key, value in names.items()}
    return Asked(site, tenant, app, scene_of(site, product, wanted, actor, user), actor)


def visit(site: Site, name: str | None = "user") -> tuple[Visit, Scene]:
    """A visit by somebody, and the scene that there is nothing but them."""
    actor, user = who(site, name)
    return Visit(site, request("GET", "/"), actor, user), Scene(user=user)
