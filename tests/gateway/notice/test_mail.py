"""Letters are read back by a parser: what a client calls itself is no header and no markup."""

from __future__ import annotations

import email
import email.policy
from email.headerregistry import Address
from email.message import EmailMessage
from html import unescape
from typing import Any

import html5lib
import pytest
from noticed import EXTENSION, POLICY, at

from headway.gateway.notice.contacts import Contact
from headway.gateway.notice.mail import Letters, Sender, letter_name, letters
from headway.gateway.policy_file import read_policy
from uses import DAY, record

NOW = at("2022-01-05T10:00:00")
ME = Address("API team", addr_spec="api@api.example")
TEN = (*(0,) * 10, 5, *(0,) * 13)
HOSTILE = (
    "x%0A::stop-commands::x",
    "acme\r\nBcc: everybody@example.com",
    "[acme](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    "<img src=x onerror=alert(1)>",
    'a" <victim@example.com>, "b',
    "=?utf-8?q?=0D=0ABcc:_x?=",
    "\u202ea",
    "é" * 130,
)


def daily(client: str = "acme", days: int = 40, **more: Any) -> list[Any]:
    each = {"count": 24, "hours": (1,) * 24, **more}
    return [record(client, at=NOW - n * DAY, **each) for n in range(1, days + 1)]


def contact(client: str = "acme", **more: Any) -> dict[str, Contact]:
    return {client: Contact(client=client, emails=("ops@acme.example",), **more)}


def made(
    records: list[Any], contacts: dict[str, Contact], policy: str = POLICY, **more: Any
) -> Letters:
    location = more.pop("location", None)
    now = more.pop("now", NOW)
    sender = Sender(sender=ME, **more)
    return letters(
        read_policy(policy.encode()), records, contacts, sender, now=now, location=location
    )


def back(found: Letters) -> EmailMessage:
    """The only letter, as its receiver reads it."""
    (message,) = found.messages.values()
    read = email.message_from_bytes(bytes(message), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert read.defects == []
    return read


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_letter_has_its_clients_own_numbers() -> None:
    records = daily(also_header=2, from_browser=3, sample="/rest/1?jwt=REDACTED&a=b")
    records += daily("other", count=999, hours=())
    message = back(made(records, contact(name="Ann Ö."), reply_to=ME))
    assert message["Subject"] == "Tokens in the URL end on 1 February 2022, 00:00 UTC (acme)"
    assert message["From"].addresses[0].addr_spec == "api@api.example"
    assert str(message["To"]) == '"Ann Ö." <ops@acme.example>'
    assert str(message["Reply-To"]) == "API team <api@api.example>"
    assert message["Date"].datetime.timestamp() == NOW
    assert message["Message-ID"].endswith("@api.example>")
    assert message["Auto-Submitted"] == "auto-generated"
    told = body(message)
    flat = " ".join(told.split())
    for words in (
        "Hello Ann Ö.,",
        "your client `acme` still sends its token to api in the URL: 696 requests in the 30 days",
        "from 7 December 2021 to 5 January 2022.",
        "264 in the 30 days before",
        "80 of all 960 had a token in the header, too",
        "120 came from pages in browsers",
        "Methods: `GET`.",
        "`/rest/*`.",
        "`curl`.",
        "Some of them, without their values: - `GET /rest/1?jwt=REDACTED&a=b` What comes",
        "13 January 2022, 00:00 UTC to 14 January 2022, 00:00 UTC (24 hours)",
        "about 22 requests of yours.",
        "about 154 requests of yours in the first week.",
        "curl -H 'Authorization: JWT '\"$TOKEN\" https://api.example/",
        "requests.get(", "await fetch(", "https://docs.example/jwt",
    ):  # fmt: skip
        assert words in flat
    assert "999" not in told
    assert all(len(line) <= 78 for line in told.splitlines())


def test_both_forms_say_the_same_and_the_html_is_whole() -> None:
    message = back(made(daily(), contact()))
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root = parser.parse(body(message, "html"))
    assert root.find("head/title").text == "Tokens in the URL end on 1 February 2022, 00:00 UTC"
    shown = "".join("".join(root.itertext()).split()).replace("`", "")
    for line in body(message).splitlines():
        plain = "".join(line.split()).replace("`", "").strip("=-")
        assert plain in shown, line


def test_the_same_letter_again_is_the_same() -> None:
    one, other = (back(made(daily(), contact())) for _ in range(2))
    assert one["Message-ID"] == other["Message-ID"]
    assert back(made(daily("b"), contact("b")))["Message-ID"] != one["Message-ID"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_t28_a_name_is_no_header_and_no_markup(name: str) -> None:
    """In the client's name, its User-Agent, its path and its sample at once."""
    clean = "".join(c if c.isprintable() else "?" for c in name)
    records = daily(clean[:130], agent=clean[:60], route=clean, sample=clean)
    hostile = {clean[:130]: Contact(client=name, emails=("ops@acme.example",))}
    found = made(records, hostile)
    message = back(found)
    assert [key for key in message if key.lower() in ("bcc", "cc")] == []
    assert [each.addr_spec for each in message["To"].addresses] == ["ops@acme.example"]
    assert len(message["To"].addresses) == 1
    raw = bytes(next(iter(found.messages.values())))
    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert all(len(line) <= 998 for line in head.split("\r\n"))
    assert all(line[:1] in " \t" or ":" in line for line in head.split("\r\n"))
    for line in body(message).splitlines():
        assert not line.lstrip().startswith(("::", "##[", "=cmd"))
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root = parser.parse(body(message, "html"))
    assert {each.tag for each in root.iter()} <= {
        *("html", "head", "meta", "title", "body", "p", "h2", "ul", "li", "code", "strong"),
        *("pre", "a"),
    }
    assert {each.attrib["href"] for each in root.iter("a")} == {"https://docs.example/jwt"}
    (file,) = found.messages
    assert file == letter_name(clean[:130])
    assert set(file) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")


def test_names_of_files_are_plain_and_apart() -> None:
    names = [letter_name(each) for each in ("../../etc/passwd", "..", "a/b", "a-b", "a" * 300, "")]
    assert len(set(names)) == len(names)
    assert names[0].startswith("etc-passwd-")
    assert names[1].startswith("client-")
    assert all(len(name) < 60 for name in names)


def test_no_token_is_in_a_letter() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
    records = daily(sample=f"/rest?jwt={token}", route=f"/{token}")
    raw = bytes(next(iter(made(records, contact()).messages.values())))
    assert b"c2lnbmF0" not in raw


# ---- who is written to ----------------------------------------------------------------------


def test_who_only_claims_a_name_is_not_written_to() -> None:
    records = daily(verified=False)
    assert made(records, contact()) == Letters(messages={}, unreached=())
    message = back(made(records, contact(), claimed=True))
    assert "Nothing proves that these requests are yours" in body(message)


def test_what_is_claimed_in_a_clients_name_is_not_told_to_it() -> None:
    records = [*daily(), *daily(verified=False, count=9000, hours=())]
    told = body(back(made(records, contact(), claimed=True)))
    assert "9,000" not in told
    assert "Nothing proves" not in told


def test_a_few_requests_are_shown_the_newest_first() -> None:
    records = [
        record("acme", at=NOW - (n + 1) * DAY, sample=f"/rest/{n}?jwt=REDACTED", method="PUT")
        for n in range(5)
    ]
    records += [record("acme", at=NOW, sample="/rest/0?jwt=REDACTED", method="PUT", verified=False)]
    told = body(back(made(records, contact())))
    shown = [line.strip("- `") for line in told.splitlines() if "PUT /rest" in line]
    assert shown == [f"PUT /rest/{n}?jwt=REDACTED" for n in range(3)]
    assert "Some of them" not in body(back(made(daily(), contact())))


def test_who_has_no_address_is_said() -> None:
    found = made([*daily("b"), *daily("a"), *daily("c")], contact("b"))
    assert found.unreached == ("a", "c")
    assert len(found.messages) == 1


def test_who_stopped_is_left_alone() -> None:
    old = [record("acme", at=NOW - 40 * DAY)]
    assert made(old, contact()) == Letters(messages={}, unreached=())
    assert made(old, contact(), days=60).messages
    back_again = [*old, record("acme", at=NOW - DAY)]
    assert "came back on 2022-01-04" in " ".join(body(back(made(back_again, contact()))).split())


def test_another_location_is_another_matter() -> None:
    records = [*daily(), *daily(location="key"), *daily(location="gone")]
    key = '[[location]]\nname = "key"\nparameters = ["api_key"]\nheader = "X-Key"\nscheme = ""\n'
    told = body(back(made(records, contact(), POLICY + key)))
    assert "X-Key: <token>" in told
    assert "Authorization: JWT" in told
    assert "1,392 requests" in " ".join(told.split())
    only = body(back(made(records, contact(), POLICY + key, location="key")))
    assert "Authorization: JWT" not in only


def test_more_time_and_a_pause_are_told() -> None:
    slow = back(made(daily("slow"), contact("slow"), POLICY + EXTENSION))
    assert "1 March 2022" in str(slow["Subject"])
    assert "about 168 requests of yours in the first week" in " ".join(body(slow).split())
    paused = '[location.paused]\nsince = 2022-01-01\nwho = "a"\nwhy = "b"\n'
    put_off = back(made(daily(), contact(), POLICY + paused))
    assert "put off" in str(put_off["Subject"])


def test_a_window_that_hits_nobody_says_so() -> None:
    mondays = [
        record("acme", at=at("2022-01-03T10:00:00") - n * 7 * DAY, count=5, hours=TEN)
        for n in range(4)
    ]
    told = " ".join(body(back(made(mondays, contact()))).split())
    assert "As far as your last weeks show, it hits none of yours." in told


def test_after_the_end() -> None:
    late = at("2022-02-10")
    records = [record("acme", at=late - DAY, count=3, outcome="anonymous")]
    message = back(made(records, contact(), now=late))
    assert str(message["Subject"]).startswith("Tokens in the URL ended on 1 February 2022")
    assert "What comes" not in body(message)


def test_where_a_client_reads_its_own_numbers() -> None:
    verify = '[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "site"\n'
    own = '[usage]\nown_path = "/usage"\n'
    resource = '[metadata]\nresource = "https://api.example/v2"\n'
    told = body(back(made(daily(), contact(), POLICY + verify + own + resource)))
    assert "`GET https://api.example/usage`" in told
    assert "`GET /usage`" in body(back(made(daily(), contact(), POLICY + verify + own)))
    assert "GET /usage" not in unescape(body(back(made(daily(), contact()))))
