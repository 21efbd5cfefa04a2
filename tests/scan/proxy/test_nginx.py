"""nginx: which log is in force where, what its format has, and what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.proxy.files import Unclear
from headway.scan.proxy.nginx import judge_nginx
from scan.proxy.told import clean_after, told

QUIET = "error_log e.log crit;\n"
USUAL = "log_format main '$request_method $uri';\n"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        # (1) the format that is meant where none is named, and by its name
        ("http { access_log a; server { } }", "Q2 R2"),
        ("http { access_log a combined; server { } }", "Q2 R2"),
        ("http { access_log a buffer=32k gzip flush=5m; server { } }", "Q2 R2"),
        # (2) nothing said is a log, too; off is none
        ("http { server { } }", "Q2 R2"),
        ("http { access_log off; server { } }", ""),
        ("http { access_log /dev/null; server { } }", ""),
        ("http { access_log off; server { location / { access_log a; } } }", "Q2 R2"),
        ("http { access_log a; server { access_log off; } }", ""),
        ("http { access_log a; server { access_log off; location / { } } server { } }", "Q2 R2"),
        ("http { access_log a; }", "Q2 R2"),
        # (3) formats: only those in force count
        ("http { log_format m '$request'; access_log off; }", ""),
        ("http { log_format m '$request_method'; access_log a m; server { } }", ""),
        ("http { log_format m '$request' '$http_referer'; access_log a m; server { } }", "Q2 R2"),
        ("http { log_format m escape=json '${request_uri}'; access_log a m; server { } }", "Q2"),
        ("http { log_format m '$args'; access_log a m; access_log b m; server { } }", "Q2"),
        ("http { log_format m '$arg_jwt $arg_page'; access_log a m; server { } }", "Q2"),
        ("http { log_format m '$arg_page'; access_log a m; server { } }", ""),
        ("http { log_format m '$http_x_original_uri'; access_log a m; server { } }", "Q2~"),
        # (4) a condition
        ("http { access_log a combined if=$x; map $args $x { '' 1; } server { } }", "R2"),
        ("http { access_log a combined if=$x; map $status $x { 404 0; default 1; } server { } }",
         "Q2 R2"),
        ("http { access_log a combined if=$who; server { } }", "Q2~ R2~"),
        # (5) not HTTP, or not all of it
        ("stream { log_format m '$request'; access_log a m; }", ""),
        ("events { }", ""),
        ("server { access_log a; }", "Q2 R2"),
        ("access_log a;", "Q2 R2"),
    ],
)  # fmt: skip
def test_accesses(text: str, short: str, tmp_path: Path) -> None:
    got = told(judge_nginx, tmp_path, QUIET + text)
    assert (got.short, got.unread) == (short, [])
    if not any(leak.edits == () for leak in got.leaks):
        clean_after(got, tmp_path)


@pytest.mark.parametrize(
    ("level", "short"),
    [("", "E1"), (" warn", "E1"), (" debug", "E1"), (" error", "E1"), (" crit", ""),
     (" alert", ""), (" emerg", "")],
)  # fmt: skip
def test_errors(level: str, short: str, tmp_path: Path) -> None:
    text = f"error_log e.log{level};\nhttp {{ access_log off; server {{ }} }}"
    got = told(judge_nginx, tmp_path, text)
    assert got.short == short
    assert clean_after(got, tmp_path).startswith(
        f"error_log e.log{level if not short else ' crit'};"
    )


def test_errors_where_nothing_is_said(tmp_path: Path) -> None:
    got = told(judge_nginx, tmp_path, "http { access_log off; server { } }")
    assert got.short == "E1"
    assert "error_log /var/log/nginx/error.log crit;" in clean_after(got, tmp_path)
    text = "http { access_log off; error_log /dev/null; server { } }"
    assert told(judge_nginx, tmp_path, text).short == ""


def test_the_lines_that_mend_it(tmp_path: Path) -> None:
    text = (
        QUIET + "http {\n    log_format main '$remote_addr \"$request\" '\n"
        "                    '$uri$is_args$args \"$http_referer\"';\n"
        "    access_log a main;\n    access_log b;\n    server { }\n}\n"
    )
    got = told(judge_nginx, tmp_path, text)
    assert got.short == "Q3 Q6 R3 R6"
    mended = clean_after(got, tmp_path)
    assert "'$remote_addr \"$request_method $uri $server_protocol\" '" in mended
    assert "'$uri \"-\"';" in mended
    assert "access_log b without_query;" in mended
    assert mended.count("log_format without_query ") == 1


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    text = QUIET + USUAL.replace("main", "without_query") + "access_log a;"
    assert "access_log a without_query_;" in clean_after(
        told(judge_nginx, tmp_path, text), tmp_path
    )


def test_a_variable_of_ones_own(tmp_path: Path) -> None:
    text = (
        QUIET + "http { map $request_uri $masked { ~^(.*?jwt=)[^&]+(.*)$ $1x$2; "
        "default $request_uri; }\n"
        "map $http_referer $from { default $http_referer; }\n"
        "log_format m '$masked $from';\naccess_log a m; server { } }"
    )
    got = told(judge_nginx, tmp_path, text)
    assert got.short == "Q4- R4"
    assert got.leaks[0].rare == ("sent twice", "in a redirect", "as access_token", "as api_key")
    assert "log_format m '$uri -';" in clean_after(got, tmp_path)


def test_what_is_not_known_is_unsure_and_not_mended(tmp_path: Path) -> None:
    got = told(judge_nginx, tmp_path, QUIET + "log_format m '$mine';\naccess_log a m;")
    assert got.short == "Q2?"
    assert "nothing here says" in got.why
    assert got.leaks[0].edits == ()


def test_a_format_that_is_defined_elsewhere_is_told_of(tmp_path: Path) -> None:
    got = told(judge_nginx, tmp_path, QUIET + "access_log a main;")
    assert got.short == ""
    assert "main, which is not defined here (line 2)" in got.unread[0].why


def test_a_server_alone_inherits_what_is_not_here(tmp_path: Path) -> None:
    got = told(judge_nginx, tmp_path, "server { location / { } }")
    assert got.short == ""
    assert "name that one" in got.unread[0].why


def test_what_is_included_is_judged_where_it_stands(tmp_path: Path) -> None:
    got = told(
        judge_nginx, tmp_path, QUIET + "http { include conf.d/*.conf; access_log a m; }",
        **{"conf.d__a.conf": "log_format m '$request';", "conf.d__b.conf": "server { }"},
    )  # fmt: skip
    assert got.short == "Q1"
    assert got.leaks[0].source.path.endswith("conf.d/a.conf")


def test_blocks_that_answer_nothing(tmp_path: Path) -> None:
    text = (
        QUIET + "http { access_log off; upstream u { server 127.0.0.1:1; } types { a b; } "
        "geo $g { default 1; } server { } }"
    )
    assert told(judge_nginx, tmp_path, text).short == ""


def test_t39_a_format_that_is_longer_than_any_is_refused(tmp_path: Path) -> None:
    text = f"log_format m '{'$request' * 10_000}';\naccess_log a m;"
    with pytest.raises(Unclear, match=r"more than 20000 characters, in line 1"):
        told(judge_nginx, tmp_path, text)
