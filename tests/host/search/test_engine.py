from __future__ import annotations

from typing import Any

import pytest

from headway.host.search.engine import ORDERS_MAX
from headway.host.search.jql import QueryError, parse


@pytest.fixture
def filled(find: Any) -> Any:
    for number, (priority, status) in enumerate(
        [("Low", "Done"), ("Highest", "To Do"), ("Medium", "In Progress")]
    ):
        find.add("DEMO", f"Number {number}", 5 - number, priority=priority, status=status)
    find.add("PUB", "Other", 1)
    return find


def test_the_newest_comes_first_where_nothing_is_said(filled: Any) -> None:
    assert filled("") == ["PUB-1", "DEMO-3", "DEMO-2", "DEMO-1"]


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("created", "DEMO-1 DEMO-2 DEMO-3 PUB-1"),
        ("created desc", "PUB-1 DEMO-3 DEMO-2 DEMO-1"),
        ("key", "DEMO-1 DEMO-2 DEMO-3 PUB-1"),
        ("key DESC", "PUB-1 DEMO-3 DEMO-2 DEMO-1"),
        ("priority desc, key", "DEMO-2 DEMO-3 PUB-1 DEMO-1"),
        ("status, key desc", "PUB-1 DEMO-2 DEMO-3 DEMO-1"),
        ("project desc, summary", "PUB-1 DEMO-1 DEMO-2 DEMO-3"),
    ],
)
def test_the_order(filled: Any, order: str, first: str) -> None:
    assert filled(f"order by {order}") == first.split()


def test_pages_and_the_total(filled: Any) -> None:
    query, pages = parse("order by key"), []
    for start in range(0, 6, 2):
        found = filled.search.find(query, filled.projects, None, start, 2)
        pages.append(([issue.key for issue in found.issues], found.total))
    assert pages == [(["DEMO-1", "DEMO-2"], 4), (["DEMO-3", "PUB-1"], 4), ([], 4)]


def test_only_what_may_be_seen(filled: Any) -> None:
    public = filled.projects[1:]
    found = filled.search.find(parse(""), public)
    assert [issue.key for issue in found.issues] == ["PUB-1"]
    for jql in ("project = DEMO", "key = DEMO-1"):
        with pytest.raises(QueryError, match="does not exist"):
            filled.search.find(parse(jql), public)
    assert filled.search.find(parse(""), []).total == 0


def test_which_of_some(filled: Any) -> None:
    ids = [issue.id for issue in filled.world.tracker.issues()]
    query = parse("status = Done or project = PUB")
    assert filled.search.matching(query, ids, filled.projects) == [ids[0], ids[3]]
    assert filled.search.matching(query, ids[1:3], filled.projects) == []
    assert filled.search.matches("status = Done", ids[0])
    assert not filled.search.matches("status = Done", ids[1])


def test_a_filter_is_checked_before_it_is_used(filled: Any) -> None:
    assert filled.search.check("project = DEMO order by key").order
    for jql in ("project =", "project = NONE", "order by labels", "order by nothing"):
        with pytest.raises(QueryError):
            filled.search.check(jql)


def test_many_orders_are_refused(filled: Any) -> None:
    orders = ", ".join(["key"] * (ORDERS_MAX + 1))
    with pytest.raises(QueryError, match="ORDER BY"):
        filled(f"order by {orders}")


def test_the_largest_query_is_answered(filled: Any) -> None:
    jql = " or ".join(f"summary ~ 'word{n}'" for n in range(300))
    assert filled(jql) == []
    deep = "(" * 39 + "key = DEMO-1" + " or key = DEMO-2)" * 39
    assert filled(deep) == ["DEMO-2", "DEMO-1"]
    assert filled(f"labels in ({','.join(['x'] * 1000)})") == []


def test_an_issue_that_is_gone_is_judged_by_what_it_was(filled: Any) -> None:
    issue = filled.world.tracker.issue("DEMO-1")
    filled.world.tracker.delete_issue(issue.id)
    assert filled.search.matched("status = Done and project = DEMO", issue)
    assert not filled.search.matched("project = PUB", issue)
    assert filled.world.tracker.issue("DEMO-1") is None, "it was never there again"
    with pytest.raises(QueryError):
        filled.search.matched("project =", issue)
