"""Which WSGI server runs here, and whether it gives the raw target that a hash is over.

Nothing tells a WSGI application who will serve it, and a server may begin long
after the application was made.  So what is loaded is looked at when the
application is made, and a few times more in the half minute after it.  The
first request says it for sure, whichever server it is
(``docs/decisions/0018-wsgi-servers-without-a-raw-target.md``).
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["SERVERS", "Server", "serving", "watch"]

log = logging.getLogger(__name__)


class Server(NamedTuple):
    """A server by the ``module`` that runs it; ``raw`` where it gives the raw target.

    What other code loads too counts only while there is an object of ``kind``.
    """

    name: str
    module: str
    raw: bool
    kind: str = ""


SERVERS = (
    Server("gunicorn", "gunicorn", raw=True),
    Server("uWSGI", "uwsgi", raw=True),
    Server("mod_wsgi", "mod_wsgi", raw=True),
    Server("waitress", "waitress.server", raw=True),
    Server("cheroot", "cheroot.wsgi", raw=True),
    Server("Werkzeug", "werkzeug.serving", raw=True, kind="BaseWSGIServer"),  # Flask loads it
    Server("granian", "granian", raw=False),
    Server("bjoern", "bjoern", raw=False),
    Server("gevent.pywsgi", "gevent.pywsgi", raw=False),
    Server("eventlet.wsgi", "eventlet.wsgi", raw=False),
    # Django and the client of Prometheus load it
    Server("wsgiref", "wsgiref.simple_server", raw=False, kind="WSGIServer"),
)
"""Each was run to see it."""

GIVES_IT = " or ".join(server.name for server in SERVERS if server.raw)
LOOKS = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between looks at what is loaded, after the application was made."""

_RAW_HANDLERS = ("headway.app.raw_target", "headway.app.django.management.commands.runserver")
_watching = threading.Event()


def serving(loaded: Mapping[str, Any] = sys.modules) -> Server | None:
    """The server that runs among the *loaded* modules, as far as can be seen.

    One that gives the raw target comes first: the other may be a part of something else.

    >>> serving({"granian": None}).name
    'granian'
    """
    there = (each for each in SERVERS if each.module in loaded)
    return next((each for each in there if _runs(each, loaded)), None)


def _runs(server: Server, loaded: Mapping[str, Any]) -> bool:
    if not server.kind:
        return True
    kind = getattr(loaded[server.module], server.kind, None)
    return kind is not None and any(server.raw or _lacks_it(each) for each in _objects(kind))


def _objects(kind: type) -> Iterator[Any]:
    """The objects of *kind* that there are: each refers to its own class."""
    kinds = [kind]
    for each in kinds:
        kinds += each.__subclasses__()
        yield from (found for found in gc.get_referrers(each) if type(found) is each)


def _lacks_it(server: Any) -> bool:
    """Whether a server of the standard library serves an app without the raw target."""
    bases = getattr(getattr(server, "RequestHandlerClass", None), "__mro__", ())
    app = getattr(server.get_app(), "__module__", "")
    mended = any(base.__module__ in _RAW_HANDLERS for base in bases)
    return not mended and not app.startswith("prometheus_client")  # which serves its own page


def watch() -> None:
    """Say now, or as soon as it runs, that a server gives no raw target; once a process."""
    if _said() or _watching.is_set():
        return
    _watching.set()
    threading.Thread(target=_look, name="headway-server", daemon=True).start()


def _look() -> None:
    ended = threading.Event()
    for seconds in LOOKS:
        ended.wait(seconds)
        if _said():
            return


def _said() -> bool:
    """Whether it is known who serves; said where that one gives no raw target."""
    found = serving()
    if found is not None and not found.raw:
        log.critical(
            "%s gives WSGI applications no raw request target, so no token can be checked and "
            "every route of Headway's answers 500: serve the app by %s",
            found.name,
            GIVES_IT,
        )
    return found is not None
