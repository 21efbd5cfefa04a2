"""The pages as they are asked for and answered; threat T11, item by item.

How they look, and that they work by keyboard and without a script, is seen in a
real browser: ``tests/e2e/test_dashboard.py``.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.dashboard.boards import HOST, ORIGIN, PASSWORD, POLICY, Board
from headway.errors import StoreUnavailable
from headway.gateway.dashboard.pages import CONTENT_POLICY, _trend
from headway.gateway.usage.report import clients_of
from uses import DAY, NOW, record


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path, [record("acme", at=NOW - DAY, count=3)])


def text(answer: Any) -> str:
    return str(answer.body.decode())


# ---- looking --------------------------------------------------------------------------------


def test_whoever_is_at_the_machine_may_look(board: Board) -> None:
    answer = board.ask()
    assert answer.status == 200
    assert "acme" in text(answer)
    assert "2022-02-10 06:00" in text(answer)
    assert 'action="pause"' not in text(answer)


def test_everybody_else_logs_in_first(board: Board, tmp_path: Path) -> None:
    for more in ({"client": ("203.0.113.9", 1)}, {"client": None}, {"http_version": "1.0"}):
        answer = board.ask(**more)
        assert (answer.status, answer.headers["location"]) == (303, "login")
        assert "acme" not in text(answer)
    assert board.ask("/", ("X-Forwarded-For", "127.0.0.1")).status == 303
    strict = Board(tmp_path, everybody_logs_in=True)
    assert strict.ask().status == 303
    assert strict.log_in().status == 303
    assert strict.ask().status == 200


def test_a_page_loads_nothing_that_is_not_a_file_of_ours(board: Board) -> None:
    answers = [board.ask(path) for path in ("/", "/login", "/nowhere")]
    board.log_in()
    for answer in [*answers, board.ask()]:
        assert answer.headers["content-security-policy"] == CONTENT_POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(
            r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:|//", text(answer)
        )
    assert "unsafe" not in CONTENT_POLICY
    assert "frame-ancestors 'none'" in board.ask().headers["content-security-policy"]


def test_files_beside_the_page(board: Board) -> None:
    for name in (
        "dashboard.css",
        "charts.js",
        "mark.svg",
        "vendor/chart.js",
        "vendor/LICENSES.txt",
    ):
        assert board.ask(f"/static/{name}").status == 200
    for path in ("/static/../access.py", "/static/%2e%2e/access.py", "/static/", "/static/x"):
        assert board.ask(path).status == 404


def test_what_can_not_be_read_is_said_and_the_rest_is_there(board: Board) -> None:
    board.counted.failure = StoreUnavailable(found="OperationalError")
    board.ticks.at = 15
    assert "usage can not be read" in text(board.ask())
    board.file.write_text("name = ")
    answer = text(board.ask())
    assert "shown is the policy as it was" in answer
    assert "2022-02-10 06:00" in answer


def test_it_can_be_mounted_anywhere(board: Board) -> None:
    inner = board.app
    board.app = Starlette(routes=[Mount("/retire", inner)])
    assert board.ask("/retire/").status == 200
    assert board.log_in("wrong").status == 404
    answer = board.ask("/retire/login", form={"password": PASSWORD})
    assert (answer.status, answer.headers["location"]) == (303, "./")
    assert not re.search(r'(?:href|src|action)="/', text(board.ask("/retire/")))


def test_other_methods_and_addresses(board: Board) -> None:
    assert board.ask("/nowhere").status == 404
    assert board.ask("/pause").status == 405
    assert board.ask("/", form={}).status == 405


@pytest.mark.parametrize(
    ("before", "recent", "told"),
    [
        (0, 1, ("new", "new")),
        (100, 100, ("same", "as before")),
        (100, 103, ("same", "as before")),
        (100, 50, ("less", "50% less")),
        (100, 150, ("more", "50% more")),
        (100, 0, ("gone", "silent")),
    ],
)
def test_a_trend_has_words(before: int, recent: int, told: tuple[str, str]) -> None:
    counts = ((35, before), (25, recent))
    records = [record(at=NOW - days * DAY, count=count) for days, count in counts if count]
    [client] = clients_of(records, now=NOW)
    assert _trend(client) == told


def test_whoever_came_back_is_not_new() -> None:
    [client] = clients_of([record(at=NOW - 70 * DAY), record(at=NOW)], now=NOW)
    assert _trend(client) == ("new", "back")


# ---- logging in -----------------------------------------------------------------------------


def test_logging_in_and_out(board: Board) -> None:
    assert board.ask("/login").status == 200
    wrong = board.log_in("a wrong password")
    assert (wrong.status, "set-cookie" in wrong.headers) == (401, False)
    right = board.log_in()
    assert (right.status, right.headers["location"]) == (303, "./")
    assert "Secure" in right.headers["set-cookie"]
    assert board.ask("/login").headers["location"] == "./"
    assert 'action="pause"' in text(board.ask())
    assert board.ask("/logout", form={}).status == 403
    out = board.ask("/logout", form={"csrf": board.csrf})
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert 'action="pause"' not in text(board.ask())


def test_logging_in_takes_the_place_of_the_session_before(board: Board) -> None:
    board.log_in()
    old = board.cookie
    board.log_in()
    new, board.cookie = board.cookie, old
    assert 'action="pause"' not in text(board.ask())
    board.cookie = new
    assert 'action="pause"' in text(board.ask())


def test_too_many_wrong_passwords_wait_t11(board: Board) -> None:
    for _ in range(5):
        assert board.log_in("a wrong password").status == 401
    answer = board.log_in()
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert "set-cookie" not in answer.headers
    board.ticks.at += 10
    assert board.log_in().status == 303


def test_no_answer_repeats_the_password(board: Board) -> None:
    for word in ("a wrong password", PASSWORD):
        answer = board.log_in(word)
        assert word not in text(answer) + str(answer.headers)


# ---- pausing --------------------------------------------------------------------------------


def test_pause_and_resume_write_the_file_and_nothing_else_of_it(board: Board) -> None:
    board.log_in()
    board.clock.at = NOW + 90
    answer = board.pause()
    assert (answer.status, answer.headers["location"]) == (303, "./")
    told = tomllib.loads(board.file.read_text())
    paused = told["location"][0].pop("paused")
    assert (paused["who"], paused["why"]) == ("ann", "a week")
    assert paused["since"].timestamp() == NOW + 90
    assert told == tomllib.loads(POLICY)
    assert "# as agreed" in board.file.read_text()
    page = text(board.ask())
    assert "by ann: a week" in page
    assert "Resume jwt" in page
    assert board.pause().status == 409
    assert board.ask("/resume", form={"location": "jwt", "csrf": board.csrf}).status == 303
    assert tomllib.loads(board.file.read_text()) == tomllib.loads(POLICY)


def test_pause_always_needs_a_login_t11(board: Board) -> None:
    for path in ("/pause", "/resume", "/logout"):
        for csrf in ("", "x" * 64):
            answer = board.ask(path, form={"location": "jwt", "who": "a", "why": "b", "csrf": csrf})
            assert answer.status == 401
    board.log_in()
    csrf = board.csrf
    board.ticks.at += 3600  # the session is over
    assert board.ask("/pause", form={"location": "jwt", "csrf": csrf}).status == 401
    assert board.file.read_text() == POLICY


def test_csrf_t11(board: Board) -> None:
    """A form of somebody else's page has the cookie, and neither the token nor our origin."""
    board.log_in()
    fields = {"location": "jwt", "who": "ann", "why": "a week"}
    other = Board(board.file.parent)
    other.log_in()
    for csrf in ({}, {"csrf": ""}, {"csrf": other.csrf}, {"csrf": board.csrf.upper()}):
        assert board.ask("/pause", form=fields | csrf).status == 403
    good = fields | {"csrf": board.csrf}
    for headers in (
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Origin", "http://localhost:3000")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")],
    ):
        assert board.ask("/pause", *headers, form=good).status == 403
    assert board.file.read_text() == POLICY
    own = [("Origin", ORIGIN), ("Sec-Fetch-Site", "same-origin")]
    assert board.ask("/pause", *own, form=good).status == 303


def test_rebinding_t11(board: Board) -> None:
    for host in ("evil.example", "evil.example:8501", "localhost", "127.0.0.1:8501", "[::1]:8501"):
        answer = board.ask(host=[("Host", host)])
        assert (answer.status, "acme" in text(answer)) == (421, False)
    for hosts in ([], [HOST, ("Host", "evil.example")], [HOST, HOST]):
        assert board.ask(host=hosts).status == 421
    assert (
        board.ask("/", ("X-Forwarded-Host", "localhost:8501"), host=[("Host", "x")]).status == 421
    )
    board.log_in()
    assert board.pause(csrf=board.csrf).status == 303
    answer = board.ask("/resume", form={"csrf": "x"}, host=[("Host", "evil.example")])
    assert answer.status == 421


def test_a_same_machine_proxy_makes_nobody_local_t11(board: Board) -> None:
    """nginx and the like make the whole world come from 127.0.0.1."""
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert board.ask("/", (header, "127.0.0.1")).status == 303
    board.log_in()
    assert board.ask("/", ("X-Forwarded-For", "203.0.113.9")).status == 200


def test_another_sites_page_loads_nothing_of_ours_t11(board: Board) -> None:
    for site in ("cross-site", "same-site"):
        for mode in ("no-cors", "cors"):
            answer = board.ask("/", ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode))
            assert (answer.status, "acme" in text(answer)) == (403, False)
    link = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"))
    assert board.ask("/", *link).status == 200


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7 * 7 }}{% raw %}",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "=cmd|' /C calc'!A0",
)


def test_script_from_user_agent_and_iss_t11(tmp_path: Path) -> None:
    """Whatever a client calls itself stands on the page as what it is: text."""
    records = [
        record(evil, at=NOW - n * DAY, agent=evil[:60], route=evil, outcome=evil[:64], count=24)
        for evil in HOSTILE
        for n in range(1, 29)
    ] + [record(evil, at=NOW - DAY, agent=evil[:60], count=24) for evil in HOSTILE]
    page = text(Board(tmp_path, records).ask())
    assert page.count("<script") == 2  # our two files
    for tag in ("<img src=x", "<svg", "onerror=alert(1)>", "</title><"):
        assert tag not in page
    assert "{{ 7 * 7 }}" in page
    assert "49" not in re.findall(r">([^<]*)<", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&#34;&gt;&lt;img src=x" in page


def test_what_the_policy_says_is_text_too_t11(tmp_path: Path) -> None:
    evil = HOSTILE[0]
    more = f'[[location.extension]]\nclient = "{evil}"\nuntil = 2022-07-01\nowner = "{evil}"\n'
    policy = POLICY.replace(
        "[[location.brownout]]", f'{more}reason = "{evil}"\n\n[[location.brownout]]'
    ).replace('"api"', f'"{evil}"')
    board = Board(tmp_path, policy=policy)
    board.log_in()
    board.pause(who=evil, why=evil)
    assert text(board.ask()).count("<script") == 2


@pytest.mark.parametrize(
    "evil",
    [
        'x"\n[[route]]\npath = "/*"\nphase = "open"\nreason = "',
        'x"\r\nmode = "observe"',
        "x\x00",
        "x\x1b[2J",
        "x\u202e",
        "x" * 501,
        " ",
        "",
    ],
    ids=["table", "key", "nul", "escape", "bidi", "long", "space", "nothing"],
)
@pytest.mark.parametrize("field", ["who", "why"])
def test_toml_injection_t11(board: Board, field: str, evil: str) -> None:
    board.log_in()
    answer = board.pause(**{field: evil})
    assert (answer.status, board.file.read_text()) == (400, POLICY)
    assert "Nothing was changed" in text(answer)


@pytest.mark.parametrize(
    "evil", ['"""', "'''", 'a"b', "a\\", "# x", "[[route]]", "${x}", "\\u0000"]
)
def test_what_toml_might_read_is_written_as_text_t11(board: Board, evil: str) -> None:
    board.log_in()
    assert board.pause(who=evil, why=evil).status == 303
    told = tomllib.loads(board.file.read_text())
    assert told["location"][0].pop("paused")["why"] == evil
    assert told == tomllib.loads(POLICY)


def test_no_such_location(board: Board) -> None:
    board.log_in()
    for location in ("nowhere", "", 'jwt"\n'):
        assert board.pause(location=location).status == 400
    assert board.ask("/resume", form={"location": "jwt", "csrf": board.csrf}).status == 409
    assert board.file.read_text() == POLICY


def test_where_the_file_is_read_only_it_shows_the_lines_to_add(board: Board) -> None:
    board.log_in()
    board.file.chmod(0o444)
    answer = board.pause(why="it & that")
    assert answer.status == 409
    assert "[location.paused]" in text(answer)
    assert "why = &#34;it &amp; that&#34;" in text(answer)
    assert board.file.read_text() == POLICY
    board.file.chmod(0o644)
    assert board.pause().status == 303


def test_nobody_changes_anything_where_that_is_switched_off(tmp_path: Path) -> None:
    board = Board(tmp_path, changes=False)
    board.log_in()
    assert 'action="pause"' not in text(board.ask())
    assert board.ask("/pause", form={"location": "jwt", "csrf": board.csrf}).status == 403
    assert board.file.read_text() == POLICY


def test_pausing_works_while_the_database_does_not(board: Board) -> None:
    board.log_in()
    board.counted.failure = StoreUnavailable(found="OperationalError")
    board.ticks.at += 15
    assert board.pause().status == 303
    assert "by ann: a week" in text(board.ask())


def test_forms_that_are_none(board: Board) -> None:
    board.log_in()
    assert board.ask("/pause", form={"csrf": "x" * 9000}).status == 413
    assert board.ask("/login", form={"password": "x" * 9000}).status == 413
