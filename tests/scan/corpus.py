"""The corpus of ``vectors/scan`` with its tokens made, as bytes that the scan reads."""

from __future__ import annotations

import hashlib
import tomllib
from base64 import urlsafe_b64encode
from functools import lru_cache
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[2] / "vectors" / "scan"


def read(name: str) -> dict[str, Any]:
    """One file of the corpus."""
    return tomllib.loads((CORPUS / name).read_text(encoding="utf-8"))


def base64url(data: bytes) -> str:
    """Without padding, as in a token."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def minted(made_of: dict[str, Any]) -> str:
    """The token that an entry of ``logs/tokens.toml`` describes."""
    head = base64url(made_of["header"].encode())
    if "encrypted" in made_of:
        noise = hashlib.sha256(head.encode()).digest() * 20
        return ".".join([head, *(base64url(noise[:size]) for size in made_of["encrypted"])])
    claims = made_of["claims"].replace("<x9000>", "x" * 9000)
    text = f"{head}.{base64url(claims.encode())}"
    noise = hashlib.sha256(text.encode()).digest() * 20
    return f"{text}.{base64url(noise[: made_of['signature']])}"


@lru_cache(maxsize=1)
def tokens() -> dict[str, str]:
    """All tokens of the corpus, by their names."""
    return {each["name"]: minted(each) for each in read("logs/tokens.toml")["token"]}


def filled(text: str) -> bytes:
    """*text* with the tokens that it names."""
    for name, token in tokens().items():
        text = text.replace(f"{{{name}}}", token)
        text = text.replace(f"{{{name}:cut}}", token[: len(token) * 2 // 3])
    return text.encode().replace(b"{FF}", b"\xff").replace(b"{FE}", b"\xfe")


def secrets_in(text: bytes) -> list[bytes]:
    """The tokens of the corpus that stand in *text*, wholly or with their last parts."""
    return [
        part.encode()
        for token in tokens().values()
        for part in (token, token[len(token) // 2 :])
        if part.encode() in text
    ]
