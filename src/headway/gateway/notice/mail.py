"""An e-mail for each client that still uses a location, with its own numbers.

They are files (``.eml``, RFC 5322) for whatever sends mail; nothing is sent
from here.  Who is told what: a *verified* client its own counts.  Somebody who
only claims a name may be anybody, so that a mail about his requests would carry
his words to somebody else; it is written where that is asked for, and says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import NamedTuple

import msgspec

from headway.gateway.notice.blocks import (
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Span,
    Strong,
    html,
    plain,
    text,
)
from headway.gateway.notice.contacts import Contact
from headway.gateway.notice.examples import examples
from headway.gateway.notice.retirement import Retirement, counted, day, listed, said
from headway.gateway.plan import Window, plan
from headway.gateway.rules import GatewayPolicy
from headway.gateway.usage.record import DAY, OTHER, Record
from headway.gateway.usage.report import ClientUse, clients_of
from headway.http.answers import origin_of

__all__ = ["Letters", "Sender", "letter_name", "letters"]

SAMPLES = 3
"""How many requests of a client are shown to it."""

_NAME_MAX = 60


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes, and what is the same in all letters.

    *address* is what the examples call.  *days* are those whose requests are
    told.  *claimed* writes to clients that proved nothing, too.
    """

    sender: Address
    reply_to: Address | None = None
    address: str = "https://api.example/"
    days: int = 30
    claimed: bool = False


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """The *messages* by the names of their files, and the clients that no contact is known of."""

    messages: Mapping[str, EmailMessage]
    unreached: tuple[str, ...]


def letters(
    policy: GatewayPolicy,
    records: Iterable[Record],
    contacts: Mapping[str, Contact],
    sender: Sender,
    *,
    now: float,
    location: str | None = None,
) -> Letters:
    """A letter to each client that used a location in the last days, at *now* (since 1970).

    >>> me = Sender(sender=Address(addr_spec="api@api.example"))
    >>> from headway.gateway.rules import RetiredLocation
    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",))
    >>> policy = GatewayPolicy(name="api", locations=(jwt,))
    >>> letters(policy, [], {}, me, now=0).unreached
    ()
    """
    known = list(records)
    windows = plan(policy, known, now=now)
    by_client: dict[str, list[_Use]] = {}
    for use in clients_of(known, now=now, days=sender.days, location=location):
        place = policy.location(use.location)
        wanted = use.recent and (use.verified or sender.claimed) and use.client != OTHER
        if place is not None and wanted:
            named = use.verified or policy.earns_leniency(place)
            client = use.client if named else None
            told = Retirement(policy=policy, location=place, now=now, client=client)
            by_client.setdefault(use.client, []).append(
                _Use(use, told, windows, _samples(known, use))
            )
    found = {client: _of_one(uses) for client, uses in sorted(by_client.items())}
    return Letters(
        messages={
            letter_name(client): _message(policy, contacts[client], uses, sender, now)
            for client, uses in found.items()
            if client in contacts
        },
        unreached=tuple(client for client in found if client not in contacts),
    )


class _Use(NamedTuple):
    """A client's use of one location, what is told of that, all windows, and some requests."""

    use: ClientUse
    told: Retirement
    windows: Sequence[Window]
    samples: Sequence[str]

    def hit(self, kind: str, at: datetime) -> tuple[Span, ...]:
        """How many of the client's requests a window would hit, as far as one knows."""
        brownout = kind == "brownout"
        for window in self.windows:
            same = window.end == at if brownout else window.start == at
            if window.location != self.use.location or not same:
                continue
            for client in window.clients:
                if (client.client, client.verified) == (self.use.client, self.use.verified):
                    first = "" if brownout else " in the first week"
                    count = counted(client.requests, "request")
                    told = f"about {count} of yours{first}"
                    return (" If you go on as in the last weeks, that hits ", Strong(told), ".")
        return (" As far as your last weeks show, it hits none of yours.",) if brownout else ()


def _samples(records: Iterable[Record], use: ClientUse) -> tuple[str, ...]:
    """A few targets of the client, the newest first; they are redacted where they are counted."""
    named = (use.client, use.verified, use.location)
    own = [
        (record.last, f"{record.method} {record.sample}")
        for record in records
        if record.sample and (record.client, record.verified, record.location) == named
    ]
    return tuple(dict.fromkeys(told for _, told in sorted(own, reverse=True)))[:SAMPLES]


def _of_one(uses: Sequence[_Use]) -> tuple[_Use, ...]:
    """The verified uses of a client; those that were claimed only where there are no others."""
    return tuple(each for each in uses if each.use.verified) or tuple(uses)


def letter_name(client: str) -> str:
    """The file for *client*: a plain word, and a digest that tells it from others alike.

    >>> letter_name("../acme")
    'acme-343724998c.eml'
    """
    word = re.sub(r"[^A-Za-z0-9]+", "-", client).strip("-")[:40] or "client"
    return f"{word}-{hashlib.sha256(client.encode()).hexdigest()[:10]}.eml"


# ---- one message ----------------------------------------------------------------------------


def _message(
    policy: GatewayPolicy,
    contact: Contact,
    uses: Sequence[_Use],
    sender: Sender,
    now: float,
) -> EmailMessage:
    client, headline = _in_header(contact.client), uses[0].told.headline
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"{headline} ({client})"
    message["From"] = sender.sender
    name = _in_header(contact.name) or client
    message["To"] = tuple(Address(display_name=name, addr_spec=email) for email in contact.emails)
    if sender.reply_to is not None:
        message["Reply-To"] = sender.reply_to
    message["Date"] = datetime.fromtimestamp(now, UTC)
    digest = hashlib.sha256(repr((policy.name, contact.client, now)).encode()).hexdigest()
    message["Message-ID"] = f"<{digest[:32]}@{sender.sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    blocks = [*_beginning(policy, contact, uses, sender, now)]
    for each in uses:
        blocks += _part(each, sender)
    blocks += _end(policy)
    message.set_content(text(blocks))
    head = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    title = f"<title>{escape(headline)}</title>\n</head>\n<body>\n"
    message.add_alternative(f"{head}{title}{html(blocks)}</body>\n</html>\n", subtype="html")
    return message


def _in_header(value: str) -> str:
    """*value* of somebody else as it may stand in a header.

    No encoded word begins in it (RFC 2047): the standard library would decode
    it, line ends and all, and write down a header of its own.
    """
    return plain(value)[:_NAME_MAX].replace("=?", "= ?")


def _beginning(
    policy: GatewayPolicy,
    contact: Contact,
    uses: Sequence[_Use],
    sender: Sender,
    now: float,
) -> Iterator[Block]:
    name = plain(contact.name)[:_NAME_MAX]
    yield Paragraph((f"Hello {name}," if name else "Hello,",))
    requests = counted(sum(each.use.recent for each in uses), "request")
    since = datetime.fromtimestamp(now - (sender.days - 1) * DAY, UTC)
    yield Paragraph(
        (
            "your client ",
            Code(plain(contact.client)[:_NAME_MAX]),
            (
                f" still sends its token to {policy.name} in the URL: {requests} in the "
                f"{sender.days} days from {day(since)} to {day(datetime.fromtimestamp(now, UTC))}."
            ),
        )
    )
    if not uses[0].use.verified:
        yield Paragraph(
            (
                (
                    "Nothing proves that these requests are yours: it is what their sender says. "
                    "If you do not know them, please answer this e-mail."
                ),
            )
        )


def _part(each: _Use, sender: Sender) -> Iterator[Block]:
    """All about one location."""
    told = each.told
    yield told.summary()
    yield told.reason()
    yield Heading(("Your requests",))
    yield Items(tuple(_numbers(each.use, sender.days)))
    if each.samples:
        yield Paragraph(("Some of them, without their values:",))
        yield Items(tuple((Code(plain(sample)),) for sample in each.samples))
    if not told.ended:
        yield Heading(("What comes",))
        yield from told.dates(each.hit, coming=True)
    yield Heading(("What to send instead",))
    yield told.same_token()
    yield from examples(told.location, sender.address)
    yield from told.more()


def _numbers(use: ClientUse, days: int) -> Iterator[tuple[Span, ...]]:
    seen = f"the first was seen on {said(_at(use.first))}, the last on {said(_at(use.last))}"
    recent = f"{counted(use.recent, 'request')} in the last {days} days"
    yield (f"{recent}, {use.before:,} in the {days} days before; {seen}.",)
    if use.came_back:
        yield (f"It had stopped for two weeks or more, and came back on {use.came_back}.",)
    if use.also_header:
        both = f"{use.also_header:,} of all {use.count:,} had a token in the header, too"
        yield (f"{both}: those go on working once the URL has none.",)
    if use.from_browser:
        asks = "With a header, a browser asks first whether it may (a CORS preflight)"
        yield (f"{use.from_browser:,} came from pages in browsers. {asks}: try that early.",)
    for word, values in (
        ("Methods", use.methods),
        ("Paths, with a star for what looks like an id", use.routes),
        ("What sent them (User-Agent)", use.agents),
    ):
        if values:
            yield (f"{word}: ", *listed([Code(plain(value)) for value in values]), ".")


def _end(policy: GatewayPolicy) -> Iterator[Block]:
    if policy.usage.own_path:
        where = policy.usage.own_path
        if policy.resources:
            where = origin_of(policy.resources[0].address) + where
        yield Paragraph(
            (
                "You can read these numbers at any time: ",
                Code(f"GET {where}"),
                ", with your token in the header.",
            )
        )
    yield Paragraph(("All times are UTC. Tokens are not kept, and none is in this e-mail.",))


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
