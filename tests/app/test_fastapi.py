import asyncio
import json
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import HTMLResponse, StreamingResponse

from app.calling import call_asgi
from app.conformance import COOKIE, OWN_POLICY, PIECES, Conformance, Harness, Seen, about, title
from app.invoking import APP_ID
from headway.app.fastapi import Connect, Context, SyncContext, _nothing
from headway.errors import ConfigurationError


class FastApiHarness(Harness):
    connect = Connect

    async def saw(self, request, context):
        body = await request.body()
        form = await request.form() if "form" in request.headers.get("content-type", "") else {}
        self.seen.append(
            Seen(
                context=context,
                query=request.query_params.multi_items(),
                form=list(form.multi_items() if form else []),
                headers=dict(request.headers),
                whole=f"{request.scope} {request.url} {body!r}",
            )
        )
        return request.query_params.multi_items()

    def declare(self):
        connect = self.world.connect
        found, found_sync = Depends(connect.context), Depends(connect.sync_context)

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        async def panel(request: Request, context: Context = found):
            return title(await self.saw(request, context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        async def dialog(request: Request, context: Context = found):
            return title(await self.saw(request, context))

        @connect.page("Streams", key="stream")
        def stream():
            return StreamingResponse((piece for piece in PIECES), media_type="text/html")

        @connect.page("Own policy", key="own-policy")
        def own_policy():
            headers = {"Content-Security-Policy": OWN_POLICY, "X-Frame-Options": "DENY", **COOKIE}
            return HTMLResponse("<p>", headers={**headers, "Cache-Control": "public"})

        @connect.context_route("/api", methods=["GET", "POST"])
        async def api(request: Request, context: Context = found):
            await self.saw(request, context)
            return about(context)

        @connect.context_route("/image", query=True)
        async def image(request: Request, context: Context = found):
            await self.saw(request, context)
            return about(context)

        @connect.ticket_route("/file")
        async def file(request: Request, context: Context = found):
            await self.saw(request, context)
            return about(context)

        @connect.context_route("/links")
        def links(context: SyncContext = found_sync):
            return {"link": context.token_url("/file", id=5)}

        @connect.tenant_route("/any")
        def any_kind(context: SyncContext = found_sync):
            return about(context)

        @connect.webhook("jira:issue_updated")
        async def updated(event, context):
            self.told(event, context)

        @connect.page("Fails", key="fails")
        async def fails():
            raise RuntimeError("the password is hunter2")

        @connect.context_route("/fails-call")
        async def fails_call():
            raise RuntimeError("the password is hunter2")

        @connect.remote_route("/condition")
        def condition():
            return {"shouldDisplay": True}

    def start(self):
        app = FastAPI()
        app.include_router(self.world.connect.router)
        self.world.app, self.world.caller = app, call_asgi


class TestFastApi(Conformance):
    framework = FastApiHarness


# ---- FastAPI's own --------------------------------------------------------------------------


@pytest.fixture
def world(make_world):
    return make_world(framework=Connect)


def included(world, *routers):
    world.app = FastAPI()
    world.app.include_router(world.connect.router)
    for router in routers:
        world.app.include_router(router)
    world.install()
    return world


def test_parameters_are_injected_and_the_context_is_typed(world):
    connect = world.connect

    @connect.context_route("/issues/list")
    async def listed(
        context: Annotated[Context, Depends(connect.context)], count: int, key: str = "A"
    ) -> dict[str, str]:
        return {"user": str(context.account_id), "keys": key * count}

    included(world)
    answer = world.call("GET", "/issues/list?count=2&key=B", world.context_token())
    assert json.loads(answer.body) == {"user": "ada", "keys": "BB"}
    assert world.call("GET", "/issues/list?count=x", world.context_token()).status == 422
    assert world.call("GET", "/issues/list?count=x").id == "token-missing"


def test_the_openapi_page_shows_forges_scheme_for_forges_routes(make_world):
    world = make_world(framework=Connect, forge=APP_ID)
    connect = world.connect

    @connect.forge_route("/invoked")
    async def invoked(context: Annotated[Context, Depends(connect.context)]) -> str:
        return ""

    @connect.context_route("/api")
    def api(context: Annotated[SyncContext, Depends(connect.sync_context)]) -> str:
        return ""

    included(world)
    told = json.loads(world.call("GET", "/openapi.json").body)
    assert told["paths"]["/invoked"]["post"]["security"] == [{"Forge": []}]
    assert told["paths"]["/api"]["get"]["security"] == [{"Connect": []}]
    assert told["components"]["securitySchemes"]["Forge"]["scheme"] == "bearer"


def test_the_openapi_page_shows_the_scheme(world):
    @world.connect.context_route("/api")
    def api(context: Annotated[SyncContext, Depends(world.connect.sync_context)]) -> str:
        return ""

    @world.connect.panel("P", location="x", key="p")
    def panel() -> str:
        return ""

    included(world)
    told = json.loads(world.call("GET", "/openapi.json").body)
    scheme = told["components"]["securitySchemes"]["Connect"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "JWT")
    for path in ("/api", "/p"):
        assert told["paths"][path]["get"]["security"] == [{"Connect": []}]
    assert "text/html" in told["paths"]["/p"]["get"]["responses"]["200"]["content"]
    assert "/installed" not in told["paths"]


def test_a_router_of_fastapis_own_asks_for_a_token(world):
    router = APIRouter(prefix="/v1")

    @router.get("/me")
    async def me(
        request: Request, context: Annotated[Context, Depends(world.connect.call_context)]
    ) -> dict[str, str]:
        assert "eyJ" not in repr(request.scope)
        return {"user": str(context.account_id)}

    included(world, router)
    answer = world.call("GET", "/v1/me", world.context_token())
    assert json.loads(answer.body) == {"user": "ada"}
    assert answer.header("cache-control") == "no-store"
    for token, refusal in (
        (None, "token-missing"),
        (world.request_token("GET", "/v1/me"), "kind-refused"),
    ):
        answer = world.call("GET", "/v1/me", token)
        assert (answer.status, answer.id) == (401, refusal)
        assert refusal in json.loads(answer.body)["detail"]
    assert answer.header("www-authenticate") == 'JWT realm="my-app"'


def test_a_context_is_for_routes_that_are_checked(world):
    router = APIRouter()

    @router.get("/open")
    async def unchecked(context: Annotated[Context, Depends(world.connect.context)]) -> str:
        return "secret"

    included(world, router)
    with pytest.raises(ConfigurationError, match="connect declares"):
        world.call("GET", "/open", world.context_token())


def test_a_route_of_headways_own_has_no_handler():
    with pytest.raises(ConfigurationError):
        asyncio.run(_nothing({}, None, None, None))


def test_an_app_below_a_path(make_world):
    world = make_world(framework=Connect, base_url="http://127.0.0.1:3000/base")

    @world.connect.page("P", url="/page")
    def page(request: Request) -> str:
        return request.url.path

    included(world)
    token = world.request_token("GET", "/base/page")
    assert world.call("GET", f"/base/page?jwt={token}").text.endswith("/base/page")
