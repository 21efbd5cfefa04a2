"""What the site's content looks like in the JSON of Jira's REST API, by kind of thing."""

from __future__ import annotations

from headway.host.shapes.issues import IssueShapes
from headway.host.shapes.text import Json, document, kept_document, moment, plain_text

__all__ = ["Json", "Shapes", "document", "kept_document", "moment", "plain_text"]


class Shapes(IssueShapes):
    """Writes values as JSON, each kind of them by a class of its own.

    >>> from headway.host.database import open_database
    >>> from headway.host.world import World
    >>> with open_database(None) as database:
    ...     world = World(database)
    ...     project = world.tracker.add_project("DEMO", "Demonstration", public=False)
    ...     issue = world.tracker.add_issue("DEMO", "It works")
    ...     Shapes(world, None, lambda: "http://localhost:2990").issue(issue)["key"]
    'DEMO-1'
    """
