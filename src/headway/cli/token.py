"""``headway token``: decode, hash, sign and verify by hand.

Secrets come from the environment, a file or a prompt; never from an argument,
which every user of the machine can read.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from headway import jwt, sign
from headway.errors import ConfigurationError, KeyUnusable, Refusal, SecretTooShort
from headway.explain import explain
from headway.keys import RsaPrivateKey, RsaPublicKey
from headway.model import (
    Direction,
    Kind,
    RequestFacts,
    Secret,
    TokenText,
    Unverified,
    Verified,
)
from headway.policy import ATLASSIAN_2022
from headway.ports import Credentials, NeedKey, OnceOnly, drive
from headway.qsh import Form, canonical_request, query_string_hash
from headway.redact import redact, redact_values
from headway.verify import Accept, Expected, verify

__all__ = ["app"]

Key = TypeVar("Key", RsaPrivateKey, RsaPublicKey)

app = typer.Typer(help="Look at tokens, hash requests, sign, verify.", no_args_is_help=True)

SECRET_VARIABLE = "HEADWAY_SECRET"  # noqa: S105  the name of a variable
INPUT_BYTES_MAX = 100_000
DATES = ("iat", "nbf", "exp")
NEEDED = {
    Kind.LIFECYCLE: ("audience", "key_id"),
    Kind.SESSION: ("audience",),
    Kind.ASSERTION: ("audience", "subject", "site"),
}
"""Without which nobody would accept a token that was signed."""

DIRECTIONS = {
    Kind.REQUEST: Direction.MODULE,
    Kind.CONTEXT: Direction.BROWSER_TO_APP,
    Kind.SESSION: Direction.BROWSER_TO_APP,
    Kind.LIFECYCLE: Direction.LIFECYCLE,
    Kind.ASSERTION: Direction.AUTHORIZATION,
}

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
Text = Annotated[str, typer.Argument(help="The token, or - for standard input.", metavar="[TOKEN]")]
BasePath = Annotated[str, typer.Option(help="Path of the receiver's base URL.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help=f"File with the shared secret; else ${SECRET_VARIABLE}, else a prompt."),
]
KeyFile = Annotated[Path | None, typer.Option(help="PEM file with the RSA key (lifecycle).")]


# ---- decode ---------------------------------------------------------------------------------


@app.command()
def decode(text: Text = "-", as_json: Json = False) -> int:
    """Show what a token claims. Nothing is verified."""
    unverified = jwt.decode(_token(text))
    header, claims = _shown(unverified)
    if as_json:
        print(json.dumps({"verified": False, "header": header, "claims": claims}))
        return 0
    print("UNVERIFIED: anybody can write this; only a check with the key proves it.")
    _print_table(header.items(), "header")
    _print_table(_with_dates(claims, time.time()), "claims")
    return 0


def _shown(token: Unverified) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = msgspec.to_builtins((token.header, token.unverified_claims))
    kept = {name: value for name, value in header.items() if value is not None}
    return redact_values(kept), redact_values(claims)


def _with_dates(claims: dict[str, Any], now: float) -> Iterable[tuple[str, Any]]:
    for name, value in claims.items():
        yield name, f"{value}  {_date(value, now)}" if name in DATES else value


def _date(seconds: int, now: float) -> str:
    """A claim's date for people: UTC, and how far from now.

    >>> _date(1643673600, 1643673690)
    '2022-02-01 00:00:00 UTC, 90 s ago'
    """
    away = int(now - seconds)
    units = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    size, unit = next((u for u in units if abs(away) >= 2 * u[0]), units[-1])
    distance = f"{abs(away) // size} {unit}"
    when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"{when}, {distance} ago" if away >= 0 else f"{when}, in {distance}"


def _print_table(rows: Iterable[tuple[str, Any]], title: str) -> None:
    print(title)
    for name, value in rows:
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        print(f"  {name:<8} {_printable(shown)}")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# ---- qsh ------------------------------------------------------------------------------------


@app.command()
def qsh(
    method: Annotated[str | None, typer.Argument(help="GET, POST, ...")] = None,
    url: Annotated[str | None, typer.Argument(help="URL, or path and query.")] = None,
    base_path: BasePath = "",
    lines: Annotated[
        bool,
        typer.Option(
            "--lines",
            help="Read JSON lines {method, raw_path, raw_query, base_path}, "
            "answer {canonical, qsh} or {refused}.",
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Show a request's canonical form and its hash, or why it has none (exit code 1)."""
    if lines:
        for line in sys.stdin.buffer:
            print(json.dumps(_line(line)), flush=True)
        return 0
    if method is None or url is None:
        raise typer.BadParameter("METHOD and URL are needed, or --lines")
    path, query = _target(url)
    answer = _hashed(RequestFacts(method=method, raw_path=path, raw_query=query), base_path)
    if as_json:
        print(json.dumps(answer))
    elif "refused" in answer:
        print(f"refused: {answer['refused']}\n{answer['why']}\n{answer['hint']}", file=sys.stderr)
    else:
        print(f"{redact(answer['canonical'])}\n{answer['qsh']}")
    return 1 if "refused" in answer else 0


def _hashed(request: RequestFacts, base_path: str) -> dict[str, str]:
    target = (request.method, request.raw_path, request.raw_query, base_path)
    try:
        return {"canonical": canonical_request(*target), "qsh": query_string_hash(*target)}
    except Refusal as refusal:
        return {"refused": refusal.id, "why": redact(str(refusal)), "hint": refusal.hint}


def _line(line: bytes) -> dict[str, str]:
    try:
        given = msgspec.json.decode(line, type=dict[str, str])
        request = RequestFacts(
            method=given["method"],
            raw_path=given["raw_path"],
            raw_query=given.get("raw_query", ""),
        )
    except (msgspec.DecodeError, KeyError):
        return {"error": "the line is not an object of texts with method and raw_path"}
    answer = _hashed(request, given.get("base_path", ""))
    return {"refused": answer["refused"]} if "refused" in answer else answer


def _target(url: str) -> tuple[str, str]:
    """Path and query of *url* as they would stand on the request line.

    >>> _target("https://x.example/a%20b?c=d#e")
    ('/a%20b', 'c=d')
    """
    rest = url.partition("#")[0]
    if "://" in rest.partition("?")[0]:
        _, _, rest = rest.partition("://")
        authority = len(rest.partition("/")[0].partition("?")[0])
        rest = rest[authority:]
    path, _, query = rest.partition("?")
    return path or "/", query


# ---- sign -----------------------------------------------------------------------------------


@app.command(name="sign")
def sign_token(
    issuer: Annotated[str, typer.Option(help="An app's key, or a host's clientKey.")],
    kind: Annotated[Kind, typer.Option(help="What the token is for.")] = Kind.REQUEST,
    method: Annotated[str, typer.Option(help="Of the request to sign.")] = "GET",
    url: Annotated[str, typer.Option(help="URL of the request, or path and query.")] = "/",
    base_path: BasePath = "",
    audience: Annotated[str | None, typer.Option(help="Who it is meant for.")] = None,
    subject: Annotated[str | None, typer.Option(help="Account id of the user.")] = None,
    site: Annotated[str, typer.Option(help="Base URL of the site (assertion).")] = "",
    life: Annotated[int, typer.Option(help="Seconds.", min=1)] = 180,
    key_id: Annotated[str, typer.Option(help="kid of the key (lifecycle).")] = "",
    secret_file: SecretFile = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> int:
    """Make a token. The secret comes from the environment, a file or a prompt."""
    given = {"audience": audience, "key_id": key_id, "subject": subject, "site": site}
    for name in NEEDED.get(kind, ()):
        if not given[name]:
            raise typer.BadParameter(
                f"is needed for a token of kind {kind}", param_hint=_option(name)
            )
    path, query = _target(url)
    now = time.time()
    token: TokenText
    if kind is Kind.LIFECYCLE:
        private = _key(RsaPrivateKey.from_pem, key_file)
        token = sign.lifecycle_token(
            private, key_id=key_id, issuer=issuer, audience=audience or "", method=method,
            raw_path=path, raw_query=query, base_path=base_path, now=now, life=life,
        )  # fmt: skip
    elif kind is Kind.REQUEST:
        token = sign.request_token(
            _secret(secret_file), issuer=issuer, method=method, raw_path=path, raw_query=query,
            base_path=base_path, now=now, life=life, subject=subject,
            audience=[audience] if audience else (),
        )  # fmt: skip
    elif kind is Kind.CONTEXT:
        token = sign.context_token(
            _secret(secret_file), issuer=issuer, subject=subject, context={}, now=now, life=life
        )
    elif kind is Kind.SESSION:
        token = sign.session_token(
            _secret(secret_file), app_key=issuer, client_key=audience or "", subject=subject,
            now=now, life=life,
        )  # fmt: skip
    elif kind is Kind.ASSERTION:
        token = sign.assertion_token(
            _secret(secret_file), client_id=issuer, account_id=subject or "", base_url=site,
            audience=audience or "", now=now, life=life,
        )  # fmt: skip
    else:
        raise typer.BadParameter("Forge makes these itself", param_hint="--kind")
    print(json.dumps({"token": token}) if as_json else str(token))
    return 0


# ---- verify ---------------------------------------------------------------------------------


@app.command(name="verify")
def verify_token(
    given: Text = "-",
    kind: Annotated[Kind, typer.Option(help="The kind that is accepted.")] = Kind.REQUEST,
    method: Annotated[str, typer.Option(help="Of the request it came with.")] = "GET",
    url: Annotated[str, typer.Option(help="URL of that request, or path and query.")] = "/",
    base_path: BasePath = "",
    audience: Annotated[str | None, typer.Option(help="The name that must be in aud.")] = None,
    app_key: Annotated[str | None, typer.Option(help="The app's key (session).")] = None,
    all_forms: Annotated[
        bool, typer.Option("--all-forms", help="Accept every official form of the hash.")
    ] = False,
    secret_file: SecretFile = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> int:
    """Check a token against a request and a key. Exit code 1: refused, with the id."""
    text = _token(given)
    path, query = _target(url)
    facts = RequestFacts(
        method=method,
        raw_path=path,
        raw_query=query,
        base_path=base_path,
        authorization=() if kind is Kind.ASSERTION else (f"JWT {text}",),
        form=f"assertion={text}" if kind is Kind.ASSERTION else None,
    )
    expected = Expected(
        app_key=app_key,
        audience=(audience,) if audience else (),
        forms=tuple(Form) if all_forms else (Form.SPEC,),
    )
    steps = verify(
        facts,
        accept=Accept(_direction(kind), {kind}),
        expected=expected,
        now=time.time(),
        policy=ATLASSIAN_2022,
    )
    keys = _Given(secret_file, key_file)
    try:
        verified = drive(steps, keys, keys)
    except Refusal as refusal:
        return _say_refused(refusal, facts, text, as_json)
    return _say_verified(verified, as_json)


class _Given:
    """The one key that the command was given, whoever the token says it is from."""

    def __init__(self, secret_file: Path | None, key_file: Path | None) -> None:
        self._secret_file, self._key_file = secret_file, key_file

    def find(self, need: NeedKey) -> Credentials:
        if need.symmetric:
            return Credentials(keys=(_secret(self._secret_file),))
        return Credentials(keys=(_key(RsaPublicKey.from_pem, self._key_file),))

    def first(self, once: OnceOnly) -> bool:
        return True  # a look by hand uses nothing up


def _direction(kind: Kind) -> Direction:
    if kind not in DIRECTIONS:
        raise typer.BadParameter("Forge's tokens need its key set", param_hint="--kind")
    return DIRECTIONS[kind]


def _say_verified(verified: Verified, as_json: bool) -> int:
    claims = redact_values(msgspec.to_builtins(verified.claims))
    if as_json:
        print(json.dumps({"verified": True, "kind": verified.kind, "claims": claims}))
        return 0
    print(f"VERIFIED: a {verified.kind} token of {_printable(verified.claims.iss)}")
    _print_table(_with_dates(claims, time.time()), "claims")
    return 0


def _say_refused(refusal: Refusal, facts: RequestFacts, text: TokenText, as_json: bool) -> int:
    mismatch = explain(facts, text) if refusal.id == "qsh-mismatch" else None
    if as_json:
        answer = {"verified": False, "refused": refusal.id, "why": str(refusal)}
        told = {} if mismatch is None else {"explain": msgspec.to_builtins(mismatch)}
        print(json.dumps({**answer, "hint": refusal.hint, **told}))
        return 1
    print(f"REFUSED: {refusal}\n{refusal.hint}", file=sys.stderr)
    if mismatch is not None:
        print(f"ours    {mismatch.ours}\ntheirs  {mismatch.theirs or 'not found'}", file=sys.stderr)
        print(f"cause   {mismatch.cause}: {mismatch.advice}", file=sys.stderr)
    return 1


# ---- where texts and secrets come from ------------------------------------------------------


def _token(argument: str) -> TokenText:
    """The token, which may be a whole header's value (``JWT ...``), as it was copied."""
    if argument != "-":
        print(
            "headway: a token on the command line is seen by other users and kept in the shell's "
            "history; better: standard input",
            file=sys.stderr,
        )
        text = argument
    elif sys.stdin.isatty():
        text = getpass.getpass("Token: ")
    else:
        text = sys.stdin.buffer.readline(INPUT_BYTES_MAX).decode("utf-8", "replace")
    return TokenText(text.strip().removeprefix("JWT "))


def _secret(file: Path | None) -> Secret:
    if file is not None:
        text = _read(file, "--secret-file").decode("utf-8", "replace").rstrip("\r\n")
    elif SECRET_VARIABLE in os.environ:
        text = os.environ[SECRET_VARIABLE]
    elif _has_terminal():
        text = getpass.getpass("Shared secret: ")
    else:
        raise ConfigurationError(
            f"no secret: set {SECRET_VARIABLE}, name a --secret-file, or run in a terminal"
        )
    try:
        return Secret(text)
    except SecretTooShort as refusal:
        raise ConfigurationError(str(refusal)) from None


def _has_terminal() -> bool:
    """Whether somebody can be asked, whatever standard input is; getpass asks there too."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _key(parse: Callable[[bytes], Key], file: Path | None) -> Key:
    try:
        return parse(_read(file, "--key-file"))
    except KeyUnusable as refusal:
        raise ConfigurationError(f"--key-file: {refusal}") from None


def _read(file: Path | None, option: str) -> bytes:
    if file is None:
        raise ConfigurationError(f"{option} is needed for this kind of token")
    try:
        with file.open("rb") as stream:
            return stream.read(INPUT_BYTES_MAX)
    except OSError as error:
        raise ConfigurationError(f"{option}: {file} can not be read ({error.strerror})") from None


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
