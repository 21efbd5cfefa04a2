from __future__ import annotations

from pathlib import Path

import pytest
from proxied import PLAIN as POLICY

from headway.cli.commands import run
from headway.cli.gateway.config import Proxy


@pytest.mark.parametrize("proxy", list(Proxy))
def test_a_file_for_each_proxy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], proxy: Proxy
) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(POLICY.replace(b'scheme = ""', b'scheme = ""\noff_means = "refuse"'))
    typed = ["gateway", "config", proxy.value, "--policy", str(file), "--upstream"]
    assert run([*typed, "10.0.0.9:9000"]) == 0
    text = capsys.readouterr().out
    if proxy is not Proxy.HAPROXY_LUA:
        assert "10.0.0.9" in text
        assert "can not do" in text
    assert run([*typed, "10.0.0.9:9000; evil"]) == 2
    assert "upstream: is no host:port" in capsys.readouterr().err
