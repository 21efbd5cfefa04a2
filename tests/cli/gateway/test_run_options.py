from __future__ import annotations

import pytest

from headway.cli.commands import run
from headway.cli.gateway import run_options


def test_each_option_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gateway", "run", "--help"]) == 0
    text = capsys.readouterr().out
    for name in ("Listening", "Upstreams", "TLS", "Bounds"):
        assert name in text
    assert len(run_options.__all__) == 19
    for option in ("--policy", "--upstream", "--believe", "--client-ca", "--limit", "--timeout"):
        assert option in text
