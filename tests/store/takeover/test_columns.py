from __future__ import annotations

from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.store.takeover import Found
from headway.store.takeover.columns import Framework, tenants

FRAMEWORK = Framework(
    ("tenants",),
    {
        "client_key": ("client_key", "clientkey"),
        "base_url": ("host",),
        "shared_secret": ("secret",),
        "installed": ("installed",),
        "cloud_id": ("cloud",),
    },
)


def csv(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_each_value_comes_from_the_first_column_that_is_there(tmp_path: Path) -> None:
    source = csv(tmp_path / "t.csv", "clientKey,host,secret\na,https://x,s\n")
    assert list(tenants(FRAMEWORK, source)) == [
        Found(where="line 2", client_key="a", base_url="https://x", shared_secret="s")
    ]


@pytest.mark.parametrize(
    ("text", "installed"),
    [("1", True), ("t", True), ("TRUE", True), ("0", False), ("f", False), ("", False)],
)
def test_a_truth_has_many_spellings(tmp_path: Path, text: str, installed: bool) -> None:
    source = csv(tmp_path / "t.csv", f"client_key,host,secret,installed\na,h,s,{text}\n")
    assert [each.installed for each in tenants(FRAMEWORK, source)] == [installed]


@pytest.mark.parametrize(
    ("columns", "words"),
    [("host,secret", "client_key or clientkey"), ("client_key,secret", "host")],
)
def test_a_column_that_no_tenant_can_do_without(tmp_path: Path, columns: str, words: str) -> None:
    source = csv(tmp_path / "t.csv", f"{columns}\na,b\n")
    with pytest.raises(ConfigurationError, match=f"has no column {words}$"):
        list(tenants(FRAMEWORK, source))


def test_no_rows_are_no_tenants(tmp_path: Path) -> None:
    assert list(tenants(FRAMEWORK, csv(tmp_path / "t.csv", "client_key\n"))) == []
