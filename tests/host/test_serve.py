"""A served site: what it needs before it listens, and TLS."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.host.serve import check_exposure, served
from headway.host.settings import Settings

SEED = """
projects = []
issues = []
users = [{ name = "op", display_name = "Op", email = "op@site.example", admin = true }]
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = {"certificate": folder / "cert.pem", "certificate_key": folder / "key.pem"}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", made["certificate_key"],
         "-out", made["certificate"]],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return made


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    file = tmp_path / "seed.toml"
    file.write_text(SEED)
    return file


async def status(url: str, verify: Any = True) -> int:
    async with httpx.AsyncClient(trust_env=False, verify=verify) as client:
        return (await client.get(f"{url}/status")).status_code


def test_it_answers_while_the_block_runs() -> None:
    async def scene() -> tuple[int, str]:
        async with served(Settings(port=0)) as running:
            return await status(running.site.base_url), running.site.media_url

    code, media = asyncio.run(scene())
    assert code == 200
    assert media.startswith("http://127.0.0.1:")


def test_it_answers_over_tls(pair: dict[str, Path]) -> None:
    async def scene() -> tuple[str, int, str]:
        async with served(Settings(port=0, **pair)) as running:
            trust = ssl.create_default_context(cafile=str(pair["certificate"]))
            site = running.site
            return site.base_url, await status(site.base_url, trust), site.identity.cookie_name

    base_url, code, cookie = asyncio.run(scene())
    assert base_url.startswith("https://localhost:")
    assert (code, cookie) == (200, "__Host-headway")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"address": "everywhere"}, "is an IP address"),
        ({"exposed": False}, "is reached by others"),
        ({"certificate": None}, "needs TLS"),
        ({"seed": None}, "needs a seed file"),
        ({"control": True}, "control API stays off"),
    ],
)
def test_others_reach_it_only_with_all_that_it_takes(changes: dict[str, Any], says: str) -> None:
    whole = {"address": "0.0.0.0", "exposed": True, "certificate": Path("c"), "seed": Path("s")}
    check_exposure(Settings(**whole))
    with pytest.raises(ConfigurationError, match=says):
        check_exposure(Settings(**whole | changes))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.0.0.2"])
def test_loopback_needs_nothing(address: str) -> None:
    check_exposure(Settings(address=address))


def refused(**settings: Any) -> str:
    async def scene() -> None:
        async with served(Settings(port=0, **settings)):
            pytest.fail("it was served")

    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(scene())
    return str(caught.value)


def test_a_folder_of_the_demonstration_is_not_exposed(
    tmp_path: Path, pair: dict[str, Path], seed: Path
) -> None:
    data = tmp_path / "data"

    async def fill() -> None:
        async with served(Settings(port=0, data=data)):
            pass

    asyncio.run(fill())
    exposed = {"address": "0.0.0.0", "exposed": True, "seed": seed, **pair}
    assert "has the users of the demonstration" in refused(data=data, **exposed)

    async def fresh() -> list[str]:
        async with served(Settings(port=0, name="127.0.0.1", **exposed)) as running:
            trust = ssl.create_default_context(cafile=str(pair["certificate"]))
            assert await status(running.site.base_url, trust) == 200
            return [user.name for user in running.site.world.people.users()]

    assert asyncio.run(fresh()) == ["op"]


def test_a_certificate_that_can_not_be_used(tmp_path: Path, pair: dict[str, Path]) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    assert "certificate_key: is for a certificate" in refused(certificate_key=rubbish)
    assert "no usable PEM pair" in refused(certificate=rubbish)
    missing = pair | {"certificate_key": tmp_path / "none.pem"}
    assert "No such file" in refused(**missing)
