"""Logs as JSON lines, one object a line, with no token in any of them.

set_up()                                   # once, where the program begins
app = Connect(..., instruments=[Logs()])   # a line for each decision
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from headway.app.instruments import HostCall, Instrument, KeyFetch
from headway.app.observation import Observation
from headway.redact import RedactingFilter

__all__ = ["JsonFormatter", "Logs", "set_up"]

log = logging.getLogger("headway.app")

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, message, and what ``extra`` added.

    >>> record = logging.makeLogRecord({"msg": "hello", "name": "a", "levelname": "INFO"})
    >>> record.created = 0.0
    >>> JsonFormatter().format(record)
    '{"time":"1970-01-01T00:00:00.000Z","level":"INFO","logger":"a","message":"hello"}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        seconds, fraction = divmod(record.created, 1)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        told: dict[str, object] = {
            "time": f"{moment}.{int(fraction * 1000):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told.update((name, value) for name, value in vars(record).items() if name not in _OWN)
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        elif record.exc_text:
            told["error"] = record.exc_text
        return json.dumps(told, default=str, separators=(",", ":"))


def set_up(level: int = logging.INFO, stream: TextIO | None = None) -> logging.Handler:
    """Log everything from *level* on as JSON lines to *stream* (standard error), redacted.

    Returns the handler, which takes the place of the root logger's handlers.
    The filter is on the handler, so that it sees the records of every library.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    return handler


class Logs(Instrument):
    """A line for each decision, each fetch of keys and each call to a site.

    What was refused is a warning, what was let in is information; a failed
    fetch is an error.
    """

    def decided(self, seen: Observation) -> None:
        """One line for one request."""
        level = logging.INFO if seen.refusal is None else logging.WARNING
        told = {
            "route": seen.route,
            "method": seen.method,
            "direction": str(seen.direction),
            "kind": seen.kind,
            "location": seen.location,
            "phase": seen.phase,
            "verdict": seen.refusal or "ok",
            "client": seen.client,
            "site": seen.claims.get("iss") if seen.verified else None,
        }
        log.log(level, "request", extra={k: v for k, v in told.items() if v is not None})

    def fetched_keys(self, fetch: KeyFetch) -> None:
        """One line for one fetch."""
        level = logging.INFO if fetch.outcome == "ok" else logging.ERROR
        told = {"source": fetch.source, "outcome": fetch.outcome, "seconds": fetch.seconds}
        log.log(level, "key fetch", extra=told)

    def called_host(self, call: HostCall) -> None:
        """One line for one call, without its query."""
        told = {
            "method": call.method,
            "url": call.origin + call.path,
            "status": call.status,
            "seconds": call.seconds,
        }
        log.info("host call", extra=told)
