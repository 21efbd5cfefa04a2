"""What looks like a token, and a watch on every log record of a test.

A record of Headway's own loggers is judged as it is.  A record of somebody
else's library is judged as Headway's documentation sets logging up: with the
redacting filter on the handler (an HTTP client, for one, logs whole URLs).
"""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import Any, Self

from headway.redact import RedactingFilter

_TOKEN = re.compile(r"eyJ[\w-]{8,}(?:\.|%2[Ee])[\w-]{8,}(?:\.|%2[Ee])[\w-]{16,}")


def token_shaped(text: str) -> bool:
    """Whether *text* holds a whole signed token, plain or with its dots percent-encoded."""
    return "eyJ" in text and _TOKEN.search(text) is not None


class TokenWatch:
    """While it is entered, every record of every logger is formatted and looked at.

    It stands before the handlers, so that neither a logger's own handler nor
    ``propagate = False`` hides a record.  ``offenders`` are the loggers' names;
    the token itself is never kept.
    """

    def __init__(self) -> None:
        self.offenders: set[str] = set()
        self._formatter = logging.Formatter("%(name)s %(message)s")

    def __enter__(self) -> Self:
        self._original: Any = logging.Logger.callHandlers
        watch = self

        def seen(logger: logging.Logger, record: logging.LogRecord) -> None:
            watch.look(record)
            watch._original(logger, record)

        logging.Logger.callHandlers = seen  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.Logger.callHandlers = self._original  # type: ignore[method-assign]

    def look(self, record: logging.LogRecord) -> None:
        copy = logging.makeLogRecord(record.__dict__)
        copy.exc_text = None
        if not token_shaped(self._formatter.format(copy)):
            return
        if record.name.partition(".")[0] == "headway" or token_shaped(self._redacted(record)):
            self.offenders.add(record.name)

    def _redacted(self, record: logging.LogRecord) -> str:
        copy = logging.makeLogRecord(record.__dict__)
        return self._formatter.format(copy) if RedactingFilter().filter(copy) else ""
