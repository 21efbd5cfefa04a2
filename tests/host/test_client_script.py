"""The client script at each of its addresses, its styles, and what is at none of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Answer, ask
from starlette.applications import Starlette

from headway.host import client_script
from headway.host.guard import SiteGuard
from host.small_site import BASE

LINE = 'var CDN_URL = "https://" + CDN_DOMAIN;'


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package without what comes from npm."""
    folder = tmp_path / "static"
    (folder / "vendor" / "styles").mkdir(parents=True)
    (folder / "client-shim.js").write_text("// the shim")
    monkeypatch.setattr(client_script, "files", lambda _: tmp_path)
    client_script.script.cache_clear()
    yield folder
    client_script.script.cache_clear()


def get(path: str, host: str = "localhost:2990", **headers: str) -> Answer:
    routes = [route for folder in client_script.FOLDERS for route in client_script.routes(folder)]
    guarded = SiteGuard(Starlette(routes=routes), origin=lambda: BASE)
    return ask(guarded, "GET", path, {"Host": host, **headers})


def public(path: str, host: str = client_script.NAME) -> Answer:
    return ask(client_script.asgi(), "GET", path, {"Host": host})


@pytest.mark.parametrize("folder", client_script.FOLDERS)
def test_the_script(static: Path, folder: str) -> None:
    missing = get(f"{folder}/all.js")
    assert (missing.status, b"make setup" in missing.body) == (503, True)
    (static / "vendor" / "iframe.js").write_text(f"// the bridge\n{LINE}\n")
    from_another_site = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    answer = get(f"{folder}/all.js", **from_another_site)
    assert answer.status == 200
    assert answer.body.startswith(b"// the bridge\n/* Changed by Headway")
    assert answer.body.endswith(b"// the shim")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "max-age=600"


def test_another_version_of_the_script_is_not_served_half_right(static: Path) -> None:
    (static / "vendor" / "iframe.js").write_text("// another")
    with pytest.raises(ValueError, match="styles"):
        client_script.script()


def test_styles(static: Path) -> None:
    for name in ("surfaces.css", "legacy-text-colors.css", "atlaskit-tokens_dark.css"):
        (static / "vendor" / "styles" / name).write_text(name)
    (static / "secret.css").write_text("no")
    for path in ("surfaces.css", "legacy-text-colors.css", "themes/atlaskit-tokens_dark.css"):
        answer = get(f"/atlassian-connect/{path}")
        assert answer.body.decode() == path.rpartition("/")[2]
        assert answer.headers["content-type"].startswith("text/css")
    for path in ("none.css", "../../secret.css", "..%5csecret.css", "x.js", "atlaskit"):
        assert get(f"/atlassian-connect/themes/{path}").status == 404


def test_the_public_address_has_it_at_its_root_and_nothing_else(static: Path) -> None:
    (static / "vendor" / "iframe.js").write_text(LINE)
    assert public("/all.js").status == 200
    assert public("/all.js", f"{client_script.NAME}:9443").status == 200
    assert public("/all.js", "localhost").status == 421
    assert public("/svc/module-url").status == 404
    assert public("/").status == 404
