"""The verbs on Django: routes as URL patterns, handlers as views.

A handler is a view, plain or ``async``, that is called with the request and
with the context that the token proved.  Checking is the middleware's: a view
that is reached without it does not run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from headway.app import connect as core
from headway.app.exchange import Admitted, Answer, answer_of
from headway.app.routes import Serves
from headway.errors import Refusal

__all__ = ["ADMITTED", "Connect", "response_of"]

ADMITTED = "headway_admitted"
"""The attribute of a request that was admitted."""


class Connect(core.Connect):
    """An app whose ``urls`` are for ``include``.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> app.urls
    []
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._views: dict[str, Callable[..., Any]] = {}

    @property
    def urls(self) -> list[URLPattern]:
        """The app's own routes; the middleware answers all others."""
        return [
            re_path(rf"^{re.escape(path[1:])}\Z", view, name=view.__name__)
            for path, view in self.views().items()
        ]

    def views(self) -> Mapping[str, Callable[..., Any]]:
        """The view of each path, the same one each time."""
        handlers: dict[str, dict[str, Callable[..., Any]]] = {}
        for route in self.own_routes():
            if route.serves is Serves.HANDLER and route.handler is not None:
                of_path = handlers.setdefault(self.base_path + route.path, {})
                of_path.update(dict.fromkeys(route.methods, route.handler))
        for path, of_path in handlers.items():
            if path not in self._views:
                self._views[path] = _view(of_path)
        return {path: self._views[path] for path in handlers}


def _name(handlers: dict[str, Callable[..., Any]]) -> str:
    return f"headway-{next(iter(handlers.values())).__name__}"


def _view(handlers: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The view of one path.  A token proves each request, so none needs Django's own."""

    def chosen(request: HttpRequest) -> tuple[Callable[..., Any], Admitted]:
        admitted = getattr(request, ADMITTED, None)
        if admitted is None:
            raise ImproperlyConfigured("headway.app.django.middleware is not in MIDDLEWARE")
        handler = (
            handlers.get(str(request.method)) or handlers["GET"]
        )  # the middleware lets HEAD in
        return handler, admitted

    def view(request: HttpRequest) -> HttpResponseBase:
        handler, admitted = chosen(request)
        try:
            with admitted.sync_context() as context:
                return response_of(handler(request, context))
        except Refusal as refusal:  # before Django makes a 500 of it
            return response_of(admitted.outage(refusal))

    async def aview(request: HttpRequest) -> HttpResponseBase:
        handler, admitted = chosen(request)
        if not inspect.iscoroutinefunction(handler):
            return await sync_to_async(view)(request)
        try:
            return response_of(await _awaited(handler, request, admitted))
        except Refusal as refusal:
            return response_of(admitted.outage(refusal))

    waits = any(inspect.iscoroutinefunction(handler) for handler in handlers.values())
    chosen_view: Callable[..., Any] = csrf_exempt(aview if waits else view)
    chosen_view.__name__ = _name(handlers)
    return chosen_view


async def _awaited(
    handler: Callable[..., Awaitable[Any]], request: HttpRequest, admitted: Admitted
) -> Any:
    async with admitted.context() as context:
        return await handler(request, context)


def response_of(result: Any) -> HttpResponseBase:
    """What a handler returned, or an answer, as a response of Django's."""
    if isinstance(result, HttpResponseBase):
        return result
    answer: Answer = answer_of(result)
    response = HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
    if answer.status == 204:
        del response["Content-Type"]
    return response
