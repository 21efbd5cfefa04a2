"""A host that is not there: it answers as a test says, and remembers what it was asked.

For a site that behaves, with issues and pages, there is
``headway.host.testing.Site``; this is for answers that no site gives on demand.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
import msgspec

from headway.http.answers import origin_of
from headway.model import Direction, Installation, Kind, Product, RequestFacts, Secret
from headway.policy import ATLASSIAN_2022
from headway.ports import Credentials, NeedKey, drive
from headway.verify import Accept, Expected, verify

__all__ = ["Asked", "FakeHost"]

Answer: TypeAlias = httpx.Response | Callable[[httpx.Request], httpx.Response]
_ACCEPT = Accept(Direction.APP_TO_HOST, frozenset({Kind.REQUEST}))


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request that the host got.

    ``path`` has its query; ``signed`` says that it bore a good token of the
    app's, ``bearer`` that it bore an access token: neither is kept.
    ``headers`` are in lower case, without credentials.
    """

    method: str
    origin: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    signed: bool
    bearer: bool

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class FakeHost:
    """Answers what :meth:`answer` said, else 404; ``asked`` is what came.

    ``transport`` is for ``HostClient``, ``SyncHostClient`` and ``Connect``;
    ``installation`` is one that its tokens are checked with.

    >>> from headway.app.client import SyncHostClient
    >>> fake = FakeHost()
    >>> fake.answer("POST", "/rest/api/3/issue", status=201, json={"key": "A-1"})
    >>> with SyncHostClient(fake.installation, transport=fake.transport) as host:
    ...     host.post("/rest/api/3/issue", json={"fields": {}}).json()["key"]
    'A-1'
    >>> fake.asked[0].signed, fake.asked[0].json
    (True, {'fields': {}})
    """

    def __init__(self, installation: Installation | None = None) -> None:
        self.installation = installation or Installation(
            app_key="my-app",
            client_key="fake-site",
            base_url="https://fake.atlassian.net",
            product=Product.JIRA,
            shared_secret=Secret("a secret of the fake host, 32 bytes"),
            oauth_client_id="fake-client",
        )
        self.asked: list[Asked] = []
        self.transport = httpx.MockTransport(self._handle)
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)

    def answer(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        json: Any = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        by: Callable[[httpx.Request], httpx.Response] | None = None,
    ) -> None:
        """Answer *method* and *path*, below the base URL or a whole address, so from now on.

        Said more than once for one path, the answers come one after the other,
        and the last one stays.  A path without a query stands for every query.
        *by* makes the answer instead, or raises an error of httpx.
        """
        if by is not None:
            made: Answer = by
        elif json is not None:
            made = httpx.Response(status, json=json, headers=headers)
        else:
            made = httpx.Response(status, content=content, headers=headers)
        self._answers[method.upper(), self._whole(path)].append(made)

    def _whole(self, path: str) -> str:
        return self.installation.base_url + path if path.startswith("/") else path

    def _handle(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        with self._lock:
            self.asked.append(self._seen(request))
            waiting = self._answers.get((request.method, url)) or self._answers.get(
                (request.method, url.partition("?")[0])
            )
            if not waiting:
                return httpx.Response(404, json={"errorMessages": ["Nothing was said for this."]})
            answer = waiting.popleft() if len(waiting) > 1 else waiting[0]
        if not isinstance(answer, httpx.Response):
            return answer(request)
        return httpx.Response(
            answer.status_code, headers=answer.headers.raw, content=answer.content
        )

    def _seen(self, request: httpx.Request) -> Asked:
        credentials = request.headers.get("authorization", "")
        return Asked(
            method=request.method,
            origin=origin_of(str(request.url.copy_with(userinfo=b"", path="/", query=None))),
            path=request.url.raw_path.decode("ascii"),
            headers={k: v for k, v in request.headers.items() if k != "authorization"},
            body=request.read(),
            signed=credentials.startswith("JWT ") and self._is_signed(request, credentials),
            bearer=credentials.startswith("Bearer "),
        )

    def _is_signed(self, request: httpx.Request, credentials: str) -> bool:
        """Whether the token is this installation's, for this very request; else it raises why."""
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        facts = RequestFacts(
            method=request.method,
            raw_path=path,
            raw_query=query,
            base_path=urlsplit(self.installation.base_url).path,
            authorization=(credentials,),
        )
        expected = Expected(app_key=self.installation.app_key)
        steps = verify(
            facts, accept=_ACCEPT, expected=expected, now=time.time(), policy=ATLASSIAN_2022
        )
        drive(steps, _Known(self.installation))
        return True

    def __repr__(self) -> str:
        return f"<fake host, asked {len(self.asked)} times>"


class _Known:
    """The one key that there is."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def find(self, need: NeedKey) -> Credentials | None:
        if need.issuer != self._installation.app_key:
            return None
        return Credentials(keys=(self._installation.shared_secret,))
