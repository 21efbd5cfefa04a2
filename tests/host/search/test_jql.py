from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.host.search.jql import (
    Clause,
    Junction,
    Negation,
    Operand,
    Order,
    Query,
    QueryError,
    parse,
)


def clause(field: str, operator: str, *texts: str) -> Clause:
    return Clause(field, operator, tuple(Operand(text) for text in texts))


DEMO, DONE, MINE = (
    clause("project", "=", "DEMO"),
    clause("status", "!=", "Done"),
    Clause("assignee", "=", (Operand("currentUser", ()),)),
)

READ = {
    "": None,
    "project = DEMO": DEMO,
    'PROJECT="DEMO"': clause("PROJECT", "=", "DEMO"),
    "project=DEMO and status!=Done": Junction(every=True, of=(DEMO, DONE)),
    "project = DEMO && status != 'Done'": Junction(every=True, of=(DEMO, DONE)),
    "project = DEMO OR status != Done AND assignee = currentUser()": Junction(
        every=False, of=(DEMO, Junction(every=True, of=(DONE, MINE)))
    ),
    "(project = DEMO | status != Done) & assignee = currentUser( )": Junction(
        every=True, of=(Junction(every=False, of=(DEMO, DONE)), MINE)
    ),
    "not project = DEMO": Negation(DEMO),
    "! (project = DEMO)": Negation(DEMO),
    "not not not project = DEMO": Negation(DEMO),
    "not not project = DEMO": DEMO,
    'summary ~ "a \\"b\\" \\u00e9\\n"': clause("summary", "~", 'a "b" é\n'),
    "summary !~ 'it''": None,
    "created >= -1d": clause("created", ">=", "-1d"),
    "created<startOfDay(-1d)": Clause("created", "<", (Operand("startOfDay", ("-1d",)),)),
    "f = g(a, 'b c')": Clause("f", "=", (Operand("g", ("a", "b c")),)),
    "status in (Done, 'To Do')": clause("status", "in", "Done", "To Do"),
    "f in g(a)": Clause("f", "in", (Operand("g", ("a",)),)),
    "status NOT  IN (Done)": clause("status", "not in", "Done"),
    "assignee is empty": Clause("assignee", "=", (Operand(empty=True),)),
    "assignee is not NULL": Clause("assignee", "!=", (Operand(empty=True),)),
    "assignee in (EMPTY, x)": Clause("assignee", "in", (Operand(empty=True), Operand("x"))),
    "'Story Points' > 3": clause("Story Points", ">", "3"),
    "cf[10001] <= 3": clause("cf[10001]", "<=", "3"),
    "issue.property[a-b].c.d = x": clause("issue.property[a-b].c.d", "=", "x"),
    "key = DEMO-1": clause("key", "=", "DEMO-1"),
    "project = in": clause("project", "=", "in"),
    "android = 1": clause("android", "=", "1"),
}


@pytest.mark.parametrize("text", [text for text in READ if text != "summary !~ 'it''"])
def test_what_is_read(text: str) -> None:
    assert parse(text) == Query(READ[text])


def test_the_order() -> None:
    assert parse("ORDER BY created DESC, key asc, 'Story Points'") == Query(
        None, (Order("created", True), Order("key", False), Order("Story Points"))
    )
    assert parse("a = 1 order  by b") == Query(clause("a", "=", "1"), (Order("b"),))


WRONG = {
    'summary ~ "\\ud800"': "half a character",
    "project": "the query ends too early (line 1)",
    "project =\n": "the query ends too early (line 2)",
    "project = DEMO DEMO": "'DEMO' is not expected here (line 1, character 16)",
    "a = 1\nand and b = 2": "'b' is not expected here (line 2, character 9)",
    "a = 'x": "''' is not expected here (line 1, character 5)",
    "a = b#c": "'#' is not expected here (line 1, character 6)",
    "= 1": "'=' is not expected here (line 1, character 1)",
    "a in ()": "')' is not expected here (line 1, character 7)",
    "a is 1": "'1' is not expected here (line 1, character 6)",
    "status was Open": "does not search the history: WAS (line 1, character 8)",
    "status CHANGED": "does not search the history: CHANGED (line 1, character 8)",
    "a = 1 order by b sideways": "'sideways' is not expected here",
    "x" * 10_001: "more than 10000 characters",
    "(" * 5000: "more than 40 parentheses within each other",
    " or ".join(["a=1"] * 301): "more than 300 clauses",
    f"a in ({','.join('1' * 1001)})": "more than 1000 values in a list",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_what_is_not_read_says_why_and_where(text: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)
    assert WRONG[text] in str(refused.value)
    assert str(refused.value).startswith("Error in the JQL Query: ")
    assert len(str(refused.value)) < 200


def test_many_negations_are_one_or_none() -> None:
    assert parse("not " * 2001 + "a = 1") == Query(Negation(clause("a", "=", "1")))
    nested = "not (" * 40 + "a = 1" + ")" * 40
    assert parse(nested) == Query(clause("a", "=", "1"))


@given(st.text(max_size=200))
def test_any_text_is_a_query_or_an_error(text: str) -> None:
    try:
        parse(text)
    except QueryError:
        return


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_can_be_a_value(text: str) -> None:
    written = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'summary ~ "{written}"') == Query(clause("summary", "~", text))
