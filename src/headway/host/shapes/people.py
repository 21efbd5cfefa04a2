"""Users and groups in JSON."""

from __future__ import annotations

from headway.host.shapes.text import Json
from headway.host.shapes.writer import Writer
from headway.host.world import Group

__all__ = ["PeopleShapes"]


class PeopleShapes(Writer):
    """Writes people."""

    def person(self, account_id: str) -> Json:
        """A user, or the user that an app acts as; asked for once, written as often as needed."""
        if account_id not in self._people:
            self._people[account_id] = self._person(account_id)
        return dict(self._people[account_id])

    def _person(self, account_id: str) -> Json:
        user = self._world.people.user(account_id)
        shape = {
            "self": self.link(f"user?accountId={account_id}"),
            "accountId": account_id,
            "accountType": "atlassian" if user else "app",
            "avatarUrls": self.avatars("avatar-user"),
            "active": user.active if user else True,
            "timeZone": "UTC",
        }
        if user is not None:
            return {**shape, "displayName": user.display_name}
        app = self._apps.by_account(account_id) if self._apps else None
        return {**shape, "displayName": app.name if app else "Former app"}

    def someone(self, account_id: str | None) -> Json | None:
        """A person, or null."""
        return self.person(account_id) if account_id else None

    def group(self, group: Group) -> Json:
        """A group, without its members."""
        return {
            "name": group.name,
            "groupId": group.group_id,
            "self": self.link(f"group?groupId={group.group_id}"),
        }
