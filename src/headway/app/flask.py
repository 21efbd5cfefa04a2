"""Connect apps on Flask.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    def hello(context): ...

    app = Flask(__name__)
    connect.init_app(app)

A handler is a view that is called with the context that the token proved;
``flask.g.connect`` has it too.  The token is taken out of a request before
Flask begins with it, so that no hook, no log and no ``flask.request`` sees it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any

import flask

from headway.app import connect as core
from headway.app.background import result_of
from headway.app.context import Context, SyncContext
from headway.app.exchange import Admitted
from headway.app.routes import Route, Serves
from headway.app.servers import watch
from headway.app.wsgi import App, Environ, Routed, Start
from headway.errors import ConfigurationError, Refusal

__all__ = ["Connect", "Context", "SyncContext"]

log = logging.getLogger(__name__)


class Connect(core.Connect):
    """An app that is an extension of a Flask application.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> application = flask.Flask("hello")
    >>> app.init_app(application)
    >>> application.extensions["headway"] is app
    True
    """

    def init_app(self, app: flask.Flask) -> None:
        """Give *app* every route declared so far, and stand in front of it.

        Call it last: what is put around ``app.wsgi_app`` later sees requests
        with their tokens.
        """
        watch()
        for number, route in enumerate(self.own_routes()):
            if route.serves is Serves.HANDLER:
                app.add_url_rule(
                    self.base_path + route.path,
                    _name(app, route, number),
                    _view(route.handler),
                    methods=list(route.methods),
                    provide_automatic_options=False,
                )
        inside = app.wsgi_app
        front = Routed(self, inside, lambda _: _mounted(inside))
        app.wsgi_app = front  # type: ignore[method-assign, assignment]
        app.extensions["headway"] = self


def _name(app: flask.Flask, route: Route, number: int) -> str:
    """The endpoint's name for ``url_for``: ``headway.`` and the function's own."""
    name = f"headway.{getattr(route.handler, '__name__', 'handler')}"
    return f"{name}_{number}" if name in app.view_functions else name


def _mounted(app: App) -> App:
    """*app* as if it lay at the root: its rules are whole paths."""

    def mounted(environ: Environ, start: Start) -> Iterable[bytes]:
        environ["PATH_INFO"] = environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"]
        environ["SCRIPT_NAME"] = ""
        return app(environ, start)

    return mounted


def _view(handler: Any) -> Callable[[], Any]:
    def view() -> Any:
        admitted = flask.request.environ.get("headway.admitted")
        if admitted is None:
            raise ConfigurationError("a route of Headway's was reached around init_app")
        try:
            result = _called(handler, admitted)
        except Refusal as refusal:  # before Flask makes a 500 of it
            told = admitted.outage(refusal)
            return flask.Response(told.body, told.status, told.headers)
        return _nothing() if result is None else result

    return view


def _nothing() -> flask.Response:
    response = flask.Response(status=204)
    del response.headers["Content-Type"]
    return response


def _called(handler: Any, admitted: Admitted) -> Any:
    if inspect.iscoroutinefunction(handler):
        return result_of(_awaited(handler, admitted))
    with admitted.sync_context() as context:
        flask.g.connect = context
        return handler(context)


async def _awaited(handler: Any, admitted: Admitted) -> Any:
    async with admitted.context() as context:
        flask.g.connect = context
        return await handler(context)
