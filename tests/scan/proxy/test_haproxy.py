"""HAProxy: which format is in force for a frontend, what it has, and what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.proxy.haproxy import judge_haproxy
from scan.proxy.told import clean_after, told

TOP = "defaults\n mode http\n log global\n"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        # (1) options, and what comes last
        (" option httplog\nfrontend a\n", "Q4"), ("frontend a\n option httpslog\n", "Q5"),
        ("frontend a\n option httplog clf\n", "Q5"), ("frontend a\n option tcplog\n", ""),
        ("frontend a\n", ""), ("frontend a\n option httplog\n option tcplog\n", ""),
        (" option httplog\nfrontend a\n log-format %ci\n", ""),
        ("listen a\n option httplog\n", "Q5"), ("backend a\n option httplog\n", ""),
        # (2) nothing is logged
        ("frontend a\n option httplog\n no log\n", ""),
        ("frontend a\n option httplog\n http-request set-log-level silent\n", ""),
        ("frontend a\n option httplog\n http-request set-log-level silent if { path /x }\n", "Q5"),
        ("frontend a\n mode tcp\n option httplog\n", ""),
        # (3) parts of a format
        ('frontend a\n log-format "%ci %r"\n', "Q5"), ("frontend a\n log-format %HU\n", "Q5"),
        ("frontend a\n log-format %HQ\n", "Q5"), ("frontend a\n log-format %HP\\ %HM\n", ""),
        ('frontend a\n log-format "%{+Q}r"\n', "Q5"), ("frontend a\n log-format %[url]\n", "Q5"),
        ("frontend a\n log-format %[query]\n", "Q5"), ("frontend a\n log-format %[path]\n", ""),
        ("frontend a\n log-format %[req.hdr(Referer)]\n", "R5"),
        ("frontend a\n log-format %[capture.req.uri]\n", "Q5"),
        ("frontend a\n log-format %[req.hdrs]\n", "Q5 R5"),
        ("frontend a\n log-format %[hdr(X-Original-URL)]\n", "Q5~"),
        ("frontend a\n log-format %[url_param(jwt)]\n", "Q5"),
        ("frontend a\n log-format %[url_param(page)]\n", ""),
        ("frontend a\n log-format %[hdr(user-agent)]%%r\n", ""),
        ("frontend a\n log-format-sd %r\n", "Q5"), ("frontend a\n error-log-format %r\n", "Q5"),
        ("frontend a\n log-format %[req.payload(0,0)]\n", "Q5?"),
        # (4) converters
        ("frontend a\n log-format %[url,field(1,?)]\n", ""),
        ("frontend a\n log-format %[url,field(-1,?)]\n", "Q5"),
        ("frontend a\n log-format %[url,field(9,?),field(1,\"\")]\n", ""),
        ("frontend a\n log-format %[url,word(2,?),lower]\n", "Q5"),
        ("frontend a\n log-format %[url,sha1,hex]\n", ""),
        ("frontend a\n log-format %[url,length]%[url,hex]\n", ""),
        ("frontend a\n log-format \"%[url,regsub('[?].*','')]\"\n", ""),
        ("frontend a\n log-format \"%[url,regsub('JWT=[^&]*',jwt=x,gi)]\"\n", "Q5-"),
        ("frontend a\n log-format \"%[url,regsub('(?=x)',y)]\"\n", "Q5~"),
        ("frontend a\n log-format %[url,mine]\n", "Q5~"),
        # (5) variables and captures
        ("frontend a\n http-request set-var(txn.a) url\n log-format %[var(txn.a)]\n", "Q6"),
        ("frontend a\n http-request set-var(txn.a) path\n log-format %[var(txn.a)]\n", ""),
        ("frontend a\n http-request set-var-fmt(txn.a) %HU\n log-format %[var(txn.a)]\n", "Q6"),
        (("frontend a\n http-request set-var(txn.a) path\n http-request set-var(txn.a) url if x\n"
         " log-format %[var(txn.a)]\n"), "Q7~"),
        ("frontend a\n log-format %[var(txn.a)]\n", "Q5?"),
        ("frontend a\n http-request lua.ask\n log-format %[var(txn.a)]\n", ""),
        ("frontend a\n http-request set-var(txn.a) var(txn.a)\n log-format %[var(txn.a)]\n", "Q6?"),
        ("frontend a\n capture request header Referer len 9\n log-format %hr\n", "R5"),
        ("frontend a\n capture request header Referer len 9\n log-format %hrl%r\n", "Q6 R5"),
        ("frontend a\n capture request header Referer len 9\n log-format %ci\n", ""),
        ("frontend a\n capture request header Host len 9\n log-format %hr\n", ""),
        ("frontend a\n http-request capture url len 9\n log-format %hr\n", "Q5"),
        ("frontend a\n tcp-request content capture req.hdr(referer) len 9\n log-format %hr\n",
         "R5"),
        (("frontend a\n capture cookie x len 9\n http-request\n http-request deny\n"
         " tcp-request content\n log-format %hr\n"), ""),
    ],
)  # fmt: skip
def test_what_is_logged(text: str, short: str, tmp_path: Path) -> None:
    got = told(judge_haproxy, tmp_path, TOP + text)
    assert got.short == short
    if "?" not in short:
        clean_after(got, tmp_path)


def test_the_lines_that_mend_it(tmp_path: Path) -> None:
    text = TOP + (
        "frontend a\n capture request header Referer len 99\n option httplog\n"
        'frontend b\n log-format "%ci %{+Q}r %HQ \\"%[url]\\" %[hdr(referer)] %[query]"\n'
    )
    mended = clean_after(told(judge_haproxy, tmp_path, text), tmp_path)
    assert "# capture request header Referer len 99" in mended
    assert r"%hr %hs \"%HM %HP %HV\"" in mended
    assert r'log-format "%ci \"%HM %HP %HV\" - \"%HP\" - -"' in mended


def test_captures_that_others_count_stay(tmp_path: Path) -> None:
    text = TOP + (
        "frontend a\n capture request header Referer len 9\n capture request header Host len 9\n"
        " log-format %[capture.req.hdr(0)]%[capture.req.hdr(1)]%[capture.req.hdr(7)]\n"
    )
    got = told(judge_haproxy, tmp_path, text)
    assert got.short == "R7"
    assert 'log-format "-%[capture.req.hdr(1)]' in clean_after(got, tmp_path)
    both = told(judge_haproxy, tmp_path, text.replace("hdr(0)]", "hdr(0)]%hr"))
    assert both.short == "R5 R7"
    assert "# capture" not in both.mended()


def test_named_defaults(tmp_path: Path) -> None:
    text = (
        "defaults one\n mode http\n log global\n option httplog\n"
        "defaults two from one\n log-format %ci\n"
        "defaults three from nobody\n"
        "frontend a from one\nfrontend b from two\nfrontend c\n"
    )
    assert told(judge_haproxy, tmp_path, text).short == "Q4"


def test_defaults_alone_are_a_part_of_something(tmp_path: Path) -> None:
    assert told(judge_haproxy, tmp_path, TOP + " option httplog\n").short == "Q4~"


def test_what_nothing_here_says(tmp_path: Path) -> None:
    got = told(judge_haproxy, tmp_path, TOP + "frontend a\n log-format %[var(txn.x)]\n")
    assert "nothing here says" in got.why
    assert got.leaks[0].edits == ()
