"""Refusals that no token is at fault for."""

from __future__ import annotations

import pytest

from headway import refusals
from headway.errors import Refusal, registry

LEAVES = [name for name in refusals.__all__ if registry().get(getattr(refusals, name).id)]


@pytest.mark.parametrize("name", LEAVES)
def test_each_leaf_is_of_the_tree_and_says_what_to_do(name: str) -> None:
    leaf: type[Refusal] = getattr(refusals, name)
    assert registry()[leaf.id] is leaf
    assert leaf(found="this").hint
    assert str(leaf(found="this")).startswith(f"{leaf.id}: {leaf.title}")


def test_what_a_host_may_send_again_is_answered_with_503() -> None:
    again = (refusals.EventPending, refusals.QueueFull, refusals.QueueUnavailable)
    assert {leaf.status for leaf in again} == {503}


def test_every_ticket_refusal_is_a_401_so_that_an_event_stream_stops_asking() -> None:
    leaves = set(refusals.TicketRefused.__subclasses__())
    making = {refusals.TicketTargetRefused}  # of who asks for a ticket, and not of who brings one
    assert {leaf.status for leaf in leaves - making} == {401}
    assert {leaf.status for leaf in making} == {400}
