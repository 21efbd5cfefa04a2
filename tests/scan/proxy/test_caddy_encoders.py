"""What Caddy's encoders let through."""

from __future__ import annotations

import json

import pytest

from headway.scan.proxy.caddy_encoders import Encoder, encoder_in, encoder_of, line_of, text_of
from headway.scan.proxy.caddyfile import read_caddyfile
from headway.scan.proxy.edits import Source
from headway.scan.proxy.traffic import Line, Sample, What
from headway.scan.proxy.trees import read_trees

SAMPLE = Sample(What.QUERY, "/a?x=1&jwt=T", "https://r/?jwt=R")


def of_caddyfile(text: str) -> Encoder | None:
    return encoder_in(read_caddyfile(Source("a", text)))


def of_json(value: object) -> Encoder | None:
    [tree] = read_trees(Source("a", json.dumps(value)))
    return encoder_of(tree)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ("request>uri delete", "https://r/?jwt=R"),
        ("request>headers>Referer delete", SAMPLE.target),
        ("request delete", ""), ("request>headers delete", SAMPLE.target),
        ("request>uri replace x", "https://r/?jwt=R"), ("request>uri hash", "https://r/?jwt=R"),
        ("request>headers hash", SAMPLE.target + SAMPLE.referer),
        ("request>uri rename url", SAMPLE.target + SAMPLE.referer),
        ("request>uri regexp [?].*", "/ahttps://r/?jwt=R"),
        ("request>uri regexp [?].* ?x", "/a?xhttps://r/?jwt=R"),
        ("request>uri query {\n replace jwt x\n delete x\n}", "/a?jwt=xhttps://r/?jwt=R"),
        ("request>uri query {\n hash jwt\n}", "/a?x=1&jwt=hashedhttps://r/?jwt=R"),
        ("status delete", SAMPLE.target + SAMPLE.referer),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["format filter {{\n wrap json\n fields {{\n{}\n}}\n}}",
                                  "format filter {{\n{}\n wrap console\n}}",
                                  "format append {{\n wrap filter {{\n{}\n}}\n}}"],
                         ids=["fields", "flat", "append"])  # fmt: skip
def test_filters(fields: str, line: str, form: str) -> None:
    assert line_of(of_caddyfile(form.format(fields)), SAMPLE) == Line(line)


@pytest.mark.parametrize("text", ["", "format json", "format console", "output stderr",
                                  "format append {\n wrap json\n}", "format append"])  # fmt: skip
def test_without_a_filter_all_is_there(text: str) -> None:
    assert of_caddyfile(text) is None
    assert line_of(None, SAMPLE) == Line(SAMPLE.target + SAMPLE.referer)


def test_what_is_not_known() -> None:
    assert line_of(of_caddyfile("format mine"), SAMPLE) == Line(
        f"{SAMPLE.target} {SAMPLE.referer}", sure=False
    )
    older = of_caddyfile("format filter {\n request>headers>Referer query {\n delete jwt\n}\n}")
    assert line_of(older, SAMPLE) == Line(SAMPLE.target + SAMPLE.referer, sure=False)
    made = of_caddyfile('format transform "{request>uri} {status}"')
    assert line_of(made, SAMPLE) == Line(f"{SAMPLE.target} x", sure=False)
    for kind in ("regexp (?=a) x", "mine"):
        text = f"format filter {{\n request>uri {kind}\n}}"
        assert not line_of(of_caddyfile(text), SAMPLE).sure


def test_json() -> None:
    assert of_json({"format": "json"}) is None
    assert of_json({}) is None
    assert encoder_of(None) is None
    assert of_json({"format": "append", "wrap": {"format": "console"}}) is None
    assert of_json({"format": "filter"}) == Encoder()
    fields = {
        "request>uri": {"filter": "query",
                        "actions": [{"type": "replace", "parameter": "jwt", "value": "x"}]},
        "request>headers>Referer": {"filter": "regexp", "regexp": "[?].*", "value": "?"},
        "a": {"filter": "rename", "name": "b"},
    }  # fmt: skip
    got = line_of(of_json({"format": "filter", "fields": fields}), SAMPLE)
    assert got == Line("/a?x=1&jwt=xhttps://r/?")
    made = of_json({"format": "transform", "template": "{request>uri}"})
    assert line_of(made, SAMPLE) == Line(SAMPLE.target, sure=False)
    assert of_json({"format": "mine"}) == Encoder(known=False)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{uri}", SAMPLE.target), ("{http.request.orig_uri}", SAMPLE.target),
        ("{http.request.uri.query}", SAMPLE.query), ("{query}", SAMPLE.query),
        ("{header.Referer}", SAMPLE.referer), ("{http.request.header.Referer}", SAMPLE.referer),
        ("{http.request.uri.query.jwt}", "T"), ("{query.jwt}", "T"), ("{query.page}", "x"),
        ("{path} {unknown}", "x x"), ("text", "text"),
    ],
)  # fmt: skip
def test_placeholders(template: str, text: str) -> None:
    assert text_of(template, SAMPLE).text == text
