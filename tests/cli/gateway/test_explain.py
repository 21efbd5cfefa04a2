from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.cli.commands import run

FILE = """\
name = "api"
[[location]]
name = "jwt"
parameters = ["k"]
scheme = "JWT"
announced = 2021-09-01
off = 2022-02-01
off_means = "refuse"
[[location.extension]]
client = "slow"
until = 2022-03-01
owner = "ann"
reason = "their release"
[verify]
by = "connect"
store = "store.db"
client_key = "site"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "gw.toml").write_text(FILE)
    return str(tmp_path / "gw.toml")


def explained(file: str, *arguments: str) -> int:
    return run(["gateway", "explain", *arguments, "--policy", file])


def test_what_is_refused(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(file, "GET", "https://h/r?k=hunter2&a=1", "--at", "2022-02-02") == 0
    out = capsys.readouterr().out
    assert f"location jwt is off: token-in-query\n    by {file}:7: off = 2022-02-01" in out
    assert "outcome: refuse, token-in-query, status 401" in out
    assert "upstream gets" not in out
    assert "hunter2" not in out


def test_what_goes_on(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("GET", "/r?k=hunter2&a=1", "--at", "2022-02-02T00:00:00Z", "--client", "slow")
    assert explained(file, *arguments, "-H", "Origin: https://a.example") == 0
    out = capsys.readouterr().out
    assert "upstream gets: /r?a=1\n    with authorization: JWT <token>" in out
    assert "refuse where the client can not prove who it is" in out
    assert "the answer says: Headway-Phase: warned" in out
    assert explained(file, *arguments, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["unproved"], told["reasons"][0]["line"]) == ("pass", "refuse", 9)


def test_a_url_from_the_input(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("/r?a=1\n"))
    assert explained(file, "GET", "-") == 0
    assert "no location of the policy is in this URL" in capsys.readouterr().out


def test_an_observed_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gw.toml"
    path.write_text('mode = "observe"\n' + FILE)
    assert explained(str(path), "GET", "/r?k=1") == 0
    assert f'by {path}:1: mode = "observe": it is decided' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("GET", "/r", "--at", "soon"), "--at"),
        (("GET", "/r", "-H", "nothing"), "--header"),
        (("GET", "r"), "the URL"),
    ],
)
def test_what_can_not_be_asked(
    file: str, arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explained(file, *arguments) == 2
    assert says in capsys.readouterr().err


def test_a_path_of_the_gateways_own_is_said(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(file).write_text(FILE + '[usage]\nown_path = "/usage"\n')
    assert explained(file, "GET", "/usage") == 0
    assert "the gateway answers this path itself" in capsys.readouterr().out
    assert explained(file, "GET", "/rest") == 0
    assert "itself" not in capsys.readouterr().out


ATOMS = ["/", "?", "k=", "k=eyJhbGciOiJIUzI1NiJ9", "%", "%zz", "&", "[k]=x", "http://a", "https://[::1",
         "\\", "..", "#", "\u00e9", "\n", " ", "\x1b", ";k=x"]  # fmt: skip
MOMENTS = ["", "2022-02-01", "9999-12-31", "0001-01-01", "x", "2022-02-01T00:00:00+14:00"]
NAMES = ["slow", "", "\x1b[2J", "x" * 500]
HEADERS = ["Authorization: JWT x", "a", ": x", "X: \u00e9\r\ny: z", "Origin: o"]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.sampled_from(ATOMS), min_size=1, max_size=7).map("".join),
    st.sampled_from(MOMENTS),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(HEADERS), max_size=2),
)
def test_rubbish_is_explained_or_refused_in_a_line(
    file: str,
    capsys: pytest.CaptureFixture[str],
    url: str,
    at: str,
    client: str,
    headers: list[str],
) -> None:
    more = [part for header in headers for part in ("-H", header)]
    code = explained(file, "GET", f"/{url}", "--at", at, "--client", client, *more)
    told = capsys.readouterr()
    assert code in (0, 2)
    assert bool(told.err) is (code == 2)
    for line in (told.out + told.err).splitlines():
        assert line.isprintable()
        assert "eyJhbGci" not in line
