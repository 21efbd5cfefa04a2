"""What one request check costs, beside the usual packages.

One HS256 request token and one request are checked by Headway (every cache
emptied before each check, and warm), by ``atlassian-jwt`` and by ``PyJWT`` with
the hash of ``atlassian-jwt``.  The limit is ``hmac.digest`` over the same
bytes.  Rounds are interleaved; a case's turn begins with some calls that do not
count, because the case before left the processor's caches in its own state.
Each figure is thread CPU time, and the lower quartile is quoted: other work on
the machine only adds.
"""

from __future__ import annotations

import hmac
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version

import atlassian_jwt
import jwt as pyjwt
from atlassian_jwt.url_utils import hash_url

from headway import jwt, policy, qsh, sign
from headway.model import Direction, Installation, Kind, Product, RequestFacts, Secret
from headway.ports import Credentials, NeedKey, drive
from headway.verify import Accept, Expected, verify

ROUNDS, UNTIMED, LOOPS = 40, 20, 200
IMPORT_RUNS = 15
NOW = int(time.time())
BASE = "https://app.example"
PATH = "/panel"
QUERY = (
    "xdm_e=https%3A%2F%2Fx.atlassian.net&xdm_c=channel-app__panel&cp=&lic=active"
    "&xdm_deprecated_addon_key_do_not_use=app&cv=1001.0.0-SNAPSHOT&issue=DEMO-1&id=10&id=11"
)
SECRET_TEXT = "s0m3-sh@r3d-s3cr37-of-32-bytes-or-so"
CLIENT_KEY = "11111111-2222-3333-4444-555555555555"

SECRET = Secret(SECRET_TEXT)
TOKEN = str(
    sign.request_token(
        SECRET,
        issuer=CLIENT_KEY,
        method="GET",
        raw_path=PATH,
        raw_query=QUERY,
        now=NOW,
        subject="557058:0d3c0000-0000-4000-8000-000000000000",
        context={},
        life=3600,
    )
)
CREDENTIALS = Credentials(
    keys=(SECRET,),
    installation=Installation(
        app_key="app",
        client_key=CLIENT_KEY,
        base_url="https://x.atlassian.net",
        product=Product.JIRA,
        shared_secret=SECRET,
    ),
)
ACCEPT = Accept(Direction.MODULE, frozenset({Kind.REQUEST}))
EXPECTED = Expected(app_key="app", audience=(BASE,))
SIGNED = TOKEN.rpartition(".")[0].encode()


class Keys:
    """The answer from memory: a look-up is measured elsewhere."""

    def find(self, need: NeedKey) -> Credentials:
        return CREDENTIALS


KEYS = Keys()


def headway_warm() -> None:
    """One check, from the facts to what was proved."""
    facts = RequestFacts(
        method="GET", raw_path=PATH, raw_query=QUERY, authorization=(f"JWT {TOKEN}",)
    )
    steps = verify(facts, accept=ACCEPT, expected=EXPECTED, now=NOW, policy=policy.ATLASSIAN_2022)
    drive(steps, KEYS)


def headway_cold() -> None:
    """The same with nothing kept from an earlier request."""
    qsh.forget_kept()
    jwt.forget_kept()
    headway_warm()


class Authenticator(atlassian_jwt.Authenticator):  # type: ignore[misc]
    """``atlassian-jwt`` as its documents say."""

    def get_shared_secret(self, client_key: str) -> str:
        return SECRET_TEXT


AUTHENTICATOR = Authenticator()


def atlassian() -> None:
    """``atlassian-jwt``, with header and hash."""
    AUTHENTICATOR.authenticate("GET", f"{PATH}?{QUERY}", {"Authorization": f"JWT {TOKEN}"})


def py_jwt() -> None:
    """``PyJWT`` and the hash function of ``atlassian-jwt``."""
    claims = pyjwt.decode(TOKEN, SECRET_TEXT, algorithms=["HS256"])
    if not hmac.compare_digest(claims["qsh"], hash_url("GET", f"{PATH}?{QUERY}")):
        raise AssertionError


def limit() -> None:
    """One HMAC over the same bytes."""
    hmac.digest(SECRET.reveal(), SIGNED, "sha256")


CASES: dict[str, Callable[[], None]] = {
    "headway, cold": headway_cold,
    "headway, warm": headway_warm,
    "atlassian-jwt": atlassian,
    "PyJWT + its hash": py_jwt,
    "hmac.digest": limit,
}


def measure() -> dict[str, float]:
    """Microseconds of CPU for one call of each case: the lower quartile of the rounds."""
    samples: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, case in CASES.items():
            for _ in range(UNTIMED):
                case()
            begin = time.thread_time_ns()
            for _ in range(LOOPS):
                case()
            samples[name].append((time.thread_time_ns() - begin) / LOOPS / 1000)
    return {name: sorted(values)[len(values) // 4] for name, values in samples.items()}


def import_milliseconds() -> float:
    """``import headway`` in a new interpreter: the least of several, in milliseconds of CPU.

    As where it is installed: with the bytecode that the first import wrote.
    """
    code = (
        "import time; a = time.thread_time(); import headway;print((time.thread_time() - a) * 1000)"
    )
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", code]
        runs = [
            subprocess.run(command, env=environment, capture_output=True, check=True)
            for _ in range(IMPORT_RUNS)
        ]
    return min(float(run.stdout) for run in runs)


def main() -> None:
    """Measure and print."""
    cost = measure()
    cold, warm = cost["headway, cold"], cost["headway, warm"]
    print(
        f"Python {platform.python_version()}, atlassian-jwt {version('atlassian-jwt')}, "
        f"PyJWT {version('pyjwt')}; token {len(TOKEN)} bytes, query {len(QUERY)} bytes"
    )
    for name, microseconds in cost.items():
        print(f"{name:<18} {microseconds:8.1f} us")
    ratios = {
        "atlassian-jwt / headway cold": cost["atlassian-jwt"] / cold,
        "atlassian-jwt / headway warm": cost["atlassian-jwt"] / warm,
        "PyJWT / headway warm": cost["PyJWT + its hash"] / warm,
        "headway warm / hmac.digest": warm / cost["hmac.digest"],
    }
    for name, ratio in ratios.items():
        print(f"{name:<30} {ratio:6.1f}")
    print(f"import headway     {import_milliseconds():8.1f} ms")
    if "--json" in sys.argv:
        print(json.dumps({"microseconds": cost, "ratios": ratios}))
