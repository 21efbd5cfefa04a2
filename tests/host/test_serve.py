"""A served site: what it needs before it listens, and TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.host.client_script import NAME
from headway.host.plugins import INSTALL_TYPE
from headway.host.serve import check_exposure, served
from headway.host.settings import Settings
from host.small_app import running as running_app

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


def test_the_client_script_is_at_its_public_name_too(tmp_path: Path) -> None:
    """A browser that is told where to look takes this certificate, by its pin."""

    async def scene() -> tuple[tuple[str, ...], int]:
        settings = Settings(port=0, client_script_port=0, data=tmp_path / "data")
        async with served(settings) as running:
            rule, _ = running.chromium_options
            authority = tmp_path / "data" / "client-script" / "authority.pem"
            trust = ssl.create_default_context(cafile=str(authority))
            port = rule.rpartition(":")[2]
            url = f"https://127.0.0.1:{port}/all.js"
            name = {"sni_hostname": NAME}
            async with httpx.AsyncClient(trust_env=False, verify=trust) as client:
                answer = await client.get(url, headers={"Host": NAME}, extensions=name)
            return running.chromium_options, answer.status_code

    options, code = asyncio.run(scene())
    assert options[0].startswith(f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:")
    assert options[1].startswith("--ignore-certificate-errors-spki-list=")
    assert code in (200, 503)  # without npm's files there is nothing to hand out


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


# ---- both ---------------------------------------------------------------------------------------


def test_it_speaks_https_beside_http_by_an_authority_of_its_own(tmp_path: Path) -> None:
    async def scene() -> None:
        async with served(Settings(port=0, tls_port=0, data=tmp_path / "data")) as running:
            site = running.site
            assert running.authority == tmp_path / "data" / "authority.pem"
            assert site.tls_url is not None
            trust = ssl.create_default_context(cafile=str(running.authority))
            assert site.base_url == site.plain_url != site.tls_url
            assert await status(site.plain_url) == await status(site.tls_url, trust) == 200
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await status(site.tls_url)
            # each door answers under its own address alone
            async with httpx.AsyncClient(trust_env=False, verify=trust) as client:
                foreign = {"Host": site.plain_url.removeprefix("http://")}
                assert (await client.get(site.tls_url, headers=foreign)).status_code == 421
                forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
                address = f"{site.plain_url}/rest/api/3/issue/PUB-1"
                told = await client.get(address, headers=forwarded)
                assert told.json()["self"].startswith(f"{site.plain_url}/rest/")
                told = await client.get(f"{site.tls_url}/rest/api/3/issue/PUB-1")
                assert told.json()["self"].startswith(f"{site.tls_url}/rest/")

    asyncio.run(scene())


def test_an_app_knows_the_site_by_the_door_it_came_through(tmp_path: Path) -> None:
    async def scene() -> None:
        with running_app() as app:
            async with served(Settings(port=0, tls_port=0)) as running:
                site = running.site
                assert site.tls_url is not None
                trust = ssl.create_default_context(cafile=str(running.authority))
                basic = httpx.BasicAuth("admin", site.identity.first_passwords["admin"])
                addresses = (site.tls_url, site.plain_url)
                for own, other in (addresses, addresses[::-1]):
                    upm = f"{own}/wiki/rest/plugins/1.0/"
                    async with httpx.AsyncClient(
                        trust_env=False, verify=trust, auth=basic
                    ) as client:
                        token = (await client.get(upm)).headers["upm-token"]
                        begun = await client.post(
                            upm,
                            params={"token": token},
                            headers={"Content-Type": INSTALL_TYPE},
                            content=json.dumps({"pluginUri": app.descriptor_url}),
                        )
                        assert begun.status_code == 202
                        await site.settled()
                    told = app.last("/installed").json
                    assert told["baseUrl"] == f"{own}/wiki"
                    assert told["displayUrl"] == f"{other}/wiki"
                    # from wherever the next one is asked for
                    await site.confluence.installer.rotate_secret("my-app")
                    assert app.last("/installed").json["baseUrl"] == f"{own}/wiki"
                    app.descriptor["version"] = own
                    await site.confluence.installer.upgrade("my-app")
                    assert app.last("/installed").json["baseUrl"] == f"{own}/wiki"

    asyncio.run(scene())


def test_https_twice_is_refused(pair: dict[str, Path]) -> None:
    async def scene() -> None:
        async with served(Settings(port=0, tls_port=0, **pair)):
            pytest.fail("it listens")

    with pytest.raises(ConfigurationError, match="tls_port"):
        asyncio.run(scene())
