"""The site's things as plain attributes: reading one looks, setting one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headway.host.things import change, find

if TYPE_CHECKING:
    from headway.host.testing.site import Site

__all__ = ["Thing"]


class Thing:
    """One thing of a site: ``site.issue("DEMO-1").summary = "Seen"``.

    Reading raises LookupError where it is not (or no longer) there, and
    AttributeError for what it does not have; setting raises ValueError for what
    a value may not be.
    """

    _site: Site
    _kind: str
    _name: str

    def __init__(self, site: Site, kind: str, name: str) -> None:
        self.__dict__.update(_site=site, _kind=kind, _name=name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._site.do(find, self._kind, self._name), name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.change(**{name: value})

    def change(self, **changes: Any) -> None:
        """Change several fields at once, as one change."""
        self._site.do(change, self._kind, self._name, changes, self._site.author_id)

    def __repr__(self) -> str:
        return f"<{self._kind} {self._name}>"
