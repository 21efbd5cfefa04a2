"""A file as a whole: places, rounds, and what holds of any."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import look
from headway.scan.fix.edits import Edit, edited
from headway.scan.fix.plans import Plan
from headway.scan.fix.python import Mended, Place, mend
from scan.code.samples import samples
from scan.corpus import tokens
from scan.fix.cases import IMPORTS, function, mended, why

PYTHON = [each for language, each in samples() if language == "python"]


def places(code: str) -> list[Place]:
    """Where the scan finds that *code* sends a token."""
    return [
        Place(each.line, each.column)
        for each in look(code, LANGUAGES["python"])
        if each.rule == "sends-token-in-url"
    ]


def check(code: str) -> Mended:
    """What holds of any fix: it is Python, changes what it says it does, and once is enough."""
    found = mend(code, places(code))
    ast.parse(found.text)
    assert edited(code, found.edits) == found.text
    again = mend(found.text, places(found.text))
    assert again.text == found.text, "a second run changes something"
    assert not again.edits
    return found


@pytest.mark.parametrize("sample", PYTHON, ids=[each["id"] for each in PYTHON])
def test_samples_of_the_corpus(sample: dict[str, str]) -> None:
    try:
        ast.parse(sample["code"])
    except SyntaxError:
        pytest.skip("is no Python of today")
    found = check(sample["code"])
    if sample["id"].startswith("fine-"):
        assert found.text == sample["code"]


def test_how_many_samples_are_mended() -> None:
    """Most of those that send it by a library that is known, in one function."""
    whole = [each for each in PYTHON if each.get("sends")]
    done = [each for each in whole if mend(each["code"], places(each["code"])).edits]
    assert (len(done), len(whole)) == (25, 55)


def test_several_places() -> None:
    code = function(
        'requests.get(base + "?jwt=" + token)',
        'requests.get(base, params={"a": 1, "jwt": token})',
        'requests.get(base, params={"api_key": token})',
        'return base + "?jwt=" + token',
    )
    found = check(code)
    assert [bool(step.why) for step in found.steps] == [False, False, True, True]
    assert found.text.count("Authorization") == 2


def test_places_that_meet_are_done_one_after_the_other() -> None:
    code = function(
        'url = base + "?jwt=" + token',
        'requests.get(url); requests.get(base + "?jwt=" + token)',
        'requests.get(base + "/a?jwt=" + token)',
    )
    found = check(code)
    assert found.text.count("Authorization") == 3
    code = function(
        "with requests.get(", '    base + "?jwt=" + token, headers={', '    "A": "b"}),\\',
        '    requests.get(base + "?jwt=" + token): pass',
    )  # fmt: skip
    assert check(code).text.count("Authorization") == 2


def test_two_tokens_of_one_request_are_for_a_person() -> None:
    code = function(
        "requests.get(", '    base + "?jwt=" + token,', '    params={"access_token": key})'
    )
    found = check(code)
    assert [step.why for step in found.steps] == ["", "an Authorization header is set already"]
    assert "JWT" in found.text


def test_names_that_are_made_are_not_shared() -> None:
    code = function(
        'one = base + "?jwt=" + made(1)', 'two = base + "?jwt=" + made(2)',
        "requests.get(one)", "requests.get(two)",
    )  # fmt: skip
    lines = check(code).text.splitlines()[-6:]
    assert lines == [
        '    authorization = f"JWT {made(1)}"',
        "    one = base",
        '    authorization_header = f"JWT {made(2)}"',
        "    two = base",
        '    requests.get(one, headers={"Authorization": authorization})',
        '    requests.get(two, headers={"Authorization": authorization_header})',
    ]


def test_a_client_has_one_header() -> None:
    code = function(
        "s = requests.Session()", 's.params["jwt"] = token', 's.params["access_token"] = key'
    )
    found = check(code)
    assert [step.why for step in found.steps] == ["", "an Authorization header is set already"]


def test_a_place_that_went_with_another() -> None:
    code = function(
        'query = {"jwt": token,', '    "access_token": token}', "requests.get(base, params=query)",
    )  # fmt: skip
    found = check(code)
    assert found.text.count("Authorization") == 1


def test_a_token_in_the_code_is_in_no_patch() -> None:
    token = tokens()["T"]
    lines = [f'OLD = "{token}"', 'requests.get(base + "?jwt=" + token)']
    assert "a token itself stands in these lines" in why(*lines)
    far = [lines[0], *["pass"] * 4, lines[1]]
    assert "Authorization" in mended(function(*far)).text


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (Place(1, 1), "no parameter is named there"),
        (Place(1, 3), "no parameter is named there"),
        (Place(1, 6), "how the parameter gets into the text can not be seen"),
        (Place(1, 13), "how the parameter gets into the address can not be seen"),
    ],
)
def test_a_place_where_nothing_is(place: Place, reason: str) -> None:
    found = mend("xy = 'jwt', jwt\n", [place])
    assert found.text == "xy = 'jwt', jwt\n"
    assert found.steps[0].why == reason


def test_what_is_no_python() -> None:
    found = mend("def (:\n", [Place(1, 1)])
    assert "can not read" in found.steps[0].why


def test_what_would_be_no_python_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Plan([Edit(0, 0, "(")], set())
    monkeypatch.setattr("headway.scan.fix.python.plan", lambda *given: wrong)
    code = function('requests.get(base + "?jwt=" + token)')
    found = mend(code, places(code))
    assert (found.text, found.edits) == (code, ())
    assert "can not read" in found.steps[0].why


def test_lines_and_their_ends_stay() -> None:
    code = function('requests.get(base, params={"jwt": token,', '    "a": 1})').replace(
        "\n", "\r\n"
    )
    found = check(code)
    assert "\n" not in found.text.replace("\r\n", "")


# ---- of any code -----------------------------------------------------------------------------

TOKENS = st.sampled_from(["token", "self.token", "make()", "keys[0]", "(token)"])
SPACE = st.sampled_from(["", " "])
CALLS = st.sampled_from(["requests.get", "httpx.post", "requests.Session().put"])
OTHERS = st.lists(
    st.sampled_from(['"a": 1', "'b': other", "**more", '"c": [1, 2]']), max_size=3, unique=True
)
ARGUMENTS = st.lists(
    st.sampled_from(['headers={"A": "b"}', "headers=None", "timeout=3", "headers={}"]),
    max_size=2, unique_by=lambda text: text.partition("=")[0],
)  # fmt: skip
AROUND = st.sampled_from(["", "# ö\n", "x = 'ä'  # \U0001f600\n", "def other():\n\treturn 1\n"])


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program that sends a token in one way or another."""
    token, space = draw(TOKENS), draw(SPACE)
    items = draw(st.permutations([f'"jwt"{space}: {token}', *draw(OTHERS)]))
    joint = draw(st.sampled_from([", ", ",", ",\n        "]))
    query = "{" + space + joint.join(items) + draw(st.sampled_from(["", ",", ", "])) + "}"
    address = draw(
        st.sampled_from(
            [f'base + "/x?jwt="{space}+{space}{token}', f'f"{{base}}?a=1&jwt={{{token}}}#top"',
             f'"%s?jwt=%s&b=2" % (base, {token})', f'"{{}}?jwt={{}}".format(base,{space}{token})']
        )
    )  # fmt: skip
    more = "".join(f",{space or ' '}{each}" for each in draw(ARGUMENTS))
    call, form = draw(CALLS), draw(st.integers(0, 4))
    lines = [
        [f"return {call}({address}{more})"],
        [f"return {call}(base, params={query}{more})"],
        [f"query = {query}", f"return {call}(base, params=query{more})"],
        [f"url = {address}", f"return {call}(url{more}).json()"],
        ["query = dict(other)", f'query["jwt"] = {token}',
         f"return {call}(base, params=query{more})"],
    ][form]  # fmt: skip
    body = "".join(f"    {line}\n" for line in lines)
    head = "def call(self, base, token, keys, other, more, make):\n"
    return IMPORTS + draw(AROUND) + head + body + draw(AROUND)


@settings(max_examples=40, deadline=None)
@given(programs())
def test_of_any_program(code: str) -> None:
    found = check(code)
    if all(step.why for step in found.steps):
        assert found.text == code
        return
    # what is not in an edit is what it was: put the edits in by hand
    at, shift = 0, 0
    for each in sorted(found.edits):
        assert found.text[at + shift : each.start + shift] == code[at : each.start]
        at, shift = each.end, shift + len(each.text) - (each.end - each.start)
    assert found.text[at + shift :] == code[at:]
    # the token is in the header, once, and in no query
    assert found.text.count("Authorization") == 1
    assert places(found.text) == []
