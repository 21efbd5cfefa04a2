"""Patched documents are asked of a validator, and overlays are applied by a tool of others."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml
from noticed import POLICY, told
from oas_patch.overlay import apply_overlay
from openapi_spec_validator import validate

from headway.errors import ConfigurationError
from headway.gateway.notice.document import read_document
from headway.gateway.notice.openapi import MARK, Patch, patch

SCHEMA = yaml.safe_load(
    files("oas_patch").joinpath("schema/overlay_schema_1.0.0.yml").read_text("utf-8")
)
QUERY_KEY = {"type": "apiKey", "in": "query", "name": "jwt", "description": "In the address."}
ANSWERS = {"200": {"description": "yes"}}


def parameter(version: str, **more: Any) -> dict[str, Any]:
    kind = {"type": "string"} if version == "2.0" else {"schema": {"type": "string"}}
    return {"name": "access_token", "in": "query", **kind, **more}


def made(version: str) -> dict[str, Any]:
    """A document that speaks of the location in all places."""
    old = version == "2.0"
    schemes = {"urlToken": dict(QUERY_KEY), "basic": {"type": "http", "scheme": "basic"}}
    if old:
        schemes["basic"] = {"type": "basic"}
    shared = {"shared": parameter(version), "other": {**parameter(version), "name": "page"}}
    reference = "#/parameters/shared" if old else "#/components/parameters/shared"
    own = {**parameter(version, required=True, description="Your token."), "name": "jwt"}
    operation: dict[str, Any] = {
        "security": [{"urlToken": [], "basic": []}, {"basic": []}],
        "parameters": [{"$ref": reference}, own],
        "responses": ANSWERS,
    }
    item = {"get": operation, "parameters": [{**parameter(version), "name": "jwt"}]}
    root: dict[str, Any] = {
        "info": {"title": "API", "version": "1"},
        "security": [{"urlToken": []}, {}],
        "paths": {"/it's/{id}": item},
    }
    if old:
        item["get"]["parameters"].append(
            {"name": "id", "in": "path", "required": True, "type": "string"}
        )
        return {
            "swagger": "2.0",
            "securityDefinitions": schemes,
            "parameters": shared,
            **root,
        }
    item["get"]["parameters"].append(
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    )
    return {
        "openapi": f"{version}.0",
        "components": {"securitySchemes": schemes, "parameters": shared},
        **root,
    }


def patched(root: dict[str, Any], policy: str = POLICY, now: str = "2021-12-01") -> Patch:
    return patch(root, told(policy, now))


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1", "3.2"])
def test_each_version_stays_valid_and_the_overlay_says_the_same(version: str) -> None:
    root = made(version)
    before = copy.deepcopy(root)
    validate(before)
    found = patched(root)
    validate(root)
    jsonschema.Draft202012Validator(SCHEMA).validate(found.overlay)
    assert apply_overlay(before, json.loads(json.dumps(found.overlay))) == root
    assert len(found.places) == 4
    assert found.elsewhere == ()
    assert "/paths/~1it's~1{id}/get/parameters/1" in found.places


@pytest.mark.parametrize(
    ("version", "scheme_word", "parameter_word"),
    [
        ("2.0", "x-deprecated", "x-deprecated"),
        ("3.0", "x-deprecated", "deprecated"),
        ("3.1", "x-deprecated", "deprecated"),
        ("3.2", "deprecated", "deprecated"),
    ],
)
def test_what_is_deprecated(version: str, scheme_word: str, parameter_word: str) -> None:
    root = made(version)
    patched(root)
    schemes = root.get("securityDefinitions") or root["components"]["securitySchemes"]
    scheme = schemes["urlToken"]
    assert scheme[scheme_word] is True
    assert scheme["description"].startswith("In the address.\n\n**Tokens in the URL end on 1 Feb")
    assert "See <https://docs.example/jwt>." in scheme["description"]
    (_, own, _) = root["paths"]["/it's/{id}"]["get"]["parameters"]
    assert own[parameter_word] is True
    assert own["required"] is False
    assert own["description"].startswith("Your token.\n\n")
    shared = (root.get("parameters") or root["components"]["parameters"])["shared"]
    assert shared[parameter_word] is True
    assert "required" not in shared
    other = (root.get("parameters") or root["components"]["parameters"])["other"]
    assert "description" not in other


def test_the_header_is_offered_wherever_the_old_scheme_is_taken() -> None:
    root = made("3.0")
    patched(root)
    new = root["components"]["securitySchemes"]["tokenInHeader"]
    assert (new["type"], new["scheme"]) == ("http", "JWT")
    assert root["security"] == [{"urlToken": []}, {}, {"tokenInHeader": []}]
    assert root["paths"]["/it's/{id}"]["get"]["security"] == [
        {"urlToken": [], "basic": []},
        {"basic": []},
        {"basic": [], "tokenInHeader": []},
    ]
    old = made("2.0")
    patched(old)
    assert old["securityDefinitions"]["tokenInHeader"]["name"] == "Authorization"


@pytest.mark.parametrize(
    ("scheme", "header", "there"),
    [
        ("Bearer", "Authorization", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}),
        ("", "X-Api-Key", {"type": "apiKey", "in": "header", "name": "x-api-key"}),
    ],
    ids=["bearer", "key"],
)
def test_a_scheme_that_is_there_is_taken(scheme: str, header: str, there: dict[str, Any]) -> None:
    policy = POLICY.replace('scheme = "JWT"', f'scheme = "{scheme}"\nheader = "{header}"')
    root = made("3.1")
    root["components"]["securitySchemes"]["mine"] = there
    patched(root, policy)
    assert "tokenInHeader" not in root["components"]["securitySchemes"]
    assert {"mine": []} in root["security"]
    new = made("3.1")
    new["components"]["securitySchemes"]["tokenInHeader"] = {"type": "mutualTLS"}
    patched(new, policy)
    made_up = new["components"]["securitySchemes"]["tokenInHeader2"]
    assert made_up["type"] == there["type"]
    validate(new)


def test_patched_again_it_has_one_notice_of_today() -> None:
    root = made("3.0")
    patched(root)
    first = copy.deepcopy(root)
    patched(root)
    assert root == first
    patched(root, now="2022-03-01")
    scheme = root["components"]["securitySchemes"]["urlToken"]
    assert scheme["description"].count("Tokens in the URL") == 1
    assert "ended on" in scheme["description"]
    assert scheme[MARK] in scheme["description"]
    assert root["security"] == first["security"]


def test_what_the_api_calls_itself_is_left_alone() -> None:
    root = made("3.1")
    calls = {"post": {"parameters": [parameter("3.1")], "responses": ANSWERS}}
    root["webhooks"] = {"event": calls}
    root["paths"]["/it's/{id}"]["get"]["callbacks"] = {"done": {"{$request.query.u}": calls}}
    patched(root)
    assert "deprecated" not in calls["post"]["parameters"][0]


def test_path_items_of_components_and_other_methods() -> None:
    root = made("3.2")
    root["components"]["pathItems"] = {
        "reused": {"query": {"parameters": [parameter("3.2")], "responses": ANSWERS}}
    }
    more = {"COPY": {"parameters": [parameter("3.2")], "responses": ANSWERS}}
    root["paths"]["/more"] = {"additionalOperations": more, "summary": "x"}
    found = patched(root)
    assert "/components/pathItems/reused/query/parameters/0" in found.places
    assert "/paths/~1more/additionalOperations/COPY/parameters/0" in found.places


def test_references_out_of_the_document_are_told() -> None:
    root = made("3.0")
    root["paths"]["/elsewhere"] = {"$ref": "other.yaml#/paths/x"}
    root["components"]["securitySchemes"]["far"] = {"$ref": "schemes.yaml"}
    found = patched(root)
    assert found.elsewhere == ("schemes.yaml", "other.yaml#/paths/x")


@pytest.mark.parametrize(
    ("root", "says"),
    [
        ({}, "no OpenAPI document"),
        ({"openapi": "4.0.0"}, "no OpenAPI document"),
        ({"openapi": 3.1}, "no OpenAPI document"),
        ({"openapi": "3.1.0"}, r"nothing in it speaks of \?jwt= or \?access_token="),
        ({"openapi": "3.1.0", "components": []}, "nothing in it"),
        ({"openapi": "3.1.0", "paths": {"/": [], "/a": {"get": [], "parameters": 1}}}, "nothing"),
        (
            {
                "openapi": "3.1.0",
                "components": {"securitySchemes": {"a": 1}, "parameters": {"b": 2}},
            },
            "nothing in it",
        ),
    ],
    ids=range(7),
)
def test_what_can_not_be_patched(root: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        patched(root)


def test_an_alias_of_yaml_is_changed_once() -> None:
    text = """\
openapi: 3.0.3
info: {title: API, version: "1"}
components:
  securitySchemes:
    old: {type: apiKey, in: query, name: jwt}
paths:
  /a:
    get: &both
      security: [{old: []}]
      parameters:
        - {name: jwt, in: query, schema: {type: string}}
      responses: {"200": {description: fine}}
  /b:
    get: *both
"""
    found = read_document(text.encode())
    told_ = patched(found.root)
    assert len(told_.places) == 3
    again = yaml.safe_load(found.written())
    validate(again)
    for path in ("/a", "/b"):
        operation = again["paths"][path]["get"]
        assert operation["security"] == [{"old": []}, {"tokenInHeader": []}]
        assert operation["parameters"][0]["description"].count("Tokens in the URL") == 1
    plain = json.loads(json.dumps(yaml.safe_load(text)))  # no aliases are left
    assert apply_overlay(plain, json.loads(json.dumps(told_.overlay))) == json.loads(
        json.dumps(again)
    )


def test_hostile_names_stay_names() -> None:
    root = made("3.1")
    name = "x'] | $..*\n::stop-commands::\\"
    root["components"]["securitySchemes"][name] = dict(QUERY_KEY)
    before = copy.deepcopy(root)
    found = patched(root)
    assert root["components"]["securitySchemes"][name]["x-deprecated"] is True
    targets = [action["target"] for action in found.overlay["actions"]]
    assert r"$['components']['securitySchemes']['x\'] | $..*" in " ".join(targets)
    assert before != root
