"""A delivery as it waits: nothing secret in it, and the same after it was written down."""

from __future__ import annotations

import msgspec
import pytest

from headway.app.delivery import Delivery, Receipt

ONE = Delivery(
    event="jira:issue_created",
    path="/hook",
    app_key="my-app",
    client_key="site",
    received=5.0,
    account_id="ann",
    identifier="id-1",
    retry=2,
    flow="Primary",
    query={"issue": ("A-1",)},
    body=b'{"secret": "\xc3\xa4"}',
)


def test_it_is_the_same_after_it_was_written_down() -> None:
    assert Delivery.from_json(ONE.to_json()) == ONE
    assert Delivery.from_json(ONE.to_json().decode()) == ONE


def test_it_shows_nothing_of_what_was_told() -> None:
    assert repr(ONE) == "<jira:issue_created from site>"


@pytest.mark.parametrize("told", [b"{}", b"[]", b"{", b'{"event": 5}'])
def test_what_is_no_delivery_is_refused(told: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        Delivery.from_json(told)


def test_a_receipt_names_app_site_address_and_identifier() -> None:
    def receipt(**other: str) -> str:
        found = msgspec.structs.replace(ONE, **other).receipt()
        assert found is not None
        return found.digest

    others = [{"app_key": "x"}, {"client_key": "x"}, {"path": "/x"}, {"identifier": "x"}]
    assert len({receipt(), *(receipt(**other) for other in others)}) == 5
    assert receipt() == receipt(event="x", flow="x")
    assert msgspec.structs.replace(ONE, identifier=None).receipt() is None


def test_no_two_receipts_share_a_name_by_moving_a_border() -> None:
    assert Receipt("ab", "c", "d").digest != Receipt("a", "bc", "d").digest
