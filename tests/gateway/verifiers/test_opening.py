from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.gateway.policy_file import load_policy
from headway.gateway.verifiers.connect import ConnectVerifier
from headway.gateway.verifiers.jwks import JwksVerifier
from headway.gateway.verifiers.opening import open_verifier
from headway.ports import NeedKey
from headway.store import engine as engines
from headway.store.engine import open_engine
from headway.store.migrations import upgrade
from headway.store.offloop import OffLoop

FILE = 'name = "api"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n[verify]\n'
KEYS = {"HEADWAY_STORE_KEY": base64.b64encode(bytes(32)).decode()}
NEED = NeedKey(issuer="my-app", symmetric=True)


def opened(folder: Path, verify: str, environ: dict[str, str] | None = None) -> Any:
    (folder / "gw.toml").write_text(FILE + verify)
    return open_verifier(load_policy(folder / "gw.toml"), environ=environ or {}).get("jwt")


def test_nothing_is_verified(tmp_path: Path) -> None:
    assert opened(tmp_path, 'by = "none"') is None


ISSUER = """
[[{0}.issuer]]
issuer = "a"
keys = "https://a.example/k"
audience = ["api"]
"""


def test_each_location_has_its_own_and_alike_ones_share(tmp_path: Path) -> None:
    apps = tmp_path / "apps.json"
    apps.write_text("[]")
    apps.chmod(0o600)
    by_keys = f'by = "jwks"{ISSUER}'
    more = "".join(
        f'[[location]]\nname = "{name}"\nparameters = ["{name}"]\n{verify}'
        for name, verify in (
            ("a", "[location.verify]\n" + by_keys.format("location.verify")),
            ("b", ""),
            ("c", '[location.verify]\nby = "none"\n'),
        )
    )
    connect = 'by = "connect"\ninstallations = "apps.json"\nclient_key = "site"\n'
    (tmp_path / "gw.toml").write_text(FILE + connect + more)
    found = open_verifier(load_policy(tmp_path / "gw.toml"), environ={})
    assert isinstance(found["jwt"], ConnectVerifier)
    assert isinstance(found["a"], JwksVerifier)
    assert found["b"] is found["jwt"]
    assert "c" not in found


def test_key_sets_go_on_when_a_policy_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "gw.toml"
    file.write_text(f'{FILE}by = "jwks"{ISSUER.format("verify")}')
    before = open_verifier(load_policy(file), environ={})
    file.write_text(f'# a line more\n{FILE}by = "jwks"{ISSUER.format("verify")}')
    after = open_verifier(load_policy(file), environ={}, before=before)
    assert after["jwt"] is before["jwt"]
    file.write_text(f'{FILE}by = "jwks"{ISSUER.format("verify")}'.replace("/k", "/other"))
    other = open_verifier(load_policy(file), environ={}, before=before)
    assert other["jwt"] is not before["jwt"]
    own = '[location.verify]\nby = "jwks"' + ISSUER.format("location.verify")
    file.write_text(
        f'{FILE}by = "jwks"{ISSUER.format("verify")}'
        f'[[location]]\nname = "b"\nparameters = ["b"]\n{own}'
    )
    both = open_verifier(load_policy(file), environ={})
    assert both["b"] is both["jwt"]  # another line, and the same


def test_where_one_can_not_be_opened_none_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr(JwksVerifier, "close", lambda self: closed.append("jwks"))
    more = '[[location]]\nname = "b"\nparameters = ["b"]\n[location.verify]\nby = "connect"\n'
    more += 'installations = "none.json"\nclient_key = "site"\n'
    with pytest.raises(ConfigurationError, match="No such file"):
        opened(tmp_path, f'by = "jwks"{ISSUER.format("verify")}{more}')
    assert closed == ["jwks"]


def test_key_sets(tmp_path: Path) -> None:
    issuer = '[[verify.issuer]]\nissuer = "a"\nkeys = "https://a.example/k"\naudience = ["api"]\n'
    assert isinstance(opened(tmp_path, f'by = "jwks"\n{issuer}'), JwksVerifier)


def test_installations_of_a_file_beside_the_policy(tmp_path: Path) -> None:
    apps = tmp_path / "apps.json"
    entry = {"key": "my-app", "clientKey": "site", "sharedSecret": "x" * 32}
    apps.write_text(json.dumps([entry]))
    apps.chmod(0o600)
    made = opened(tmp_path, 'by = "connect"\ninstallations = "apps.json"\nclient_key = "site"')
    assert isinstance(made, ConnectVerifier)
    assert made.keys.find(NEED) is not None


def test_installations_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    engine = open_engine(tmp_path / "store.db")
    upgrade(engine)
    engine.dispose()
    verify = 'by = "connect"\nstore = "store.db"\nclient_key = "site"'
    disposed: list[str] = []
    monkeypatch.setattr(sa.Engine, "dispose", lambda self: disposed.append("engine"))
    made = opened(tmp_path, verify, KEYS)
    assert made.keys.find(NEED) is None
    with pytest.raises(ConfigurationError, match="HEADWAY_STORE_KEY"):
        opened(tmp_path, verify)
    made.close()
    assert disposed == ["engine"]
    monkeypatch.setattr(engines, "leaves_the_process", lambda engine: True)
    far = opened(tmp_path, verify, KEYS)
    assert isinstance(far.keys, OffLoop)
    far.close()
    assert disposed == ["engine"] * 2
