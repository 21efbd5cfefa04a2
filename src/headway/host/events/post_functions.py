"""Workflow post functions: what apps have done when an issue takes a step of its workflow.

An administrator puts a function of an app on a transition, with its
configuration.  The call goes the way of webhooks, as it does in the host
(host source of 2016: the function publishes an event of its own).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from headway.descriptor import Module
from headway.host.apps import App, Apps
from headway.host.database import Database, metadata
from headway.host.events.deliveries import Lane, Message
from headway.host.events.outbox import Outbox
from headway.host.events.payloads import Telling
from headway.host.world import Change
from headway.host.world.catalog import TRANSITIONS, Transition
from headway.host.world.rows import bounded, read
from headway.model import Product

__all__ = ["CONFIGURATION_MAX", "TYPE", "WORKFLOW", "PostFunctions", "Rule"]

TYPE = "jiraWorkflowPostFunctions"
WORKFLOW = "classic default workflow"
"""The name of the one workflow that this site has."""

CONFIGURATION_MAX = 32_767
"""Characters that a function's configuration may have."""

RULES_MAX = 500

rules = sa.Table(
    "post_functions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("transition", sa.Integer, nullable=False),
    sa.Column("app_key", sa.Text, nullable=False),
    sa.Column("module_key", sa.Text, nullable=False),
    sa.Column("configuration", sa.Text, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One function on one transition; the configuration is the app's own text."""

    id: str
    transition: int
    app_key: str
    module_key: str
    configuration: str
    disabled: bool

    @property
    def step(self) -> Transition | None:
        """The transition that it is on."""
        return next((step for step in TRANSITIONS if step.id == self.transition), None)


class PostFunctions:
    """The functions on the site's transitions; hears of changes as webhooks do."""

    def __init__(
        self, database: Database, apps: Apps, outbox: Outbox, telling: Callable[[], Telling]
    ) -> None:
        self._database = database
        self._apps = apps
        self._outbox = outbox
        self._telling = telling
        self._all = database.cached(self._ask_all, rules)

    # ---- what is on the transitions ---------------------------------------------------------

    def offered(self) -> list[tuple[App, Module]]:
        """The functions that installed apps have."""
        return [
            (app, module)
            for app in self._apps.all()
            if app.enabled
            for module in app.modules
            if module.type == TYPE
        ]

    def all(self, app_key: str | None = None) -> list[Rule]:
        """What is on the transitions, of one app or of all."""
        return [rule for rule in self._all(None) if app_key in (None, rule.app_key)]

    def _ask_all(self, _: None) -> tuple[Rule, ...]:
        with self._database.reading() as connection:
            return tuple(read(connection, Rule, rules, sa.true(), rules.c.transition))

    def rule(self, rule_id: str, app_key: str) -> Rule | None:
        """One of an app's own."""
        return next((rule for rule in self.all(app_key) if rule.id == rule_id), None)

    def add(
        self,
        transition: int,
        app_key: str,
        module_key: str,
        configuration: str = "",
        rule_id: str = "",
    ) -> Rule:
        """Put a function on a transition; raises ValueError with a text for people.

        *rule_id* is the UUID that the app's page was told of, where it has one.
        """
        if all(step.id != transition for step in TRANSITIONS):
            raise ValueError("There is no such transition.")
        offered = {(app.key, module.key) for app, module in self.offered()}
        if (app_key, module_key) not in offered:
            raise ValueError("No installed app has such a function.")
        if len(self.all()) >= RULES_MAX:
            raise ValueError(f"There are {RULES_MAX} functions at most.")
        made = Rule(
            id=str(uuid.UUID(rule_id) if rule_id else uuid.uuid4()),
            transition=transition,
            app_key=app_key,
            module_key=module_key,
            configuration=bounded("configuration", configuration, CONFIGURATION_MAX),
            disabled=False,
        )
        try:
            with self._database.writing() as connection:
                connection.execute(rules.insert().values(msgspec.structs.asdict(made)))
        except sa.exc.IntegrityError:
            raise ValueError("This function is on its transition already.") from None
        return made

    def configure(self, rule_id: str, app_key: str, configuration: str, disabled: bool) -> bool:
        """Change one of an app's own; False where it has none of this id.  Raises ValueError."""
        values = {
            "configuration": bounded("configuration", configuration, CONFIGURATION_MAX),
            "disabled": disabled,
        }
        mine = sa.and_(rules.c.id == rule_id, rules.c.app_key == app_key)
        with self._database.writing() as connection:
            return connection.execute(rules.update().where(mine).values(values)).rowcount == 1

    def remove(self, rule_id: str, app_key: str | None = None) -> bool:
        """Take one off, of an app or whoever's; False where there is none."""
        of = sa.true() if app_key is None else rules.c.app_key == app_key
        with self._database.writing() as connection:
            gone = connection.execute(rules.delete().where(rules.c.id == rule_id, of))
            return gone.rowcount == 1

    def forget(self, app_key: str) -> None:
        """Take off all that an app has."""
        with self._database.writing() as connection:
            connection.execute(rules.delete().where(rules.c.app_key == app_key))

    # ---- when an issue takes a step ---------------------------------------------------------

    def hear(self, change: Change) -> None:
        """Call the functions of the transition that *change* is, if it is one."""
        before, after = change.before, change.after
        moved = change.product is Product.JIRA and change.event == "jira:issue_updated"
        if not moved or before.status == after.status:
            return
        for rule in self.all():
            step, app = rule.step, self._apps.get(rule.app_key)
            if rule.disabled or step is None or app is None or not app.enabled:
                continue
            if before.status not in step.sources or after.status != step.target:
                continue
            module = app.module(rule.module_key)
            if module is not None:
                self._call(app, module, rule, step, change)

    def _call(self, app: App, module: Module, rule: Rule, step: Transition, change: Change) -> None:
        issue, telling = change.after, self._telling()
        body = {
            "transition": {
                "workflowId": issue.id,
                "workflowName": WORKFLOW,
                "transitionId": step.id,
                "transitionName": step.name,
                "from_status": change.before.status,
                "to_status": step.target,
            },
            **telling.person(change.author),
            "issue": telling.shapes.issue(issue),
            "configuration": {"value": rule.configuration},
        }
        values = {
            "issue.key": issue.key,
            "issue.id": str(issue.id),
            "project.key": issue.project_key,
            "postFunction.id": rule.id,
        }
        url = app.descriptor.url(module.actions["triggered"], values)
        lane = Lane(Product.JIRA, app.key)
        self._outbox.add(
            [Message(lane, "postFunction", module.key, url)], json.dumps(body).encode()
        )
