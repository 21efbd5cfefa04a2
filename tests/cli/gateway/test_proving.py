"""``--verify`` of old logs: by installations, and by key sets of then or of now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from key_server import KeyServer

from headway.cli.commands import run
from headway.gateway.usage.record import read_lines

DAY = 1_643_673_600
POLICY = """\
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
off = 2022-03-01
"""
VERIFY = ["a.log", "--policy", "jwks.toml", "--verify"]
JWKS = '[verify]\nby = "jwks"\n[[verify.issuer]]\nissuer = "a"\nkeys = "%s"\naudience = ["api"]\n'


def verifying(table: str) -> str:
    head, location, tail = POLICY.partition("[[location]]")
    return f"{head}{table}{location}{tail}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWAY_USAGE", raising=False)
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)


def convert(*words: str) -> int:
    return run(["gateway", "convert", *words])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a.log", "--policy", "none.toml", "--verify"], "--verify: takes key sets, and"),
        (["a.log", "--policy", "far.toml", "--verify"], "--verify: takes key sets, and"),
        ([*VERIFY, "--keys", "b=k.json"], "--keys b=k.json: is no ISSUER=FILE"),
        ([*VERIFY, "--keys", "a=none.json"], "none.json: No such file"),
        ([*VERIFY, "--keys", "a=a.log"], "a.log: "),
        (VERIFY, "save a set and name it by --keys"),
    ],
    ids=range(6),
)
def test_what_proves_nothing(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    Path("a.log").write_text("hello")
    Path("jwks.toml").write_text(verifying(JWKS % "http://127.0.0.1:9/k"))
    Path("none.toml").write_text(verifying(""))
    far = '[verify]\nby = "connect"\nstore = "postgresql://h/d"\nclient_key = "c"\n'
    Path("far.toml").write_text(verifying(far))
    assert convert(*words, "--output", "u.jsonl") == 2
    assert says in capsys.readouterr().err
    assert not Path("u.jsonl").exists()


def test_installations_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("apps.json").write_text("[]")
    Path("apps.json").chmod(0o600)
    table = '[verify]\nby = "connect"\ninstallations = "apps.json"\nclient_key = "site"\n'
    Path("jwks.toml").write_text(verifying(table))
    Path("a.log").write_text('h - - [01/Feb/2022:00:00:00 +0000] "GET /?jwt=x HTTP/1.1" 200 5\n')
    assert convert(*VERIFY, "--output", "u.jsonl") == 0
    assert "1 use" in capsys.readouterr().out


def test_tokens_of_an_issuer_are_proved_by_its_keys_of_then_or_of_now(
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    lines = []
    for kid, key in (("old", old), ("new", new), ("nobodys", new)):
        claims = {"iss": "a", "aud": "api", "exp": DAY + 60, "client_id": f"app-{kid}"}
        token = pyjwt.encode(claims, key, "ES256", headers={"kid": kid})
        lines.append(f'h - - [01/Feb/2022:00:00:00 +0000] "GET /?jwt={token} HTTP/1.1" 200 5\n')
    Path("a.log").write_text("".join(lines))

    def key_set(**keys: Any) -> bytes:
        told = [
            {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}
            for kid, key in keys.items()
        ]
        return json.dumps({"keys": [{**each, "key_ops": ["verify"]} for each in told]}).encode()

    def proved(*more: str) -> dict[str, bool]:
        Path("u.jsonl").unlink(missing_ok=True)
        assert convert(*VERIFY, *more, "--output", "u.jsonl") == 0, capsys.readouterr().err
        with Path("u.jsonl").open("rb") as file:
            return {each.client: each.verified for each in read_lines(file)[1]}

    server = KeyServer()
    try:
        server.page("/k", 200, key_set(new=new))
        Path("jwks.toml").write_text(verifying(JWKS % f"{server.address}/k"))
        assert proved() == {"app-old": False, "app-new": True, "app-nobodys": False}
        assert server.asked == ["/k"]  # once, however many tokens there are
        Path("then.json").write_bytes(key_set(old=old))
        Path("later.json").write_bytes(key_set(new=new))
        saved = ["--keys", "a=then.json"]
        assert proved(*saved) == {"app-old": True, "app-new": False, "app-nobodys": False}
        both = [*saved, "--keys", "a=later.json"]
        assert proved(*both) == {"app-old": True, "app-new": True, "app-nobodys": False}
        assert server.asked == ["/k"]
    finally:
        server.close()
