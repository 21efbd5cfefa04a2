"""A site that moves: everything arrives, nobody's leave to act does, and secrets stay sealed."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from headway.descriptor import read_descriptor
from headway.errors import ConfigurationError
from headway.host.database import metadata
from headway.host.identity import sessions
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.transfer import STAYS, export_site, import_site
from headway.keys import new_secret
from headway.model import Secret
from host.small_app import document

PASSPHRASE = Secret("correct horse battery")


def add_app(site: Site) -> Secret:
    app = site.jira.apps.prepare(
        read_descriptor(json.dumps(document("http://127.0.0.1:7000")).encode())
    )
    secret = Secret(new_secret())
    site.jira.apps.save(app, secret)
    return secret


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a site that was used: an app, a key, a session, a password hash."""
    folder = tmp_path / "data"
    site = Site(Settings(data=folder))
    add_app(site)
    assert site.keys.current
    site.identity.log_in("user", site.identity.first_passwords["user"])
    asyncio.run(site.close())
    return folder


def rows(site: Site) -> dict[str, list[tuple[object, ...]]]:
    with site.database.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table)).all()), key=repr)
            for table in metadata.sorted_tables
        }


def test_everything_arrives(data: Path, tmp_path: Path) -> None:
    count = export_site(data, tmp_path / "site.jsonl", PASSPHRASE)
    assert import_site(tmp_path / "site.jsonl", tmp_path / "new", PASSPHRASE) == count
    old, new = Site(Settings(data=data)), Site(Settings(data=tmp_path / "new"))
    before, after = rows(old), rows(new)
    for name in set(before) - STAYS - {"users"}:
        assert after[name] == before[name], name
    assert len(after["users"]) == 5
    assert after["sessions"] == []
    assert new.identity.first_passwords == old.identity.first_passwords
    assert new.jira.apps.secret("my-app") == old.jira.apps.secret("my-app")
    assert new.keys.current.kid == old.keys.current.kid
    assert new.identity.log_in("user", old.identity.first_passwords["user"]) is not None
    assert {f.stat().st_mode & 0o777 for f in (tmp_path / "new").iterdir()} == {0o600}
    for site in (old, new):
        asyncio.run(site.close())


def test_no_secret_is_readable_in_the_file(data: Path, tmp_path: Path) -> None:
    site = Site(Settings(data=data))
    secrets = [
        site.jira.apps.secret("my-app").reveal(),
        *(word.encode() for word in site.identity.first_passwords.values()),
        (data / "store.key").read_bytes().strip(),
    ]
    file = tmp_path / "site.jsonl"
    export_site(data, file, PASSPHRASE)  # while it runs
    text = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [secret for secret in secrets if secret in text] == []
    users = [json.loads(line) for line in text.splitlines() if b'"table":"users"' in line]
    assert {user["row"]["password_hash"] for user in users} == {""}
    tables = {json.loads(line).get("table") for line in text.splitlines()}
    assert not tables & STAYS
    assert sessions.name in STAYS
    asyncio.run(site.close())


def test_another_passphrase_opens_nothing(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "site.jsonl"
    export_site(data, file, PASSPHRASE)
    with pytest.raises(ConfigurationError, match="does not open"):
        import_site(file, tmp_path / "new", Secret("another passphrase"))
    assert not (tmp_path / "new").exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "site.jsonl"]


def test_nothing_is_written_over(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "site.jsonl"
    file.write_text("mine")
    with pytest.raises(ConfigurationError, match="can not be made: File exists"):
        export_site(data, file, PASSPHRASE)
    assert file.read_text() == "mine"
    with pytest.raises(ConfigurationError, match="is there already"):
        import_site(file, data, PASSPHRASE)
    with pytest.raises(ConfigurationError, match="holds no site"):
        export_site(tmp_path / "nowhere", tmp_path / "x", PASSPHRASE)


def test_an_export_that_breaks_off_leaves_no_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headway.host.transfer._write", full)
    with pytest.raises(OSError, match="No space left"):
        export_site(data, tmp_path / "x", PASSPHRASE)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rubbish", "line 2: JSON is malformed"),
        ('{"table":"nothing","row":{}}', "line 2: there is no table nothing"),
        ('{"table":"sessions","row":{}}', "line 2: there is no table sessions"),
        ('{"table":"meta","row":{"colour":1}}', "line 2: meta has no column colour"),
        ('{"table":"meta","row":{"name":"a"}}', "line 2: does not fit the others"),
        ('{"table":"apps","row":{"secret":"!"}}', "line 2: secret is not base64"),
        ('{"table":"apps","row":{"secret":1}}', "line 2: secret is not base64"),
        ('{"table":"meta"}', "line 2: Object missing required field `row`"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(
    data: Path, tmp_path: Path, line: str, says: str
) -> None:
    file = tmp_path / "site.jsonl"
    export_site(data, file, PASSPHRASE)
    head, _, rest = file.read_text().partition("\n")
    file.write_text(f"{head}\n{line}\n{rest}")
    with pytest.raises(ConfigurationError) as caught:
        import_site(file, tmp_path / "new", PASSPHRASE)
    assert says in str(caught.value)
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def test_files_of_something_else(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text('{"kind":"headway site","version":1,"salt":"","key":""}\n')
    with pytest.raises(ConfigurationError, match="another Headway"):
        import_site(file, tmp_path / "new", PASSPHRASE)
    file.write_text("[]")
    with pytest.raises(ConfigurationError, match="is no export of a site"):
        import_site(file, tmp_path / "new", PASSPHRASE)
    with pytest.raises(ConfigurationError, match="No such file"):
        import_site(tmp_path / "none", tmp_path / "new", PASSPHRASE)


def test_a_user_without_a_password_stays_so(data: Path, tmp_path: Path) -> None:
    site = Site(Settings(data=data))
    site.world.people.add_user("guest", "Guest", "")
    asyncio.run(site.close())
    export_site(data, tmp_path / "site.jsonl", PASSPHRASE)
    import_site(tmp_path / "site.jsonl", tmp_path / "new", PASSPHRASE)
    new = Site(Settings(data=tmp_path / "new"))
    assert sorted(new.identity.first_passwords) == [
        "admin",
        "gone",
        "project-admin",
        "space-admin",
        "user",
    ]
    assert new.identity.log_in("guest", "") is None
    asyncio.run(new.close())
