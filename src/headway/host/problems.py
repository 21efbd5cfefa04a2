"""What an error looks like: a page for a person, the API's JSON for a client.

Neither holds a traceback or anything of the request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headway.errors import Refusal
from headway.host.access import AccessTokenInvalid
from headway.host.answers import error_writer, host_answer
from headway.host.gate import Forbidden
from headway.host.visit import is_browser, render, seen_by

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["Problem", "errors", "problem"]

Handler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]

TITLES = {
    400: "That can not be done",
    401: "Please log in",
    403: "You may not do that",
    404: "There is nothing here",
    405: "This address is used differently",
    413: "That is too much at once",
    500: "Something broke",
}
TEXTS = {
    404: "The address is wrong, or what it named is gone.",
    405: "It is there, but not for this kind of request.",
    500: "That is a fault of the site itself. Its log, where it was started, says more.",
}


class Problem(NamedTuple):
    """An error for people; *hint* says what to do."""

    status: int
    title: str
    text: str = ""
    hint: str = ""
    id: str = ""


def problem(error: Exception) -> Problem:
    """What is told of *error* to whoever met it.

    >>> problem(HTTPException(404)).title
    'There is nothing here'
    """
    if isinstance(error, HTTPException):
        status = error.status_code
        told = error.detail != HTTPStatus(status).phrase
        return _titled(status, error.detail if told else TEXTS.get(status, ""))
    if isinstance(error, Refusal):
        public = error.public
        text = public.title[:1].upper() + public.title[1:] + "."
        return _titled(public.status, text, hint=public.hint, id=public.id)
    if isinstance(error, Forbidden | AccessTokenInvalid):
        return _titled(403 if isinstance(error, Forbidden) else 401, str(error))
    return _titled(500, TEXTS[500])


def _titled(status: int, text: str, hint: str = "", id: str = "") -> Problem:  # noqa: A002
    return Problem(status, TITLES.get(status, HTTPStatus(status).phrase), text, hint, id)


def errors(site: Site) -> Mapping[type[Exception], Handler]:
    """Starlette's exception handlers for the whole site."""

    async def handle(request: Request, error: Exception) -> Response:
        found = problem(error)
        if is_browser(request):
            # What broke may be what a page needs, so that a 500 asks for nothing.
            visit = None if found.status >= 500 else seen_by(site, request)
            answer = render(site, visit, "problem.html", found.status, problem=found)
        elif isinstance(error, Refusal | Forbidden | AccessTokenInvalid):
            answer = host_answer(error, error_writer(request.url.path))
        else:
            write = error_writer(request.url.path)
            answer = write(found.status, found.text or found.title)
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})
        return answer

    return dict.fromkeys((HTTPException, Refusal, Forbidden, AccessTokenInvalid, Exception), handle)
