"""A parameter out of an address, in each form in which code makes one."""

from __future__ import annotations

import pytest

from scan.fix.cases import fixed, why

GET = 'requests.get({}, headers={{"Authorization": f"JWT {{token}}"}})'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # joined
        ('base + "/x?jwt=" + token', 'base + "/x"'),
        ('base + "/x?a=1&jwt=" + token', 'base + "/x?a=1"'),
        ('base + "?jwt=" + token', "base"),
        ('base + "?jwt=" + token + "&a=1"', 'base + "?a=1"'),
        ('base + "?jwt=" + token + "&a=" + key', 'base + "?a=" + key'),
        ('base + "?a=" + key + "&jwt=" + token + "&b=1#top"', 'base + "?a=" + key + "&b=1#top"'),
        ('base + "?jwt=" + token + "#top"', 'base + "#top"'),
        ('base + "?" + "jwt=" + token', "base"),
        ('"https://" + base + "/x?jwt=" + token', '"https://" + base + "/x"'),
        ('(base + "/x?jwt=" + token)', '(base + "/x")'),
        ('base + ("/x?jwt=" + token)', 'base + ("/x")'),
        ('base + ("?jwt=" + token) + "#a"', 'base + "#a"'),
        ('base + ("?jwt=" + token)', "base"),
        ('base + ("&" if "?" in base else "?") + "jwt=" + token', "base"),
        ('base + "?JWT=" + token', "base"),
        ('base + "/x?jwt=" + quote(token)', 'base + "/x"'),
        ('base + "/x?jwt=" + urllib.parse.quote_plus(token, safe="")', 'base + "/x"'),
        # interpolated
        ('f"{base}/x?jwt={token}"', 'f"{base}/x"'),
        ('f"{base}/x?jwt={token}&a={key}"', 'f"{base}/x?a={key}"'),
        ('f"{base}/x?a={key}&jwt={token}"', 'f"{base}/x?a={key}"'),
        ('f"https://h/x?jwt={token}"', '"https://h/x"'),
        ('rf"https://h/{{x}}?jwt={token}"', 'r"https://h/{x}"'),
        ('f"{base}/x?jwt={token!s}"', 'f"{base}/x"'),
        ('base + f"?jwt={token}"', "base"),
        ('base + f"?jwt={token}" + "&a=1"', 'base + "?a=1"'),
        # side by side
        ('f"{base}/x" f"?jwt={token}"', 'f"{base}/x"'),
        ('f"?jwt={token}" f"&a={key}"', 'f"?a={key}"'),
        ('f"{base}/x?" f"jwt={token}" "&a=1"', 'f"{base}/x" "?a=1"'),
        ('f"{base}" f"?jwt={token}" "#a"', 'f"{base}" "#a"'),
        # formatted by %
        ('"https://h/%s?jwt=%s" % (key, token)', '"https://h/%s" % (key,)'),
        ('"https://h/x?jwt=%s" % token', '"https://h/x"'),
        ('"https://h/100%%?jwt=%s" % (token,)', '"https://h/100%"'),
        ('"https://h/%s?jwt=%s&a=%d" % (key, token, 1)', '"https://h/%s?a=%d" % (key, 1)'),
        (
            '"https://h/%(k)s?jwt=%(t)s" % {"k": key, "t": token}',
            '"https://h/%(k)s" % {"k": key}',
        ),
        ('base + "?jwt=%s" % token', "base"),
        # formatted by .format
        ('"https://h/{}?jwt={}".format(key, token)', '"https://h/{}".format(key)'),
        ('"https://h/x?jwt={}".format(token)', '"https://h/x"'),
        ('"https://h/{{x}}?jwt={}".format(token)', '"https://h/{x}"'),
        ('"https://h/{k}?jwt={t}".format(k=key, t=token)', '"https://h/{k}".format(k=key)'),
        ('"https://h/{0}?jwt={1}".format(key, token)', '"https://h/{0}".format(key)'),
        ('"https://h/{}?jwt={}&a={}".format(key, token, 1)', '"https://h/{}?a={}".format(key, 1)'),
        ('base + "?jwt={}".format(token)', "base"),
    ],
)
def test_cut_out(before: str, after: str) -> None:
    assert fixed(f"requests.get({before})") == [GET.format(after)]


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ('base + "?jwt=" + token + key', "what follows the token"),
        ('f"{base}?jwt={token}x"', "what follows the token"),
        ('f"{base}?jwt={token}&other={token}"', "in the same text elsewhere"),
        ('f"{base}/{token}/x?jwt={token}"', "in the same text elsewhere"),
        ('"https://h/%(t)s?jwt=%(t)s" % {"t": token}', "in the same text elsewhere"),
        ('"https://h/{t}?jwt={t}".format(t=token)', "in the same text elsewhere"),
        ('f"{base}?jwt={token:>40}"', "formatted in a way of its own"),
        ('f"{base}?jwt={token!r}"', "formatted in a way of its own"),
        ('f"{base}{key}jwt={token}"', "what stands before the parameter"),
        ('base + (key if key else "?") + "jwt=" + token', "what stands before the parameter"),
        ('"https://h/%5s?jwt=%s" % (key, token)', "is not a plain one"),
        ('"https://h/{:>5}?jwt={}".format(key, token)', "is not a plain one"),
        ('"https://h/%s?jwt=%s" % params', "what is put into the text"),
        ('"https://h/%(k)s?jwt=%(t)s" % params', "what is put into the text"),
        ('"https://h/%(k)s?jwt=%(t)s" % {**params, "k": key}', "what is put into the text"),
        ('"https://h/%s?jwt=%s" % (key,)', "what is put into the text"),
        ('"https://h/%s?jwt=%s" % (*params, token)', "what is put into the text"),
        ('"https://h/{}?jwt={}".format(*params)', "what is put into the text"),
        ('"https://h/{}?jwt={}".format(key)', "what is put into the text"),
        ('"https://h/{k}?jwt={t}".format(k=key)', "what is put into the text"),
        ('"https://h/{0}?jwt={1}&a={2}".format(key, token, 1)', "numbered"),
        ('f"{base}?jwt={token}{key}"', "what follows the token"),
        ('base + "?jwt=" + ("Bearer " + token)', "can not be seen"),
        ('f"{base}?jwt={token + key}"', "more than a token"),
    ],
)
def test_what_is_left_to_a_person(before: str, reason: str) -> None:
    assert reason in why(f"requests.get({before})")


def test_over_lines() -> None:
    assert fixed(
        "return requests.get(",
        '    f"{base}/rest/api/2/search"',
        '    f"?jql={key}"',
        '    f"&jwt={token}",',
        "    timeout=3,",
        ")",
    ) == [
        "return requests.get(",
        '    f"{base}/rest/api/2/search"',
        '    f"?jql={key}",',
        '    headers={"Authorization": f"JWT {token}"},',
        "    timeout=3,",
        ")",
    ]


def test_nothing_is_left_of_it() -> None:
    assert fixed('requests.get("?jwt=" + token)')[0].startswith('requests.get("", headers=')


def test_a_query_that_is_empty_then_goes_with_its_mark() -> None:
    assert fixed('requests.get(base + "?" + urlencode({"jwt": token}))') == [GET.format("base")]
    assert fixed('requests.get(base + "?a=1&" + urlencode({"jwt": token}) + "#x")') == [
        GET.format('base + "?a=1" + "#x"')
    ]
    assert fixed('requests.get(base + "?" + urlencode({"jwt": token}) + "&b=1")') == [
        GET.format('base + "?b=1"')
    ]
    assert fixed('requests.get(base + key + urlencode({"jwt": token}))') == [
        GET.format("base + key + urlencode({})")
    ]


def test_a_query_that_stays() -> None:
    assert fixed('requests.get(base + "?" + urlencode({"jwt": token}) + key)') == [
        GET.format('base + "?" + urlencode({}) + key')
    ]


def test_a_mark_in_a_variable() -> None:
    made = 'mark = "&" if "?" in base else "?"'
    assert fixed(made, 'requests.get(f"{base}{mark}jwt={token}")') == [GET.format('f"{base}"')]
    assert fixed(made, 'requests.get(base + mark + "jwt=" + token)', "print(mark)") == [
        made, GET.format("base"), "print(mark)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "made",
    ['mark = key', "mark, other = key", "mark = '&' if key else base", "for mark in key: pass",
     "mark = '&' if key else '?'\nmark = key"],
)  # fmt: skip
def test_a_variable_that_may_be_no_mark(made: str) -> None:
    lines = [*made.split("\n"), 'requests.get(f"{base}{mark}jwt={token}")']
    assert "what stands before the parameter" in why(*lines)


def test_a_mark_of_the_module() -> None:
    head = 'mark = "&" if made() else "?"\ndef call(base, token):'
    assert "what stands before" in why('requests.get(f"{base}{mark}jwt={token}")', head=head)
