from __future__ import annotations

from collections import Counter

import pytest

from headway.host.rest.scopes import OWN, SCOPES, scope_of, template


def test_the_table_has_what_the_descriptions_counted() -> None:
    """The counts of January 2022."""
    own = {(fact.method, template(fact.path)) for fact in OWN}
    jira: Counter[str] = Counter()
    confluence: Counter[str] = Counter()
    for (method, path), scope in SCOPES.items():
        if (method, path) not in own:
            (jira if path.startswith("/rest/") else confluence)[scope] += 1
    assert jira == Counter(
        READ=156, ADMIN=155, WRITE=34, PROJECT_ADMIN=29, DELETE=21, NONE=21,
        INACCESSIBLE=18, ACT_AS_USER=6, ACCESS_EMAIL_ADDRESSES=2,
    )  # fmt: skip
    assert confluence == Counter(
        READ=72, WRITE=42, INACCESSIBLE=20, DELETE=19, ACCESS_EMAIL_ADDRESSES=2
    )


def test_an_operation_that_nobody_described() -> None:
    with pytest.raises(LookupError, match=r"GET /rest/api/\{version\}/nothing: no scope"):
        scope_of("GET", "/rest/api/{version}/nothing")


def test_own_rows_name_their_source_and_are_in_no_description() -> None:
    for fact in OWN:
        assert fact.source
        assert scope_of(fact.method, fact.path) == fact.scope
    assert len({(fact.method, template(fact.path)) for fact in OWN}) == len(OWN)
    assert len(SCOPES) == 442 + 155 + len(OWN)
