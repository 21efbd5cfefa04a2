"""Envoy: loggers of HTTP, their formats, and what mends them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headway.scan.proxy.envoy import judge_envoy, line_of
from headway.scan.proxy.files import Unclear
from headway.scan.proxy.traffic import Line, Sample, What
from scan.proxy.told import Told, clean_after, told

TYPE = "type.googleapis.com/envoy.extensions."
HTTP = f"{TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager"
FILE = f"{TYPE}access_loggers.file.v3.FileAccessLog"
SAMPLE = Sample(What.QUERY, "/a?jwt=T", "https://r/")


def of(*loggers: Any, owner: str = HTTP, name: str = "access_log") -> Any:
    return {"static_resources": {"listeners": [{"filter_chains": [{"filters": [{"typed_config": {
        "@type": owner, name: list(loggers)}}]}]}]}}  # fmt: skip


def file(**more: Any) -> Any:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {"@type": FILE, "path": "a"} | more,
    }


def text(template: str) -> Any:
    return file(log_format={"text_format_source": {"inline_string": template}})


def judged(folder: Path, config: Any) -> Told:
    return told(judge_envoy, folder, json.dumps(config, indent=1), "envoy.json")


def whats(got: Told) -> str:
    return " ".join(word[0] + word.lstrip("QRE0123456789") for word in got.short.split())


@pytest.mark.parametrize(
    ("logger", "found"),
    [
        (file(), "Q"), (file(path="/dev/null"), ""),
        (file(format="%REQ(:PATH)%"), "Q"),
        (file(json_format={"a": "%REQ(REFERER)%", "b": "%DURATION%"}), "R"),
        (file(typed_json_format={"a": {"b": ["%PATH%"]}}), "Q"),
        (file(log_format={"text_format": "%REQ(:PATH)% %REQ(Referer)%"}), "Q R"),
        (file(log_format={"json_format": {"a": "x"}}), ""),
        (file(log_format={"text_format_source": {"filename": "x"}}), "Q?"),
        (text("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):100%"), "Q"), (text("%PATH(NQ)%"), ""),
        (text("%PATH(WQ:ORIG)%"), "Q"), (text("%REQ_WITHOUT_QUERY(:PATH)%"), ""),
        (text("%QUERY_PARAM(jwt)%"), "Q"), (text("%QUERY_PARAM(page)%"), ""),
        (text("%QUERY_PARAMS(ORIG)%"), "Q"), (text("%REQ(X-ORIGINAL-URL)%"), "Q~"),
        (text("%REQ(:METHOD)% %DYNAMIC_METADATA(x:y)% %"), ""),
        (text("%CEL(request.path)%"), "Q~"), (text("%CEL(request.url_path)%"), ""),
        (text("%CEL(request.headers['referer'])%"), "R~"),
        (file() | {"filter": {"status_code_filter": {}}}, "Q~"),
        ({"name": "envoy.access_loggers.stdout"}, "Q"),
        ({"name": "envoy.access_loggers.stdout", "typed_config": {}}, "Q"),
        ({"name": "envoy.access_loggers.http_grpc", "typed_config": {}}, "Q R"),
        ({"name": "x", "filter": {}, "typed_config": {"@type": f"{TYPE}x.HttpGrpcAccessLogConfig"}},
         "Q~ R~"),
        ({"name": "envoy.access_loggers.open_telemetry", "typed_config": {
            "body": {"string_value": "%REQ(:PATH)%"}, "attributes": {"values": [
                {"key": "r", "value": {"string_value": "%REQ(REFERER)%"}}]}}}, "Q R"),
        ({"name": "envoy.access_loggers.wasm", "typed_config": {
            "@type": f"{TYPE}access_loggers.wasm.v3.WasmAccessLog"}}, "Q?"),
        ({"name": "nobody.knows"}, ""), ({}, ""),
    ],
)  # fmt: skip
def test_loggers(logger: Any, found: str, tmp_path: Path) -> None:
    got = judged(tmp_path, of(logger))
    assert whats(got) == found
    if all(leak.edits for leak in got.leaks):
        json.loads(clean_after(got, tmp_path, "envoy.json"))


def test_where_loggers_count(tmp_path: Path) -> None:
    assert whats(judged(tmp_path, of(file(), owner=f"{TYPE}x.TcpProxy"))) == ""
    assert whats(judged(tmp_path, of(file(), owner=f"{TYPE}x.Router", name="upstream_log"))) == "Q"
    assert whats(judged(tmp_path, of(file()) | {"x": {"access_log": "a"}})) == "Q"


def test_the_lines_that_mend_it(tmp_path: Path) -> None:
    yaml = (
        f"a:\n  '@type': {HTTP}\n  access_log:\n  - name: envoy.access_loggers.file\n"
        f"    typed_config:\n      '@type': {FILE}\n      path: a\n"
        f"  - name: two\n    typed_config:\n      '@type': {FILE}\n"
        "      log_format: {text_format_source: {inline_string: '%REQ(:PATH)% %REQ(referer)%'}}\n"
    )
    got = told(judge_envoy, tmp_path, yaml, "envoy.yaml")
    assert got.short == "Q11 Q4 R11"
    mended = clean_after(got, tmp_path, "envoy.yaml")
    assert "inline_string: '%PATH(NQ)% -'" in mended
    assert '      log_format:\n        text_format_source:\n          inline_string: "[%S' in mended


def test_the_path_is_sure_only_where_it_is(tmp_path: Path) -> None:
    assert line_of("%REQ(X-ENVOY-ORIGINAL-PATH)%", SAMPLE) == Line(SAMPLE.target)
    assert line_of("%REQ(X-REWRITE-URL)%", SAMPLE) == Line(SAMPLE.target, sure=False)


def test_t39_formats_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(Unclear, match="characters"):
        judged(tmp_path, of(text("%REQ(:PATH)%" * 5_000)))
