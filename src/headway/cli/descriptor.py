"""``headway descriptor``: what a site would say of a descriptor, before it is asked.

Exit codes: 0 a site takes it; 1 a site refuses it (or, with ``--strict``, would
pass over something); 2 it could not be read.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from headway.errors import ConfigurationError
from headway.redact import redact

if TYPE_CHECKING:
    import httpx

    from headway.descriptor.check import Finding

__all__ = ["app"]

SECONDS = 10.0  # for a whole answer

app = typer.Typer(help="Look at descriptors (atlassian-connect.json).", no_args_is_help=True)


@app.command()
def check(
    source: Annotated[
        str, typer.Argument(help="File, https address (http on this machine), or - .")
    ],
    base_url: Annotated[
        str, typer.Option(help="Put this in place of baseUrl, where a template stands there.")
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Say what is wrong with a descriptor: where, what, and what to do."""
    from headway.descriptor.check import Level
    from headway.descriptor.check import check as look_at

    data, origin = _read(source)
    if base_url:
        data = _based(data, base_url)
    found = look_at(data, origin)
    errors = sum(each.level is Level.ERROR for each in found)
    if as_json:
        told = msgspec.to_builtins(found)
        print(json.dumps({"ok": not errors, "findings": told}, ensure_ascii=True))
    else:
        _say(found, errors)
    return 1 if errors or (strict and found) else 0


def _based(data: bytes, base_url: str) -> bytes:
    """The document with another base URL; what is no object stays as it is."""
    try:
        document = json.loads(data)
        return json.dumps({**document, "baseUrl": base_url}).encode()
    except (ValueError, TypeError, RecursionError):
        return data


def _say(found: tuple[Finding, ...], errors: int) -> None:
    for each in found:
        print(_line(f"{each.place}: {each.level}: {each.problem}"))
        print(_line(f"    {each.hint}"))
    warnings = len(found) - errors
    print(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}" + ("" if count == 1 else "s")


def _line(text: str) -> str:
    """One line for a terminal: the document is somebody else's."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return redact(shown)


# ---- reading --------------------------------------------------------------------------------


def _read(source: str) -> tuple[bytes, str]:
    """The document, of which no more is read than a site reads; and from which origin it is."""
    from headway.descriptor.check import BYTES_MAX

    if not source.strip():
        raise ConfigurationError("which descriptor? name a file or an address, or - ")
    if source == "-":
        return sys.stdin.buffer.read(BYTES_MAX + 1), ""
    if "://" in source:
        return _fetched(source, BYTES_MAX + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(BYTES_MAX + 1), ""
    except OSError as error:
        raise ConfigurationError(f"{source}: {error.strerror}") from None


def _fetched(url: str, limit: int) -> tuple[bytes, str]:
    """What is served there; nothing else is asked, and no redirect followed, as a site does it."""
    import httpx

    from headway.app.addresses import is_loopback
    from headway.http.answers import origin_of
    from headway.http.unanswered import no_answer, no_descriptor, other_status

    try:
        origin = origin_of(url)
    except ValueError as error:
        raise ConfigurationError(f"the address: {error}") from None
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(f"{origin}: http is for this machine; write https://")
    shown = f"{origin}{parts.path}"
    tls = httpx.create_ssl_context(trust_env=False)
    try:
        with (
            httpx.Client(verify=tls, trust_env=False, timeout=SECONDS / 2) as http,
            http.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != 200:
                raise ConfigurationError(f"{shown}: {other_status(answer)}")
            data = b"".join(_pieces(answer, shown, limit))
            kind = answer.headers.get("Content-Type", "")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise ConfigurationError(f"{shown}: {no_answer(error)}") from None
    if not data or ("html" in kind.lower() and not _is_json(data)):
        raise ConfigurationError(f"{shown}: {no_descriptor(kind, data)}")
    return data, origin


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _pieces(answer: httpx.Response, shown: str, limit: int) -> Iterator[bytes]:
    end = time.monotonic() + SECONDS
    for piece in answer.iter_bytes(65_536):
        if time.monotonic() > end:
            raise ConfigurationError(f"{shown}: took over {SECONDS:.0f} s")
        yield piece[:limit]
        limit -= len(piece)
        if limit <= 0:
            return
