"""Apache httpd: which log is written for which host, what its format has, and what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.proxy.apache import judge_apache
from scan.proxy.told import clean_after, told

FULL = 'LogFormat "%h \\"%r\\" %>s \\"%{Referer}i\\"" combined\n'


@pytest.mark.parametrize(
    ("text", "short"),
    [
        # (1) formats by name, written out, or left out
        (FULL, ""), (f"{FULL}CustomLog a combined\n", "Q1 R1"),
        ("CustomLog a combined\n", "Q1~ R1~"), ("CustomLog a common env=x\n", "Q1~"),
        ("CustomLog a\n", "Q1"), ("CustomLog a CLF\n", "Q1"), ("CustomLog a env=x\n", "Q1~"),
        ('CustomLog a "%h %m %U"\n', ""), ('CustomLog "|rotatelogs a" "%h %r"\n', "Q1"),
        ('CustomLog a "%U%q"\n', "Q1"), ("CustomLog a %400r\n", "Q1"), ("CustomLog a %<r\n", "Q1"),
        ('CustomLog a "%{referer}i"\n', "R1"), ('CustomLog a "%{Referer}i" env=!x\n', "R1~"),
        ('CustomLog a "%{X-Original-URL}i"\n', "Q1~"),
        ("CustomLog a %{User-Agent}i%^FB%a%%r\n", ""),
        ("CustomLog\n", ""), ("CustomLog /dev/null combined\n", ""),
        ("CustomLog a vhost_combined\n", "Q1~ R1~"),
        ("TransferLog a\n", "Q1"), ('LogFormat "%U"\nTransferLog a\n', ""),
        ('LogFormat "%r"\nTransferLog a\n', "Q1"), ("GlobalLog a combined\n", "Q1~ R1~"),
        ("ForensicLog a\n", "Q1 R1"), ("SecAuditLog a\n", "Q1 R1"),
        # (2) hosts
        (f"{FULL}CustomLog a combined\n<VirtualHost x>\nCustomLog b %U\n</VirtualHost>\n",
         "Q1~ R1~"),
        (f"{FULL}CustomLog a combined\n<VirtualHost *:80>\nCustomLog b %U\n</VirtualHost>\n",
         "Q1~ R1~"),
        (f"{FULL}CustomLog a combined\n<VirtualHost *>\nCustomLog b %U\n</VirtualHost>\n", ""),
        ((f"{FULL}CustomLog a combined\n<VirtualHost x _default_:*>\nTransferLog b\n"
         "</VirtualHost>\n"), "Q4"),
        ("<VirtualHost x>\nCustomLog b %r\n</VirtualHost>\n", "Q2"),
        ("<VirtualHost x>\nLogFormat %U combined\nCustomLog b combined\n</VirtualHost>\n", ""),
        ("<VirtualHost x>\nServerName y\n</VirtualHost>\nCustomLog b %r\n", "Q4"),
        # (3) the environment
        ("CustomLog a %{QUERY_STRING}e\n", "Q1~"), ("CustomLog a %{nothing}e\n", ""),
        ("SetEnvIf Referer (.*) from=$1\nCustomLog a %{from}e\n", "R2~"),
        ("SetEnvIf Referer x from=yes\nCustomLog a %{from}e\n", ""),
        ("RewriteRule ^ - [E=q:%{QUERY_STRING}]\nCustomLog a %{q}e\n", "Q2~"),
        ('SetEnvIfExpr "%{QUERY_STRING} =~ /x/" q=$1\nCustomLog a %{q}e\n', "Q2~"),
        ("SetEnvIf a\nRewriteRule\nLogFormat\n", ""),
    ],
)  # fmt: skip
def test_accesses(text: str, short: str, tmp_path: Path) -> None:
    got = told(judge_apache, tmp_path, text)
    assert got.short == short
    clean_after(got, tmp_path)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("ErrorLog a\n", "E1"), ("ErrorLog /dev/null\n", ""), ("ErrorLog\n", ""),
        ("  ErrorLog a\nErrorLogFormat %M\n", ""),
        ("ErrorLog a\nErrorLogFormat \"%M %{Referer}i\"\n", "E2"),
        ("ErrorLog a\nErrorLogFormat connection %M\n", "E1"),
        ("ErrorLog a\nLogLevel crit\n", ""), ("ErrorLog a\nLogLevel warn\n", "E1"),
        ("LogLevel debug\n", "E1~"), ("LogLevel warn rewrite:trace3\n", "E1~"), ("LogLevel\n", ""),
        ("<VirtualHost x>\nErrorLog a\n</VirtualHost>\nErrorLogFormat %M\n", ""),
        ("<VirtualHost x>\nErrorLog a\n</VirtualHost>\n", "E2"),
    ],
)  # fmt: skip
def test_errors(text: str, short: str, tmp_path: Path) -> None:
    got = told(judge_apache, tmp_path, text)
    assert got.short == short
    clean_after(got, tmp_path)


def test_the_lines_that_mend_it(tmp_path: Path) -> None:
    text = (
        f'{FULL}LogFormat \\\n  "%U%q" own\nCustomLog a combined\nCustomLog b own\n'
        "CustomLog c common env=!x\nForensicLog d\n  ErrorLog e\n"
    )
    assert clean_after(told(judge_apache, tmp_path, text), tmp_path) == (
        'LogFormat "%h \\"%m %U %H\\" %>s \\"-\\"" combined\nLogFormat \\\n  "%U" own\n'
        "CustomLog a combined\nCustomLog b own\n"
        'CustomLog c "%h %l %u %t \\"%m %U %H\\" %>s %b" env=!x\n# ForensicLog d\n  ErrorLog e\n'
        '  ErrorLogFormat "[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\\ %a] %M"\n'
    )
