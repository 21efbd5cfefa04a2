"""What a webhook tells, as values: typed for the common events, a checked mapping for the rest.

Neither body nor headers of a webhook are signed; the token proves who sends and
to which address.  So a payload says what is to be looked up, not what is true.
Members that are not known are passed over, and those that the host's documents
do not promise may be missing; of the rest, a wrong type is refused with its place.

>>> from headway.model import Product
>>> body = b'{"timestamp": 1, "issue": {"id": "10000", "key": "A-1"}}'
>>> event = read_event("jira:issue_created", Product.JIRA, body)
>>> type(event).__name__, event.issue.key
('IssueCreated', 'A-1')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from headway.app.payloads import confluence, jira
from headway.app.payloads.event import Event
from headway.errors import ConfigurationError
from headway.model import Product
from headway.refusals import EventMalformed

__all__ = [
    "BODY_BYTES_MAX",
    "EVENTS",
    "Event",
    "check_name",
    "event_named",
    "read_event",
    "types_of",
]

BODY_BYTES_MAX = 4 * 1024 * 1024
"""A body's bound, in bytes; the host's own is not in the documents that we had."""

LEVELS_MAX = 64
"""How deep a payload may nest: rich text in an issue nests some twenty levels."""

EVENTS: Mapping[tuple[Product, str], type[Event]] = {
    **{(Product.JIRA, name): kind for name, kind in jira.EVENTS.items()},
    **{(Product.CONFLUENCE, name): kind for name, kind in confluence.EVENTS.items()},
}
"""The events with a type of their own; every other one is an :class:`Event`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}(:[a-z][a-z0-9_]{0,63})?")


def check_name(name: str) -> str:
    """*name* as the name of an event; raises ConfigurationError for what can not be one.

    >>> check_name("jira:issue_updated")
    'jira:issue_updated'
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no event: write it as jira:issue_updated")
    return name


def types_of(name: str) -> set[type[Event]]:
    """What a handler of the event *name* may be given: one type for each product that has it.

    >>> [kind.__name__ for kind in types_of("worklog_created")]
    ['WorklogCreated']
    """
    return {kind for (_, known), kind in EVENTS.items() if known == name} or {Event}


def read_event(name: str, product: Product, body: bytes) -> Event:
    """The payload *body* of the event *name*; an empty one where the host left it out.

    Raises :class:`~headway.refusals.EventMalformed`, which names the place that is wrong.
    """
    told = _object(body) if body else {}
    if body and told.get("webhookEvent", name) != name:
        raise EventMalformed(expected=f"webhookEvent {name}", found=told["webhookEvent"])
    kind = EVENTS.get((product, name), Event) if body else Event
    try:
        event = msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        raise EventMalformed(expected=f"the payload of {name}", found=error) from None
    msgspec.structs.force_setattr(event, "name", name)
    msgspec.structs.force_setattr(event, "body", told)
    return event


def event_named(body: bytes) -> str:
    """The event that *body* says it is of, for an address that serves several; "" for none."""
    said = _object(body).get("webhookEvent") if body else None
    return said if isinstance(said, str) else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise EventMalformed(expected="a JSON object", found="something else") from None
    if not isinstance(told, dict):
        raise EventMalformed(expected="a JSON object", found="another JSON value")
    if _is_deeper(told, LEVELS_MAX):
        raise EventMalformed(expected=f"at most {LEVELS_MAX} levels", found="more")
    return told


def _is_deeper(value: dict[str, Any], levels: int) -> bool:
    """Whether *value* nests deeper than *levels*; level by level, so that nothing recurses."""
    layer: list[Any] = [value]
    for _ in range(levels):
        inner = (
            each
            for outer in layer
            for each in (outer.values() if isinstance(outer, dict) else outer)
        )
        layer = [each for each in inner if isinstance(each, dict | list)]
        if not layer:
            return False
    return True
