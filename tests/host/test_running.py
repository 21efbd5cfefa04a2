"""A site that is set back: all of it, under the same address."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from asking import ask

from headway.host.running import Running
from headway.host.settings import Settings
from host.small_site import BASE, MEDIA


def summary(running: Running) -> str:
    issue = running.site.world.tracker.issue("DEMO-1")
    assert issue is not None
    return issue.summary


def rename(running: Running, to: str) -> None:
    issue = running.site.world.tracker.issue("DEMO-1")
    assert issue is not None
    running.site.world.tracker.edit_issue(issue.id, summary=to)


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_a_reset_brings_back_the_start(where: str, tmp_path: Path) -> None:
    data = tmp_path / "site" if where == "folder" else None
    running = Running(Settings(data=data))
    running.bind_addresses(BASE, MEDIA)
    before, passwords = summary(running), running.site.identity.first_passwords
    client_key = running.site.jira.apps.client_key
    rename(running, "Changed")
    running.site.clock.set(1_000_000_000.0)
    running.site.set_policy("rehearsal")
    running.site.faults.next("/status", status=503)
    application = running.asgi()
    asyncio.run(running.reset())
    assert summary(running) == before
    assert running.site.identity.first_passwords == passwords
    assert running.site.jira.apps.client_key == client_key
    assert abs(running.site.clock.at() - running.site.clock.now()) < 60
    assert running.site.policy.name == "atlassian-2022"
    assert running.site.base_url == BASE
    answer = ask(application, "GET", "/status", {"Host": "localhost:2990"})
    assert answer.status == 200
    media = ask(running.media_asgi(), "GET", "/nothing", {"Host": "127.0.0.1:2991"})
    assert media.status == 404
    asyncio.run(running.close())


def test_a_state_is_restored_with_date_and_policy() -> None:
    running = Running(Settings())
    rename(running, "Kept")
    running.site.clock.move(-3600.0)
    running.site.set_policy("rehearsal")
    state = running.state()
    asyncio.run(running.reset())
    asyncio.run(running.restore(state))
    assert summary(running) == "Kept"
    assert running.site.clock.moved == -3600.0
    assert running.site.policy.name == "rehearsal"
    asyncio.run(running.close())


def test_the_wires_know_who_is_inside() -> None:
    running = Running(Settings())
    assert all(tenant.outgoing.wire.inside is running.inside for tenant in running.site.tenants)
    asyncio.run(running.reset())
    assert all(tenant.outgoing.wire.inside is running.inside for tenant in running.site.tenants)
    asyncio.run(running.close())
