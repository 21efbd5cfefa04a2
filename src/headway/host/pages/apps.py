"""The page of installed apps, for administrators: install them, and all that becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.errors import HeadwayError
from headway.host.apps import Licence
from headway.host.install import ACTIONS
from headway.host.places import homeless
from headway.host.tenant import Tenant
from headway.host.visit import Visit, Who, see_other, visited
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """The page and its forms."""
    pages = (
        ("GET", "/apps", _apps),
        ("POST", "/apps", _install),
        ("POST", "/apps/keys/rotate", _rotate_key),
        ("POST", "/apps/{product}/import", _import),
        ("POST", "/apps/{product}/{app}/licence", _license),
        ("POST", "/apps/{product}/{app}/{action}", _act),
    )
    return [
        Route(path, visited(site, Who.ADMIN, page), methods=[verb]) for verb, path, page in pages
    ]


async def _apps(visit: Visit) -> Response:
    return _page(visit)


def _page(
    visit: Visit,
    status: int = 200,
    *,
    url: str = "",
    product: str = Product.JIRA,
    error: str = "",
    problems: Sequence[str] = (),
) -> Response:
    """The page; *error* belongs to the address that was given, *problems* to what is there."""
    return visit.page(
        "apps.html",
        status,
        tenants=visit.site.tenants,
        key=visit.site.keys.current.kid,
        licences=list(Licence),
        unsigned=visit.site.settings.unsigned_installs,
        url=url,
        chosen=product,
        error=error,
        problems=problems,
        homeless=homeless,
    )


async def _install(visit: Visit) -> Response:
    url, product = visit.form.get("url", "").strip(), visit.form.get("product", Product.JIRA)
    try:
        await _tenant(visit, product).installer.install(url)
    except HeadwayError as error:
        return _page(visit, 400, url=url, product=product, error=str(error))
    return see_other("/apps")


async def _act(visit: Visit) -> Response:
    tenant, key = _app(visit)
    action = ACTIONS.get(visit.request.path_params["action"])
    if action is None:
        raise HTTPException(404, "There is no such thing to do with an app.")
    try:
        await action(tenant.installer, key)
    except HeadwayError as error:
        return _page(visit, 400, problems=[str(error)])
    return see_other("/apps")


async def _license(visit: Visit) -> Response:
    tenant, key = _app(visit)
    await tenant.installer.license(key, _licence(visit.form))
    return see_other("/apps")


def _app(visit: Visit) -> tuple[Tenant, str]:
    """The installed app that the address names, and where it is installed."""
    asked = visit.request.path_params
    tenant = _tenant(visit, asked["product"])
    if tenant.apps.get(asked["app"]) is None:
        raise HTTPException(404, "There is no such app.")
    return tenant, asked["app"]


async def _import(visit: Visit) -> Response:
    tenant = _tenant(visit, visit.request.path_params["product"])
    if problems := await tenant.installer.import_site():
        return _page(visit, 400, problems=list(problems.values()))
    return see_other("/apps")


async def _rotate_key(visit: Visit) -> Response:
    visit.site.keys.rotate()
    return see_other("/apps")


def _tenant(visit: Visit, product: str) -> Tenant:
    found = (tenant for tenant in visit.site.tenants if tenant.product == product)
    if (tenant := next(found, None)) is None:
        raise HTTPException(404, "There is no such product.")
    return tenant


def _licence(form: Mapping[str, str]) -> Licence:
    try:
        return Licence(form.get("licence", ""))
    except ValueError:
        raise HTTPException(400, f"A licence is one of {', '.join(Licence)}.") from None
