from __future__ import annotations

import pytest

from headway.cli.commands import run


def test_nothing_typed_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gateway"]) == 2
    out = capsys.readouterr().out
    assert all(name in out for name in ("check", "config", "explain", "serve"))
