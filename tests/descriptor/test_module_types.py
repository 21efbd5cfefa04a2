"""The table of types: whole, and consistent."""

from __future__ import annotations

from headway.descriptor.module_types import MODULE_TYPES, Form, Shown
from headway.model import Product

RENDERED = """generalPages adminPages configurePage postInstallPage webPanels webSections webItems
    jiraIssueContents jiraIssueGlances jiraIssueContexts jiraIssueTabPanels jiraProjectPages
    jiraProjectAdminTabPanels jiraDashboardItems jiraProfileTabPanels dialogs
    dynamicContentMacros staticContentMacros contentBylineItems spacePages spaceToolsTabs
    contextPane"""


def test_every_type_that_is_shown_has_a_row() -> None:
    shown = {name for name, row in MODULE_TYPES.items() if row.shown is not Shown.CALL}
    assert shown == set(RENDERED.split())


def test_calls_are_jiras_and_say_nothing_of_a_place() -> None:
    for name, row in MODULE_TYPES.items():
        if row.shown is Shown.CALL:
            assert row.products == {Product.JIRA}, name
            assert row.location == ""
            assert "url" not in row.required


def test_an_app_has_one_page_to_configure_it() -> None:
    assert [name for name, row in MODULE_TYPES.items() if row.form is Form.ONE] == [
        "configurePage",
        "postInstallPage",
    ]
