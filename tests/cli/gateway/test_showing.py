from __future__ import annotations

import asyncio
import re
import sys
import urllib.request
from pathlib import Path

import pytest
from proxied import PLAIN as POLICY
from proxied import TOKEN

from headway.cli.gateway.dashboard import PASSWORD
from headway.cli.gateway.opened import opened
from headway.cli.gateway.showing import showing
from headway.errors import ConfigurationError
from headway.gateway.decision import Ask
from headway.gateway.metrics import PATH


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_bytes(POLICY)
    return path


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1"])
def test_metrics_are_on_a_port_of_their_own(
    file: Path, tmp_path: Path, bind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def read() -> str:
        address = re.search(r"metrics on (\S+)", capsys.readouterr().out)
        assert address is not None
        assert address[1].endswith(PATH)
        with urllib.request.urlopen(address[1], timeout=20) as answer:
            return str(answer.read().decode())

    async def show() -> str:
        with opened(file, str(tmp_path / "data" / "usage.db")) as found:
            found.gateway.decide(Ask(method="GET", target=f"/rest?jwt={TOKEN}"))
            async with showing(found, 0, bind, None):
                return await asyncio.to_thread(read)

    told = asyncio.run(show())
    assert 'headway_gateway_uses_total{location="jwt"' in told
    assert "headway_gateway_usage_waiting" in told
    assert TOKEN not in told


def test_without_a_port_there_is_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def show() -> None:
        with opened(file) as found:
            async with showing(found, None, "127.0.0.1", None):
                pass

    asyncio.run(show())
    assert capsys.readouterr().out == ""


def test_without_the_extra_it_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headway.gateway.metrics", None)

    async def show() -> None:
        with opened(file) as found:
            async with showing(found, 0, "127.0.0.1", None):
                pass

    with pytest.raises(ConfigurationError, match="extra 'metrics'"):
        asyncio.run(show())


@pytest.mark.parametrize("word", ["", "a long enough password"])
def test_the_dashboard_beside_it(
    file: Path,
    tmp_path: Path,
    word: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(PASSWORD, word)

    def read() -> tuple[str, str]:
        said = capsys.readouterr().out
        address = re.search(r"dashboard on (\S+)", said)
        assert address is not None
        with urllib.request.urlopen(address[1], timeout=20) as answer:
            return said, str(answer.read().decode())

    async def show() -> tuple[str, str]:
        with opened(file, str(tmp_path / "data" / "usage.db")) as found:
            found.gateway.decide(Ask(method="GET", target=f"/rest?jwt={TOKEN}"))
            assert found.counter is not None
            found.counter.flush()
            async with showing(found, None, "127.0.0.1", 0):
                return await asyncio.to_thread(read)

    said, page = asyncio.run(show())
    assert "Clients left" in page
    assert "token:" in page  # its client: nothing is verified, so a hash of the token
    assert TOKEN not in page
    assert ("password" in said, word in said or not word) == (not word, not word)


def test_the_dashboard_shows_what_is_counted_or_says_that_nothing_is(file: Path) -> None:
    async def show() -> None:
        with opened(file) as found:
            async with showing(found, None, "127.0.0.1", 0):
                pass

    with pytest.raises(ConfigurationError, match="--usage"):
        asyncio.run(show())
