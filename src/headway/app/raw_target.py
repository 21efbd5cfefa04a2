"""The raw target for the server of the standard library, which gives none by itself.

    from wsgiref.simple_server import make_server
    from headway.app.raw_target import RawTargetHandler

    make_server("127.0.0.1", 3000, application, handler_class=RawTargetHandler).serve_forever()

For development: that server answers one request at a time.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

__all__ = ["RawTargetHandler"]


class RawTargetHandler(WSGIRequestHandler):
    """Gives the raw target; its log holds no query, and so no token."""

    def get_environ(self) -> dict[str, Any]:
        """The environ, with ``REQUEST_URI``."""
        return {**super().get_environ(), "REQUEST_URI": self.path}

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log the request without its query."""
        status = code.value if isinstance(code, HTTPStatus) else code
        path = self.path.partition("?")[0] if hasattr(self, "path") else "-"
        self.log_message('"%s %s" %s %s', self.command, path, status, size)
