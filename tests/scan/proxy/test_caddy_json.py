"""Caddy's JSON: which logger gets accesses and errors, and what mends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.scan.proxy.caddy import judge_caddy
from scan.proxy.told import Told, told

CLEAN = {"format": "filter", "fields": {"request>uri": {"filter": "delete"},
                                        "request>headers": {"filter": "delete"}}}  # fmt: skip
QUIET = {"writer": {"output": "discard"}}


def judged(folder: Path, logs: Any, logging: Any) -> Told:
    config = {"apps": {"http": {"servers": {"a": {"listen": [":80"]} | logs}}}} | logging
    text = json.dumps(config, indent=1)
    got = told(judge_caddy, folder, text, "caddy.json")
    again = told(judge_caddy, folder / "again", got.mended(), "caddy.json")
    json.loads(got.mended())
    assert again.short == "" or any(leak.edits == () for leak in got.leaks), got.mended()
    return got


def whats(got: Told) -> str:
    return " ".join(
        sorted(f"{word[0]}{word.lstrip('QRE0123456789')}" for word in got.short.split())
    )


@pytest.mark.parametrize(
    ("logs", "logging", "found"),
    [
        ({}, {}, "E"), ({"logs": {}}, {}, "E Q R"), ({"logs": None}, {}, "E"),
        ({"logs": {}}, {"logging": {}}, "E Q R"),
        ({"logs": {}}, {"logging": {"logs": {}}}, "E Q R"),
        ({"logs": {}}, {"logging": {"logs": {"default": QUIET}}}, ""),
        ({"logs": {}}, {"logging": {"logs": {"default": {"encoder": CLEAN}}}}, ""),
        ({"logs": {}}, {"logging": {"logs": {"default": {"encoder": {"format": "json"}}}}},
         "E Q R"),
        ({"logs": {}}, {"logging": {"logs": {"default": {"encoder": {"format": "console"}}}}},
         "E Q R"),
        ({"logs": {}}, {"logging": {"logs": {"default": {"level": "ERROR"}}}}, "E Q~ R~"),
        ({"logs": {}}, {"logging": {"logs": {"default": {"encoder": {"format": "mine"}}}}},
         "E Q~ R~"),
        ({"logs": {}}, {"logging": {"logs": {"default": {"encoder": {"format": "filter"}}}}},
         "E Q R"),
        ({"logs": {}}, {"logging": {"logs": {"default": {"encoder": {
            "format": "filter", "fields": {"request>uri": {"filter": "query", "actions": [
                {"type": "delete", "parameter": "jwt"}]}}}}}}}, "E Q- R"),
        # what a logger includes and excludes
        ({"logs": {"default_logger_name": "own"}},
         {"logging": {"logs": {"default": {"exclude": ["http.log.access.own"]},
                               "own": {"include": ["http.log.access.own"], "encoder": CLEAN}}}},
         "E"),
        ({"logs": {"default_logger_name": "own"}},
         {"logging": {"logs": {"default": {"exclude": ["http"]},
                               "own": {"include": ["http.log.access.own"]}}}}, "Q R"),
        ({"logs": {"logger_names": {"h": "one", "i": ["two", ""]}, "skip_unmapped_hosts": True}},
         {"logging": {"logs": {"default": {"include": ["http.log.access.two"]}}}}, "Q R"),
        ({"logs": {"logger_names": {"h": "one"}, "skip_unmapped_hosts": True}},
         {"logging": {"logs": {"default": {"include": ["http.log.access.two"]}}}}, ""),
    ],
)  # fmt: skip
def test_loggers(logs: Any, logging: Any, found: str, tmp_path: Path) -> None:
    assert whats(judged(tmp_path, logs, logging)) == found


def test_other_apps_log_nothing(tmp_path: Path) -> None:
    assert told(judge_caddy, tmp_path, '{"apps": {"tls": {}}}').short == ""
    assert told(judge_caddy, tmp_path, '{"apps": {"http": {"servers": {}}}}').short == "E1"
