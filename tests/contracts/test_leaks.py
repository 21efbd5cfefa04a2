"""Third-party logs, database errors and captured locals show no token and no secret."""

from __future__ import annotations

import hmac
import io
import logging
import sys
import traceback
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator

import httpx
import pytest
import sqlalchemy as sa
from contracts.modules import SRC
from contracts.tokens import token_shaped

from headway import jwt, verify
from headway.errors import HeadwayError, Refusal
from headway.model import Direction, Kind, RequestFacts, Secret
from headway.policy import ATLASSIAN_2022
from headway.ports import Credentials
from headway.redact import RedactingFilter
from headway.store.engine import open_engine

pytestmark = pytest.mark.logs_tokens

NOW = 1_700_000_000
KEY = b"a secret that nobody may ever read"


def token(payload: bytes, header: bytes = b'{"alg":"HS256","typ":"JWT"}') -> str:
    """Signed by hand, so that no code of ours is its own judge."""
    head, body = (urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    mac = hmac.digest(KEY, head + b"." + body, "sha256")
    return b".".join([head, body, urlsafe_b64encode(mac).rstrip(b"=")]).decode()


TOKEN = token(b'{"iss":"a-client-key","iat":1700000000,"exp":1700000180,"qsh":"%s"}' % (b"0" * 64))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A handler as the documentation sets it up: on the root, with the filter on it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


# ---- logs -----------------------------------------------------------------------------------


def test_the_shape_is_seen() -> None:
    assert token_shaped(f"GET /x?jwt={TOKEN} HTTP/1.1")
    assert token_shaped(TOKEN.replace(".", "%2E"))
    assert not token_shaped(TOKEN.rpartition(".")[0])


def test_an_http_client_at_info(log: io.StringIO) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(transport=transport) as client:
        client.get("http://127.0.0.1/panel", params={"jwt": TOKEN, "lang": "en"})
    assert "HTTP Request: GET http://127.0.0.1/panel" in log.getvalue()
    assert not token_shaped(log.getvalue())


def test_a_child_logger(log: io.StringIO) -> None:
    """A filter on a logger is not asked for its children's records; one on the handler is."""
    logging.getLogger("somebody.elses.child").warning("GET /panel?jwt=%s", TOKEN)
    assert "GET /panel" in log.getvalue()
    assert TOKEN not in log.getvalue()


def test_an_exception_in_a_log(log: io.StringIO) -> None:
    try:
        raise ValueError(f"bad url: /panel?jwt={TOKEN}")
    except ValueError:
        logging.getLogger("somebody.else").exception("request failed")
    assert "request failed" in log.getvalue()
    assert not token_shaped(log.getvalue())


# ---- databases ------------------------------------------------------------------------------


def test_a_database_error_shows_no_bound_secret(log: io.StringIO) -> None:
    engine = open_engine(":memory:")
    bound = {"secret": KEY.decode()}
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (secret TEXT UNIQUE)"))
        connection.execute(sa.text("INSERT INTO t VALUES (:secret)"), bound)
        with pytest.raises(sa.exc.IntegrityError) as caught:
            connection.execute(sa.text("INSERT INTO t VALUES (:secret)"), bound)
    engine.dispose()
    assert KEY.decode() not in str(caught.value)
    assert KEY.decode() not in log.getvalue()


# ---- tracebacks with locals, as error reporters send them ----------------------------------

SIGNATURE = TOKEN.rpartition(".")[2]

BROKEN = {
    "padded": TOKEN + "=",
    "four parts": TOKEN + "." + TOKEN.rpartition(".")[2],
    "stray bits": TOKEN[:-1] + ("B" if TOKEN[-1] != "B" else "C"),
    "foreign character": TOKEN.replace(".", ".!", 1),
    "too large": TOKEN + "A" * 9000,
    "not an object": token(b"[1]"),
    "duplicate": token(b'{"iss":"a","iss":"b"}'),
    "no dates": token(b'{"iss":"a","exp":true}'),
    "critical": token(b'{"iss":"a"}', b'{"alg":"HS256","crit":["x"]}'),
}


def frames_of_ours(error: BaseException) -> str:
    """The traceback with the locals of each frame that is Headway's."""
    lines: list[str] = []
    while error is not None:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        lines.append(f"{error!r} {error}")
        lines += [f"{f.name} {f.locals}" for f in report.stack if f.filename.startswith(str(SRC))]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return "\n".join(lines)


def refused(call: Callable[[], object]) -> str:
    try:
        call()
    except HeadwayError as error:
        return frames_of_ours(error)
    raise AssertionError("this should have been refused")


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_malformed_token_is_in_no_local(text: str) -> None:
    shown = refused(lambda: jwt.decode(text))
    assert not token_shaped(shown)
    assert text.rpartition(".")[2][:20] not in shown


REQUESTS = {
    "header": RequestFacts(method="GET", raw_path="/panel", authorization=(f"JWT {TOKEN}",)),
    "query": RequestFacts(method="GET", raw_path="/panel", raw_query=f"jwt={TOKEN}"),
    "both": RequestFacts(
        method="GET",
        raw_path="/panel",
        raw_query=f"jwt={TOKEN}",
        authorization=(f"JWT {TOKEN}",),
    ),
    "twice": RequestFacts(method="GET", raw_path="/panel", raw_query=f"jwt={TOKEN}&jwt={TOKEN}"),
    "malformed": RequestFacts(method="GET", raw_path="/panel", raw_query=f"jwt={TOKEN}="),
}
SECRETS = {"no installation": None, "right": Secret(KEY), "wrong": Secret(KEY[::-1])}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_refused_token_is_in_no_local(request_: RequestFacts, secret: Secret | None) -> None:
    def check() -> None:
        steps = verify.verify(
            request_,
            accept=verify.Accept(Direction.MODULE, {Kind.REQUEST}),
            expected=verify.Expected(),
            now=NOW,
            policy=ATLASSIAN_2022,
        )
        next(steps)
        answer = Credentials(keys=(secret,)) if secret else None
        while True:
            steps.send(answer)

    shown = refused(check)
    assert not token_shaped(shown)
    assert SIGNATURE not in shown
    assert KEY.decode() not in shown


def test_a_refusal_repeats_no_token() -> None:
    for text in BROKEN.values():
        with pytest.raises(Refusal) as caught:
            jwt.decode(text)
        said = f"{caught.value} {caught.value!r} {caught.value.args}"
        assert not token_shaped(said)


def test_the_report_would_show_locals() -> None:
    """The judge above sees locals at all: a frame that holds a token in a plain local."""

    def careless(text: str) -> None:
        raise ValueError(len(text))

    try:
        careless(TOKEN)
    except ValueError:
        report = traceback.TracebackException(*sys.exc_info(), capture_locals=True)
    assert token_shaped(str([f.locals for f in report.stack]))
