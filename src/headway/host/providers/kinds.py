"""Every kind of information that an app may submit in bulk, in one table.

Paths, members and answers are those of Jira Software's REST API (Builds,
Deployments, Feature Flags, Remote Links, Security Information, Development
Information); designs have no published description, their row is what
Atlassian's own app for Figma sends and expects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["DEVELOPMENT", "KINDS", "PARTS", "Associations", "Kind", "associations", "errors_of"]

DEVELOPMENT = "/rest/devinfo/0.10"
"""Where repositories go; they hold what :data:`PARTS` names."""

PARTS: Mapping[str, str] = {
    "branches": "branch",
    "commits": "commit",
    "pullRequests": "pull_request",
}
"""The members of a repository, and the kind of thing that each lists."""

ISSUES = frozenset({"issueKeys", "issueIdOrKeys"})
"""The associations that lead to issues."""


class Kind(NamedTuple):
    """One kind; ``key`` are the members that identify one, each with its path in the entity.

    ``listed`` says that a key is written as an object and rejections as a list;
    else a key is the id alone and rejections are an object by id.  ``alone``
    says that one may be about no issue at all.
    """

    name: str
    path: str
    module: str
    member: str
    key: Mapping[str, tuple[str, ...]]
    sequence: str
    accepted: str
    rejected: str
    one: str
    listed: bool = False
    alone: bool = False
    label: str = ""

    def key_of(self, entity: Mapping[str, Any]) -> dict[str, str | int]:
        """What identifies *entity*; without what is missing or no text or number."""
        found = {}
        for name, steps in self.key.items():
            value: Any = entity
            for step in steps:
                value = value.get(step) if isinstance(value, Mapping) else None
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                found[name] = value
        return found


_ID = {"id": ("id",)}
_NUMBER = "updateSequenceNumber"

KINDS: tuple[Kind, ...] = (
    Kind(
        "builds",
        "/rest/builds/0.1",
        "jiraBuildInfoProvider",
        "builds",
        {"pipelineId": ("pipelineId",), "buildNumber": ("buildNumber",)},
        _NUMBER,
        "acceptedBuilds",
        "rejectedBuilds",
        "/pipelines/{pipelineId}/builds/{buildNumber}",
        listed=True,
        label="Build",
    ),
    Kind(
        "deployments",
        "/rest/deployments/0.1",
        "jiraDeploymentInfoProvider",
        "deployments",
        {
            "pipelineId": ("pipeline", "id"),
            "environmentId": ("environment", "id"),
            "deploymentSequenceNumber": ("deploymentSequenceNumber",),
        },
        _NUMBER,
        "acceptedDeployments",
        "rejectedDeployments",
        "/pipelines/{pipelineId}/environments/{environmentId}/deployments/{deploymentSequenceNumber}",
        listed=True,
        label="Deployment",
    ),
    Kind(
        "featureflags",
        "/rest/featureflags/0.1",
        "jiraFeatureFlagInfoProvider",
        "flags",
        _ID,
        "updateSequenceId",
        "acceptedFeatureFlags",
        "failedFeatureFlags",
        "/flag/{id}",
        label="Feature flag",
    ),
    Kind(
        "remotelinks",
        "/rest/remotelinks/1.0",
        "jiraRemoteLinkInfoProvider",
        "remoteLinks",
        _ID,
        _NUMBER,
        "acceptedRemoteLinks",
        "rejectedRemoteLinks",
        "/remotelink/{id}",
        label="Link",
    ),
    Kind(
        "security",
        "/rest/security/1.0",
        "jiraSecurityInfoProvider",
        "vulnerabilities",
        _ID,
        _NUMBER,
        "acceptedVulnerabilities",
        "failedVulnerabilities",
        "/vulnerability/{id}",
        alone=True,
        label="Vulnerability",
    ),
    Kind(
        "designs",
        "/rest/designs/1.0",
        "jiraDesignInfoProvider",
        "designs",
        {"entityId": ("id",)},
        _NUMBER,
        "acceptedEntities",
        "rejectedEntities",
        "/design/{entityId}",
        listed=True,
        alone=True,
        label="Design",
    ),
)


class Associations(NamedTuple):
    """What an entity says that it is about: issues by key or id; and things of other kinds."""

    issues: list[str]
    others: list[dict[str, Any]]
    removed: list[str]


def associations(entity: Mapping[str, Any]) -> Associations:
    """What *entity* is about, and is no more.

    >>> associations({"issueKeys": ["A-1"], "associations": [
    ...     {"associationType": "serviceIdOrKeys", "values": ["s"]}]}).issues
    ['A-1']
    """
    issues = [str(key) for key in _listed(entity.get("issueKeys"))]
    others: list[dict[str, Any]] = []
    for kind, values in _pairs(entity, "associations", "addAssociations"):
        if kind in ISSUES:
            issues += values
        else:
            others.append({"associationType": kind, "values": values})
    gone = [
        value
        for kind, values in _pairs(entity, "removeAssociations")
        for value in values
        if kind in ISSUES
    ]
    return Associations(list(dict.fromkeys(issues)), others, gone)


def _pairs(entity: Mapping[str, Any], *names: str) -> Iterator[tuple[str, list[str]]]:
    for name in names:
        for each in _listed(entity.get(name)):
            if isinstance(each, Mapping):
                values = [str(value) for value in _listed(each.get("values"))]
                yield str(each.get("associationType")), values


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def errors_of(kind: Kind, entity: object) -> list[dict[str, str]]:
    """Why *entity* can not be kept, whatever it is about."""
    if not isinstance(entity, Mapping):
        return [{"message": "is not an object"}]
    found = kind.key_of(entity)
    errors = [f"{'.'.join(kind.key[name])} is missing" for name in kind.key if name not in found]
    sequence = entity.get(kind.sequence)
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        errors.append(f"{kind.sequence} is not a whole number")
    return [{"message": error} for error in errors]
