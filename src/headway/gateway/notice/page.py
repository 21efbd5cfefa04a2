"""What everybody reads: an entry for the changelog, and a warning for the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from headway.gateway.notice.blocks import Block, Code, Heading, Paragraph, Strong, plain
from headway.gateway.notice.blocks import html as as_html
from headway.gateway.notice.blocks import markdown as as_markdown
from headway.gateway.notice.examples import examples
from headway.gateway.notice.retirement import Retirement, counted, listed
from headway.gateway.usage.report import ClientUse

__all__ = ["changelog", "warning", "warning_html", "warning_markdown"]

_AGENTS_SHOWN = 5


def changelog(
    told: Retirement, *, address: str, used: Sequence[ClientUse] = (), days: int = 30
) -> tuple[Block, ...]:
    """The entry: what ends and why, all dates, what to send instead to *address*.

    *used* are clients of the last *days*: how many still use the location is
    said then, and what they call themselves, of the verified ones where there
    are any.
    """
    kind = "Removed" if told.ended else "Paused" if told.paused else "Deprecated"
    date = datetime.fromtimestamp(told.now, UTC).date().isoformat()
    return (
        Heading((f"{date}: {kind}: the token in ", *told.parameters)),
        told.summary(),
        told.reason(),
        *told.dates(),
        *_affected(told, used, days),
        told.same_token(),
        *examples(told.location, address),
        *told.exceptions(),
        *told.more(),
    )


def _affected(told: Retirement, used: Sequence[ClientUse], days: int) -> tuple[Block, ...]:
    recent = [each for each in used if each.location == told.location.name and each.recent]
    verified = [each for each in recent if each.verified]
    known = verified or recent
    if not known:
        return ()
    requests = sum(each.recent for each in known)
    agents = Counter[str]()
    for each in known:
        agents.update(dict.fromkeys(each.agents, each.recent))
    names = [Code(plain(name)) for name, _ in agents.most_common(_AGENTS_SHOWN)]
    named = (" What they call themselves: ", *listed(names), ".") if names else ()
    who, count = counted(len(known), "client"), counted(requests, "request")
    sent = f"In the last {days} days {who} sent {count} of this kind."
    return (Paragraph((sent, *named)),)


def warning(told: Retirement, *, address: str) -> tuple[Block, ...]:
    """The warning for the place in the documentation where the token is spoken of."""
    return (
        Paragraph((Strong(f"{told.headline}."),)),
        told.summary(),
        *(() if told.paused else told.dates(coming=True)),
        *examples(told.location, address),
        *told.more(),
    )


def warning_markdown(told: Retirement, *, address: str) -> str:
    r"""The warning in Markdown: a quotation, which every renderer sets apart."""
    lines = as_markdown(warning(told, address=address)).rstrip("\n").split("\n")
    return "".join(f"> {line}".rstrip() + "\n" for line in lines)


def warning_html(told: Retirement, *, address: str) -> str:
    """The warning in HTML: an ``aside`` with a class for the page's own style."""
    body = as_html(warning(told, address=address))
    return f'<aside class="deprecation" role="note">\n{body}</aside>\n'
