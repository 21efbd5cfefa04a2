"""Traefik's static configuration."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from headway.scan.proxy.files import Unclear
from headway.scan.proxy.traefik import judge_traefik
from scan.proxy.told import clean_after, told


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("accessLog: {}\n", "Q1"), ("accessLog:\n  filePath: a\n", "Q1"),
        ("accesslog: true\n", "Q1"),
        ("accessLog:\n", "Q1~"), ("accessLog: false\n", ""), ("log:\n  level: DEBUG\n", ""),
        ("accessLog: {fields: {defaultMode: drop}}\n", ""),
        ("accessLog: {fields: {defaultMode: drop, names: {RequestPath: keep}}}\n", "Q1"),
        ("accessLog: {fields: {names: {requestpath: drop}}}\n", "Q1"),
        ("accessLog: {fields: {names: {RequestPath: drop, RequestLine: drop}}}\n", ""),
        ("accessLog:\n  fields:\n    headers:\n      defaultMode: keep\n", "Q1 R1"),
        ("accessLog: {fields: {headers: {names: {Referer: keep}}}}\n", "Q1 R1"),
        ("accessLog: {fields: {headers: {defaultMode: keep, names: {Referer: redact}}}}\n", "Q1"),
        ("accessLog: {fields: {queryParameters: {defaultMode: drop}}}\n", ""),
        ("accessLog: {fields: {queryParameters: {defaultMode: drop, names: {jwt: keep}}}}\n", "Q1"),
        ("accessLog: {fields: {queryParameters: {names: {jwt: drop}}}}\n", "Q1"),
        ("accessLog: {fields: {queryParameters: drop}}\n", "Q1"),
        ("accessLog: {fields: x}\n", "Q1"), ("http:\n  routers: {}\n", ""),
    ],
)  # fmt: skip
def test_yaml(text: str, short: str, tmp_path: Path) -> None:
    got = told(judge_traefik, tmp_path, text, "traefik.yml")
    assert got.short == short
    if "fields: x" not in text:
        clean_after(got, tmp_path, "traefik.yml")


def test_the_lines_that_mend_it(tmp_path: Path) -> None:
    text = "accessLog:\n  fields:\n    headers:\n      defaultMode: keep\nlog: {}\n"
    got = told(judge_traefik, tmp_path, text, "traefik.yml")
    assert clean_after(got, tmp_path, "traefik.yml") == (
        "accessLog:\n  fields:\n    names:\n      RequestPath: drop\n      RequestLine: drop\n"
        "    headers:\n      names:\n        Referer: drop\n      defaultMode: keep\nlog: {}\n"
    )


@pytest.mark.parametrize(
    ("text", "short", "mends"),
    [
        ("[accessLog]\n", "Q1", True), ("[x]\n[AccessLog]\nfilePath = 'a'", "Q2", True),
        ("accessLog = {}\n", "Q1", False), ("accessLog = false\n", "", True),
        ("[log]\n", "", True), ("[accessLog.fields]\ndefaultMode = 'drop'\n", "", True),
        ("[accessLog.fields.headers]\ndefaultMode = 'keep'\n", "Q1 R1", True),
        ("[accessLog.fields.names]\nRouterName = 'drop'\n[log]\n", "Q1", True),
        ("[accessLog.fields.names]\nRequestPath = 'keep'\n", "Q1", False),
        ("[accessLog]\nfields.names = {RouterName = 'drop'}\n", "Q1", False),
        ("[accessLog]\n[accessLog.fields.names]\nRequestPath='drop'\nRequestLine='drop'\n", "",
         True),
    ],
)  # fmt: skip
def test_toml(text: str, short: str, mends: bool, tmp_path: Path) -> None:
    got = told(judge_traefik, tmp_path, text, "traefik.toml")
    assert got.short == short
    if mends:
        tomllib.loads(clean_after(got, tmp_path, "traefik.toml"))
    else:
        assert got.mended() == text


def test_what_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Unclear, match="in line 2"):
        told(judge_traefik, tmp_path, "[a]\nb = = c\n", "traefik.toml")
    with pytest.raises(Unclear):
        told(judge_traefik, tmp_path, "[a]\nb = 'c", "traefik.toml")
