"""What every shape is written with: the site's content, its address, the API's version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from headway.host.shapes.text import Json, document
from headway.host.world import Issue, Project, World

if TYPE_CHECKING:
    from headway.host.apps import Apps

__all__ = ["Sight", "Writer"]


class Sight(Protocol):
    """Tells what whoever asked may see; see :class:`headway.host.rights.View`."""

    def issue(self, issue: Issue) -> bool:
        """Whether they see an issue."""

    def remark(self, issue: Issue, visibility: dict[str, str] | None) -> bool:
        """Whether they see a comment on it that is for some only."""


class Writer:
    """Writes values as JSON; *version* is that of the API that was asked.

    Without *sight* all is written: that is for whoever is the site itself.
    """

    def __init__(
        self,
        world: World,
        apps: Apps | None,
        base_url: Callable[[], str],
        version: str = "2",
        sight: Sight | None = None,
    ) -> None:
        self._world = world
        self._apps = apps
        self._base_url = base_url
        self._version = version
        self._sight = sight
        self._people: dict[str, Json] = {}
        self._projects: dict[str, Project | None] = {}

    def link(self, path: str) -> str:
        """The address of something in the API."""
        return f"{self._base_url()}/rest/api/{self._version}/{path}"

    def picture(self, name: str) -> str:
        """The address of one of the site's own pictures."""
        return f"{self._base_url()}/static/{name}.svg"

    def avatars(self, name: str) -> Json:
        """The same picture in every size that is asked for."""
        return {f"{size}x{size}": self.picture(name) for size in (16, 24, 32, 48)}

    def text(self, text: str, kept: Json | None = None) -> str | Json:
        """A text as this version has it; *kept* is the document that it came as."""
        return (kept or document(text)) if self._version == "3" else text
