from __future__ import annotations

from typing import Any

import pytest

from headway.host.providers.kinds import KINDS, Kind, associations, errors_of

BY_NAME = {kind.name: kind for kind in KINDS}


def test_a_key_is_what_identifies_one() -> None:
    deployment = {
        "pipeline": {"id": "p"},
        "environment": {"id": "e"},
        "deploymentSequenceNumber": 3,
    }
    assert BY_NAME["deployments"].key_of(deployment) == {
        "pipelineId": "p",
        "environmentId": "e",
        "deploymentSequenceNumber": 3,
    }
    assert BY_NAME["deployments"].key_of({"pipeline": "p", "environment": {"id": True}}) == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_missing_is_said(kind: Kind) -> None:
    assert errors_of(kind, "text") == [{"message": "is not an object"}]
    said = [error["message"] for error in errors_of(kind, {})]
    assert f"{kind.sequence} is not a whole number" in said
    assert len(said) == len(kind.key) + 1
    whole: dict[str, Any] = {kind.sequence: 1}
    for steps in kind.key.values():
        place = whole
        for step in steps[:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = "x"
    assert errors_of(kind, whole) == []
    assert kind.one.count("{") == len(kind.key)


def test_what_an_entity_is_about() -> None:
    found = associations(
        {
            "issueKeys": ["A-1", "A-1"],
            "associations": [
                {"associationType": "issueIdOrKeys", "values": ["A-2", 3]},
                {"associationType": "serviceIdOrKeys", "values": ["s"]},
                "rubbish",
            ],
            "addAssociations": [{"associationType": "issueKeys", "values": ["A-4"]}],
            "removeAssociations": [
                {"associationType": "issueKeys", "values": ["A-5"]},
                {"associationType": "serviceIdOrKeys", "values": ["t"]},
            ],
        }
    )
    assert found.issues == ["A-1", "A-2", "3", "A-4"]
    assert found.others == [{"associationType": "serviceIdOrKeys", "values": ["s"]}]
    assert found.removed == ["A-5"]
    assert associations({"issueKeys": "A-1", "associations": {}}) == ([], [], [])
