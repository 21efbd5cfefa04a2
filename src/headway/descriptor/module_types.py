"""Every type of module that this site knows, in one table: for which product, where, with what.

The names and fields are those of the vendor's pages on modules ("About Connect
modules for Jira", the same for Confluence) and of its published schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from headway.model import Product

__all__ = ["MODULE_TYPES", "Form", "ModuleType", "Shown"]


class Shown(StrEnum):
    """As what people see a module."""

    PAGE = "page"
    """A page of its own, with a link that leads there."""
    PANEL = "panel"
    """A frame in a page of the site."""
    DIALOG = "dialog"
    """A frame above a page."""
    LINK = "link"
    """A link or button, which leads somewhere or opens a dialog."""
    SECTION = "section"
    """A heading over links."""
    MACRO = "macro"
    """A part of what somebody wrote in Confluence."""
    CALL = "call"
    """Nothing: the site calls the app's server."""


class Form(StrEnum):
    """How a descriptor writes the modules of a type."""

    LIST = "list"
    ONE = "one"
    EITHER = "either"


class ModuleType(NamedTuple):
    """One row: *required* are the fields that a module must have besides its key.

    ``location`` is where it is shown unless it says otherwise.
    """

    products: frozenset[Product]
    shown: Shown
    required: tuple[str, ...]
    location: str = ""
    form: Form = Form.LIST


_JIRA = frozenset({Product.JIRA})
_WIKI = frozenset({Product.CONFLUENCE})
_BOTH = _JIRA | _WIKI
_PAGE = ("name", "url")
_GLANCE = ("name", "icon", "content", "target")

MODULE_TYPES: Mapping[str, ModuleType] = {
    # ---- both products
    "generalPages": ModuleType(_BOTH, Shown.PAGE, _PAGE, "system.top.navigation.bar"),
    "adminPages": ModuleType(_BOTH, Shown.PAGE, _PAGE, "admin_plugins_menu"),
    "configurePage": ModuleType(_BOTH, Shown.PAGE, _PAGE, form=Form.ONE),
    "postInstallPage": ModuleType(_BOTH, Shown.PAGE, _PAGE, form=Form.ONE),
    "webPanels": ModuleType(_BOTH, Shown.PANEL, (*_PAGE, "location")),
    "webSections": ModuleType(_BOTH, Shown.SECTION, ("name", "location")),
    "webItems": ModuleType(_BOTH, Shown.LINK, ("name", "location")),
    "dialogs": ModuleType(_BOTH, Shown.DIALOG, ("url",)),
    # ---- Jira
    "jiraIssueContents": ModuleType(_JIRA, Shown.PANEL, ("name", "icon", "tooltip", "target")),
    "jiraIssueGlances": ModuleType(_JIRA, Shown.PANEL, _GLANCE),
    "jiraIssueContexts": ModuleType(_JIRA, Shown.PANEL, _GLANCE),
    "jiraIssueTabPanels": ModuleType(_JIRA, Shown.PANEL, _PAGE),
    "jiraProjectPages": ModuleType(_JIRA, Shown.PAGE, _PAGE),
    "jiraProjectAdminTabPanels": ModuleType(_JIRA, Shown.PAGE, (*_PAGE, "location")),
    "jiraDashboardItems": ModuleType(_JIRA, Shown.PANEL, (*_PAGE, "description", "thumbnailUrl")),
    "jiraProfileTabPanels": ModuleType(_JIRA, Shown.PANEL, _PAGE),
    "jiraWorkflowPostFunctions": ModuleType(_JIRA, Shown.CALL, ("name", "triggered")),
    # ---- Jira: who else knows something of an issue
    **{
        f"jira{what}": ModuleType(_JIRA, Shown.CALL, ("name",), form=Form.EITHER)
        for what in (
            *("DevelopmentTool", "BuildInfoProvider", "DeploymentInfoProvider"),
            *("FeatureFlagInfoProvider", "RemoteLinkInfoProvider", "SecurityInfoProvider"),
            *("DesignInfoProvider", "DevOpsComponentProvider", "OperationsInfoProvider"),
        )
    },
    # ---- Confluence
    "dynamicContentMacros": ModuleType(_WIKI, Shown.MACRO, _PAGE),
    "staticContentMacros": ModuleType(_WIKI, Shown.MACRO, _PAGE),
    "contentBylineItems": ModuleType(_WIKI, Shown.LINK, _PAGE, "page.metadata.banner"),
    "spacePages": ModuleType(_WIKI, Shown.PAGE, _PAGE, "system.space.sidebar/main-links"),
    "spaceToolsTabs": ModuleType(_WIKI, Shown.PAGE, (*_PAGE, "location")),
    "contextPane": ModuleType(_WIKI, Shown.PANEL, _PAGE, "atl.general"),
}
"""Webhooks are in no row: they have no key, and nothing is shown."""
