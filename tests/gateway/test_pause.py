from __future__ import annotations

import os
import stat
import threading
import tomllib
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.gateway import pause as module
from headway.gateway.pause import PolicyReadOnly, PolicyUnchanged, pause, resume
from headway.gateway.policy_file import load_policy
from headway.model import Phase

FILE = """\
# our gateway
name = "api"   # kept as it is

[[location]]
name = "jwt"
parameters = [ "jwt" ]
off = 2022-02-01 # the vendor's date
[[location.extension]]
client = "slow"
until = 2022-03-01
owner = "ann"
reason = "r"

[[location]]
name = "key"
parameters = ["api_key"]
off = 2022-05-01

[[route]]
path = "/embed/*"
reason = "frames"
"""
NOW = 1654041600.0  # 2022-06-01


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gw.toml"
    path.write_text(FILE)
    path.chmod(0o640)
    return path


def phases(file: Path) -> list[Phase]:
    return [each.schedule.phase(NOW) for each in load_policy(file).locations]


def test_only_that_entry_changes(file: Path) -> None:
    pause(file, "jwt", who="ann", why="a bug", now=NOW)
    assert phases(file) == [Phase.PAUSED, Phase.OFF]
    text = file.read_text()
    assert [line for line in FILE.splitlines() if line not in text.splitlines()] == []
    told = tomllib.loads(text)
    paused = told["location"][0].pop("paused")
    assert (paused["who"], paused["why"]) == ("ann", "a bug")
    assert paused["since"].isoformat() == "2022-06-01T00:00:00+00:00"
    assert told == tomllib.loads(FILE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_and_back_again(file: Path) -> None:
    for location in ("key", "jwt"):
        pause(file, location, who="ann", why="a bug", now=NOW)
    assert phases(file) == [Phase.PAUSED, Phase.PAUSED]
    resume(file, "key")
    resume(file, "jwt")
    assert phases(file) == [Phase.OFF, Phase.OFF]
    assert tomllib.loads(file.read_text()) == tomllib.loads(FILE)


@pytest.mark.parametrize(
    "why", ['x"\n[[route]]\npath="/*"', '"""', "it's \\u0041", "]]", "# no", "= [", "é \U0001f600"]
)
def test_nobody_writes_toml_by_a_reason(file: Path, why: str) -> None:
    if why.isprintable():
        pause(file, "jwt", who=why, why=why, now=NOW)
        assert tomllib.loads(file.read_text())["location"][0]["paused"]["why"] == why
        assert len(load_policy(file).routes) == 1
    else:
        with pytest.raises(ConfigurationError, match="one line"):
            pause(file, "jwt", who="ann", why=why, now=NOW)
        assert file.read_text() == FILE


@pytest.mark.parametrize(
    ("location", "who", "says"),
    [("none", "ann", "no location 'none'; it has jwt, key"), ("jwt", " ", "who: is missing"),
     ("jwt", "x" * 501, "at most 500")],
    ids=range(3),
)  # fmt: skip
def test_what_is_not_done(file: Path, location: str, who: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        pause(file, location, who=who, why="w", now=NOW)
    assert file.read_text() == FILE


def test_twice_is_once(file: Path) -> None:
    with pytest.raises(PolicyUnchanged, match="not paused"):
        resume(file, "jwt")
    pause(file, "jwt", who="ann", why="a bug", now=NOW)
    with pytest.raises(PolicyUnchanged, match="already, by ann"):
        pause(file, "jwt", who="bob", why="a bug", now=NOW)


def test_a_file_that_is_read_only_stays(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(PolicyReadOnly) as refused:
        pause(file, "jwt", who="ann", why="a bug", now=NOW)
    assert file.read_text() == FILE
    head, _, rest = FILE.partition('\n[[location]]\nname = "key"')
    added = "\n".join(refused.value.lines[1:])  # as somebody adds it by hand
    other = file.with_name("other.toml")
    other.write_text(f'{head}{added}\n[[location]]\nname = "key"{rest}')
    assert phases(other) == [Phase.PAUSED, Phase.OFF]
    other.chmod(0o444)
    with pytest.raises(PolicyReadOnly) as refused:
        resume(other, "jwt")
    assert "remove [location.paused]" in refused.value.lines[0]


def test_a_disk_that_takes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PolicyReadOnly):
        pause(file, "jwt", who="ann", why="a bug", now=NOW)
    assert file.read_text() == FILE
    assert list(file.parent.iterdir()) == [file]


def test_an_owner_stays_the_owner(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = []
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "fchown", lambda fd, user, group: owners.append((user, group)))
    pause(file, "jwt", who="ann", why="a bug", now=NOW)
    assert owners == [(file.stat().st_uid, file.stat().st_gid)]


def test_somebody_else_who_edits(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = module._read

    def changed(path: Path) -> bytes:
        return once(path) + b"# theirs\n"

    def read(path: Path) -> bytes:
        monkeypatch.setattr(module, "_read", changed)
        return once(path)

    monkeypatch.setattr(module, "_read", read)
    with pytest.raises(ConfigurationError, match="somebody else"):
        pause(file, "jwt", who="ann", why="a bug", now=NOW)
    assert file.read_text() == FILE


def test_a_serialiser_that_changes_more(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module.tomlkit, "dumps", lambda document: FILE.replace("2022-05-01", "2029-05-01")
    )
    with pytest.raises(ConfigurationError, match="more than the pause"):
        pause(file, "jwt", who="ann", why="a bug", now=NOW)


def test_many_at_once(file: Path) -> None:
    def one(location: str) -> None:
        for _ in range(4):
            pause(file, location, who="ann", why="a bug", now=NOW)
            resume(file, location)

    threads = [threading.Thread(target=one, args=(name,)) for name in ("jwt", "key")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tomllib.loads(file.read_text()) == tomllib.loads(FILE)


def test_a_file_that_is_not_in_order(file: Path, tmp_path: Path) -> None:
    file.write_text(FILE.replace("2022-05-01", "soon"))
    with pytest.raises(ConfigurationError, match="TOML"):
        pause(file, "jwt", who="ann", why="a bug", now=NOW)
    with pytest.raises(ConfigurationError, match="No such file"):
        pause(tmp_path / "none.toml", "jwt", who="ann", why="a bug", now=NOW)
    with pytest.raises(ConfigurationError, match="No such file"):
        pause(tmp_path / "none" / "none.toml", "jwt", who="ann", why="a bug", now=NOW)


def test_a_link_stays_a_link(file: Path) -> None:
    link = file.with_name("link.toml")
    link.symlink_to(file)
    pause(link, "jwt", who="ann", why="a bug", now=NOW)
    assert link.is_symlink()
    assert phases(file) == [Phase.PAUSED, Phase.OFF]
