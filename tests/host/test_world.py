from __future__ import annotations

from headway.host.database import open_database
from headway.host.world import World


def test_whoever_listens_hears_of_every_part_in_order() -> None:
    with open_database(None) as database:
        world = World(database, lambda: 1000.0)
        heard: list[str] = []
        for name in ("one", "two"):
            world.listeners.append(lambda change, name=name: heard.append(f"{name} {change.event}"))
        world.tracker.add_project("DEMO", "Demonstration", public=False)
        issue = world.tracker.add_issue("DEMO", "One")
        world.files.add_attachment("issue", issue.id, "a", "text/plain", b"x", "u1")
        assert heard == [
            "one project_created",
            "two project_created",
            "one jira:issue_created",
            "two jira:issue_created",
            "one attachment_created",
            "two attachment_created",
        ]
        assert issue.created == 1000
