"""What a site is about: its people, its issues, its wiki, its files."""

from __future__ import annotations

import time

from headway.host.database import Database
from headway.host.world.changes import Change, Listener
from headway.host.world.components import Component, Components, Version
from headway.host.world.fields import CustomField, Fields
from headway.host.world.files import Attachment, Files
from headway.host.world.history import History
from headway.host.world.links import IssueLink, Links
from headway.host.world.marks import Marks
from headway.host.world.people import Group, People, User
from headway.host.world.properties import Properties, Property
from headway.host.world.roles import Roles
from headway.host.world.spaces import Space, Spaces
from headway.host.world.tracker import Comment, Issue, Project, Tracker
from headway.host.world.wiki import Content, Wiki
from headway.host.world.worklogs import Worklog, Worklogs
from headway.ports import Clock

__all__ = [
    "Attachment",
    "Change",
    "Comment",
    "Component",
    "Content",
    "CustomField",
    "Group",
    "Issue",
    "IssueLink",
    "Project",
    "Property",
    "Space",
    "User",
    "Version",
    "Worklog",
    "World",
]


class World:
    """The site's content, each kind of it in a part of its own.

    *now* is the real time, in seconds since 1970.  Whoever is in ``listeners``
    hears of every change, in the order in which they were made, whoever made it:
    an app, a page, or a test.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     world = World(database)
    ...     project = world.tracker.add_project("DEMO", "Demonstration", public=False)
    ...     world.listeners.append(lambda change: print(change.event, change.after.key))
    ...     issue = world.tracker.add_issue(project.key, "It works", status="Done")
    ...     world.tracker.issue("DEMO-1") == issue
    jira:issue_created DEMO-1
    True
    """

    def __init__(self, database: Database, now: Clock = time.time) -> None:
        self.listeners: list[Listener] = []
        self.people = People(database, self._tell)
        self.roles = Roles(database)
        self.tracker = Tracker(database, now, self._tell)
        self.components = Components(database, self._tell)
        self.fields = Fields(database)
        self.files = Files(database, now, self._tell)
        self.spaces = Spaces(database, now, self._tell)
        self.wiki = Wiki(database, now, self._tell, self.files)
        self.marks = Marks(database, now, self._tell)
        self.history = History(database)
        self.links = Links(database, self._tell)
        self.properties = Properties(database, self._tell)
        self.worklogs = Worklogs(database, self.tracker, now, self._tell)

    def _tell(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)
