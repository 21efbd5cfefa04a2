"""Modules as code: one class for each type that a descriptor may hold, and for webhooks.

The members are those of the vendor's pages ("About Connect modules for Jira",
the same for Confluence) and of its schema, in snake case.  What text people
read is a plain string here and an "i18n property" in the descriptor.  A member
that is newer than this table goes into ``more``, under the host's own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from headway.descriptor.module_types import MODULE_TYPES, Form

__all__ = [
    "TYPED",
    "Action",
    "AdminPage",
    "AllOf",
    "AnyOf",
    "Autoconvert",
    "Condition",
    "ConfigurePage",
    "ContentBylineItem",
    "ContextPane",
    "Declared",
    "Dialog",
    "DialogOptions",
    "DynamicContentMacro",
    "GeneralPage",
    "Icon",
    "InlineDialogOptions",
    "JiraBuildInfoProvider",
    "JiraDashboardItem",
    "JiraDeploymentInfoProvider",
    "JiraDesignInfoProvider",
    "JiraDevOpsComponentProvider",
    "JiraDevelopmentTool",
    "JiraFeatureFlagInfoProvider",
    "JiraIssueContent",
    "JiraIssueContext",
    "JiraIssueGlance",
    "JiraIssueTabPanel",
    "JiraOperationsInfoProvider",
    "JiraProfileTabPanel",
    "JiraProjectAdminTabPanel",
    "JiraProjectPage",
    "JiraRemoteLinkInfoProvider",
    "JiraSecurityInfoProvider",
    "JiraWorkflowPostFunction",
    "Label",
    "Layout",
    "LinkAction",
    "MacroEditor",
    "MacroParameter",
    "Page",
    "PanelTarget",
    "PostInstallPage",
    "SpacePage",
    "SpaceToolsTab",
    "StaticContentMacro",
    "Target",
    "Translated",
    "WebItem",
    "WebPanel",
    "WebSection",
    "Webhook",
    "members_of",
    "modules_json",
    "plain",
]


class _Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    repr_omit_defaults=True,
):
    """A part of a module; what has its default is not written."""


# ---- parts of modules -----------------------------------------------------------------------


class Translated(_Part, frozen=True, kw_only=True):
    """Text with a key of the descriptor's translations ("i18n property")."""

    value: str
    i18n: str = ""


Text: TypeAlias = str | Translated


class Icon(_Part, frozen=True):
    """A picture; its address is the app's or absolute, sizes are in pixels."""

    url: str
    width: int | None = None
    height: int | None = None


class Condition(_Part, frozen=True):
    """When a module is shown: a name of the host's list, or an address of the app.

    >>> plain(Condition("user_is_logged_in", invert=True))
    {'condition': 'user_is_logged_in', 'invert': True}
    """

    condition: str
    invert: bool = False
    params: Mapping[str, Any] = {}


class AnyOf(_Part, frozen=True):
    """Conditions of which one is enough.

    >>> plain(AnyOf([Condition("user_is_admin"), Condition("/may-see")]))
    {'or': [{'condition': 'user_is_admin'}, {'condition': '/may-see'}]}
    """

    parts: Sequence[Condition | AnyOf | AllOf] = msgspec.field(name="or")


class AllOf(_Part, frozen=True):
    """Conditions that must all hold; inside ``AnyOf``, for a list is that by itself."""

    parts: Sequence[Condition | AnyOf | AllOf] = msgspec.field(name="and")


Conditions: TypeAlias = Sequence[Condition | AnyOf | AllOf]


class Layout(_Part, frozen=True, kw_only=True):
    """The size of a panel, such as ``100%`` or ``40px``."""

    width: str
    height: str


class Label(_Part, frozen=True):
    """What a glance says when it is closed."""

    label: Text
    type: str = msgspec.field(default="label", name="type")


class PanelTarget(_Part, frozen=True):
    """The frame that a part of an issue opens."""

    url: str
    type: str = msgspec.field(default="web_panel", name="type")


class DialogOptions(_Part, frozen=True, kw_only=True):
    """The looks of a dialog; a size by name, or width and height (``600px``, ``50%``)."""

    size: Literal["", "small", "medium", "large", "x-large", "fullscreen", "maximum"] = ""
    width: str = ""
    height: str = ""
    chrome: bool | None = None
    header: Text = ""
    key: str = ""
    """Of a dialog module, where the target is ``dialogmodule``."""


class InlineDialogOptions(_Part, frozen=True, kw_only=True):
    """The looks of a small dialog beside its link; delays are in milliseconds."""

    width: str = ""
    offset_x: str = ""
    offset_y: str = ""
    on_hover: bool = False
    on_top: bool = False
    show_delay: int | None = None
    close_others: bool | None = None
    persistent: bool = False
    is_relative_to_mouse: bool = False


class Target(_Part, frozen=True):
    """What a link opens."""

    type: Literal["page", "dialog", "inlinedialog", "dialogmodule"]
    options: DialogOptions | InlineDialogOptions | None = None


class Action(_Part, frozen=True):
    """An address that Jira's server calls, or opens, for a provider."""

    template_url: str


class LinkAction(_Part, frozen=True, kw_only=True):
    """An action of a provider of links; the label is as the host names it."""

    action_id: str
    action_label: Mapping[str, Any]
    template_url: str


class Page(_Part, frozen=True):
    """A further address of a module."""

    url: str


class MacroParameter(_Part, frozen=True, kw_only=True):
    """A setting of a macro."""

    identifier: str
    name: Text
    type: str
    description: Text = ""
    required: bool = False
    multiple: bool = False
    default_value: str = ""
    values: Sequence[str] = ()
    hidden: bool = False
    aliases: Sequence[str] = ()


class MacroEditor(_Part, frozen=True, kw_only=True):
    """The app's own editor of a macro."""

    url: str
    width: str = ""
    height: str = ""
    edit_title: Text = ""
    insert_title: Text = ""
    cancel_title: Text = ""


class Autoconvert(_Part, frozen=True, kw_only=True):
    """Addresses that become a macro when they are pasted; ``{}`` stands for anything."""

    url_parameter: str
    matchers: Sequence[Mapping[str, str]]


# ---- what every module has ------------------------------------------------------------------


class Declared(_Part, frozen=True, kw_only=True):
    """A module; the key is letters, digits and dashes, and unique in the app.

    Without a key it takes that of the function that serves it.  ``more`` are
    members that this table does not know, as the host names them.
    """

    type: ClassVar[str] = ""
    key: str = ""
    more: Mapping[str, Any] = {}

    @property
    def members(self) -> dict[str, Any]:
        """The module as the JSON of a descriptor has it."""
        written: dict[str, Any] = plain(self)
        return written


class _Link(Declared, frozen=True, kw_only=True):
    name: Text
    url: str
    conditions: Conditions = ()


class _Page(_Link, frozen=True, kw_only=True):
    location: str = ""
    """``none`` for a page without a link."""
    icon: Icon | None = None
    weight: int | None = None
    params: Mapping[str, Any] = {}
    cacheable: bool = False


class _AdminPage(_Page, frozen=True, kw_only=True):
    full_page: bool = False


class _Tab(_Link, frozen=True, kw_only=True):
    weight: int | None = None
    params: Mapping[str, Any] = {}


class _Glance(Declared, frozen=True, kw_only=True):
    name: Text
    icon: Icon
    target: PanelTarget
    conditions: Conditions = ()
    jira_native_apps_enabled: bool = False


class _Provider(Declared, frozen=True, kw_only=True):
    name: Text
    home_url: str = ""
    documentation_url: str = ""
    logo_url: str = ""
    actions: Mapping[str, Action] = {}


class _Macro(_Link, frozen=True, kw_only=True):
    description: Text = ""
    icon: Icon | None = None
    documentation: Mapping[str, Any] = {}
    categories: Sequence[str] = ()
    output_type: Literal["block", "inline"] = "block"
    body_type: Literal["none", "rich-text", "plain-text"] = "none"
    aliases: Sequence[str] = ()
    featured: bool = False
    hidden: bool = False
    parameters: Sequence[MacroParameter] = ()
    editor: MacroEditor | None = None
    autoconvert: Autoconvert | None = None
    image_placeholder: Mapping[str, Any] = {}


# ---- both products --------------------------------------------------------------------------


class GeneralPage(_Page, frozen=True, kw_only=True):
    """A page of its own, with a link in the top bar."""

    type = "generalPages"


class AdminPage(_AdminPage, frozen=True, kw_only=True):
    """A page for administrators."""

    type = "adminPages"


class ConfigurePage(_AdminPage, frozen=True, kw_only=True):
    """The page behind the app's button *Configure*; an app has one."""

    type = "configurePage"


class PostInstallPage(_Page, frozen=True, kw_only=True):
    """The page behind the app's button *Get started*; an app has one."""

    type = "postInstallPage"


class WebPanel(_Link, frozen=True, kw_only=True):
    """A frame in a page of the host.

    >>> panel = WebPanel(key="p", name="Panel", url="/p?i={issue.key}", location="somewhere")
    >>> plain(panel)["name"]
    {'value': 'Panel'}
    """

    type = "webPanels"
    location: str
    layout: Layout | None = None
    tooltip: Text = ""
    weight: int | None = None
    params: Mapping[str, Any] = {}
    cacheable: bool = False
    supports_native: bool = False


class WebSection(Declared, frozen=True, kw_only=True):
    """A heading over web items."""

    type = "webSections"
    name: Text
    location: str
    tooltip: Text = ""
    weight: int | None = None
    conditions: Conditions = ()
    params: Mapping[str, Any] = {}


class WebItem(Declared, frozen=True, kw_only=True):
    """A link or button of the host; without ``url`` it opens a dialog module."""

    type = "webItems"
    name: Text
    location: str
    url: str = ""
    target: Target | None = None
    context: Literal["addon", "page", "product"] = "addon"
    icon: Icon | None = None
    tooltip: Text = ""
    weight: int | None = None
    style_classes: Sequence[str] = ()
    conditions: Conditions = ()
    params: Mapping[str, Any] = {}
    cacheable: bool = False


class Dialog(Declared, frozen=True, kw_only=True):
    """A dialog that web items and scripts open by its key."""

    type = "dialogs"
    url: str
    options: DialogOptions | None = None
    cacheable: bool = False


class Webhook(Declared, frozen=True, kw_only=True):
    """An event to be told of; it needs no key.  ``filter`` is JQL."""

    type = "webhooks"
    event: str
    url: str
    filter: str = ""
    exclude_body: bool = False
    property_keys: Sequence[str] = ()
    conditions: Conditions = ()


# ---- Jira -----------------------------------------------------------------------------------


class JiraIssueContent(_Glance, frozen=True, kw_only=True):
    """A button of an issue that adds a frame to it."""

    type = "jiraIssueContents"
    tooltip: Text
    content_present_conditions: Conditions = ()


class JiraIssueGlance(_Glance, frozen=True, kw_only=True):
    """A line at the side of an issue that opens to a frame."""

    type = "jiraIssueGlances"
    content: Label


class JiraIssueContext(_Glance, frozen=True, kw_only=True):
    """A foldable part at the side of an issue."""

    type = "jiraIssueContexts"
    content: Label


class JiraIssueTabPanel(_Tab, frozen=True, kw_only=True):
    """A tab beside the comments of an issue."""

    type = "jiraIssueTabPanels"


class JiraProjectPage(_Link, frozen=True, kw_only=True):
    """A page in the side bar of a project."""

    type = "jiraProjectPages"
    icon_url: str = ""
    weight: int | None = None


class JiraProjectAdminTabPanel(_Tab, frozen=True, kw_only=True):
    """A page in the settings of a project."""

    type = "jiraProjectAdminTabPanels"
    location: str


class JiraDashboardItem(_Link, frozen=True, kw_only=True):
    """A gadget for dashboards."""

    type = "jiraDashboardItems"
    description: Text
    thumbnail_url: str
    configurable: bool = False
    refreshable: bool = False


class JiraProfileTabPanel(_Tab, frozen=True, kw_only=True):
    """A tab in the profile of a user."""

    type = "jiraProfileTabPanels"


class JiraWorkflowPostFunction(Declared, frozen=True, kw_only=True):
    """What an app does after a transition."""

    type = "jiraWorkflowPostFunctions"
    name: Text
    triggered: Page
    description: Text = ""
    create: Page | None = None
    edit: Page | None = None
    view: Page | None = None


class JiraDevelopmentTool(Declared, frozen=True, kw_only=True):
    """Commits, branches and pull requests of an issue."""

    type = "jiraDevelopmentTool"
    name: Text
    application: Text = ""
    capabilities: Sequence[Literal["branch", "commit", "pull_request"]] = ()
    url: str = ""
    logo_url: str = ""
    actions: Mapping[str, Action] = {}


class JiraBuildInfoProvider(_Provider, frozen=True, kw_only=True):
    """Builds of an issue."""

    type = "jiraBuildInfoProvider"


class JiraDeploymentInfoProvider(_Provider, frozen=True, kw_only=True):
    """Deployments of an issue."""

    type = "jiraDeploymentInfoProvider"


class JiraFeatureFlagInfoProvider(_Provider, frozen=True, kw_only=True):
    """Feature flags of an issue."""

    type = "jiraFeatureFlagInfoProvider"


class JiraRemoteLinkInfoProvider(Declared, frozen=True, kw_only=True):
    """Links of an issue to things elsewhere."""

    type = "jiraRemoteLinkInfoProvider"
    name: Text
    home_url: str = ""
    documentation_url: str = ""
    logo_url: str = ""
    actions: Sequence[LinkAction] = ()


class JiraSecurityInfoProvider(_Provider, frozen=True, kw_only=True):
    """Vulnerabilities of an issue."""

    type = "jiraSecurityInfoProvider"


class JiraDesignInfoProvider(_Provider, frozen=True, kw_only=True):
    """Designs of an issue."""

    type = "jiraDesignInfoProvider"


class JiraDevOpsComponentProvider(_Provider, frozen=True, kw_only=True):
    """Components that a service is made of."""

    type = "jiraDevOpsComponentProvider"


class JiraOperationsInfoProvider(_Provider, frozen=True, kw_only=True):
    """Incidents and reviews of an issue."""

    type = "jiraOperationsInfoProvider"


# ---- Confluence -----------------------------------------------------------------------------


class DynamicContentMacro(_Macro, frozen=True, kw_only=True):
    """A frame in the text of a page, asked for at each view."""

    type = "dynamicContentMacros"
    width: str = ""
    height: str = ""
    render_modes: Mapping[str, Any] = {}


class StaticContentMacro(_Macro, frozen=True, kw_only=True):
    """A part of the text of a page, in storage format, that the host's server asks for."""

    type = "staticContentMacros"
    rendering_method: str = ""


class ContentBylineItem(_Link, frozen=True, kw_only=True):
    """A link under the title of a page."""

    type = "contentBylineItems"
    target: Target | None = None
    context: Literal["addon", "page", "product"] = "addon"
    icon: Icon | None = None
    tooltip: Text = ""
    weight: int | None = None
    params: Mapping[str, Any] = {}
    content_property_key: str = ""


class SpacePage(_Link, frozen=True, kw_only=True):
    """A page in the side bar of a space."""

    type = "spacePages"
    location: str = ""
    icon: Icon | None = None
    weight: int | None = None


class SpaceToolsTab(_Link, frozen=True, kw_only=True):
    """A page in the settings of a space."""

    type = "spaceToolsTabs"
    location: str
    weight: int | None = None


class ContextPane(_Link, frozen=True, kw_only=True):
    """A frame at the side of a page."""

    type = "contextPane"
    location: str = ""
    weight: int | None = None


TYPED: Mapping[str, type[Declared]] = {
    kind.type: kind
    for kind in (
        *(GeneralPage, AdminPage, ConfigurePage, PostInstallPage, WebPanel, WebSection, WebItem),
        *(Dialog, Webhook),
        *(JiraIssueContent, JiraIssueGlance, JiraIssueContext, JiraIssueTabPanel),
        *(JiraProjectPage, JiraProjectAdminTabPanel, JiraDashboardItem, JiraProfileTabPanel),
        *(JiraWorkflowPostFunction, JiraDevelopmentTool, JiraBuildInfoProvider),
        *(JiraDeploymentInfoProvider, JiraFeatureFlagInfoProvider, JiraRemoteLinkInfoProvider),
        *(JiraSecurityInfoProvider, JiraDesignInfoProvider, JiraDevOpsComponentProvider),
        JiraOperationsInfoProvider,
        *(DynamicContentMacro, StaticContentMacro, ContentBylineItem),
        *(SpacePage, SpaceToolsTab, ContextPane),
    )
}
"""Every class by the name that its type has in a descriptor."""


def members_of(kind: type[Declared]) -> Mapping[str, bool]:
    """The members of a type as the host names them, and whether a module must have each.

    >>> members_of(Dialog)
    {'key': True, 'url': True, 'options': False, 'cacheable': False}
    """
    row = MODULE_TYPES.get(kind.type)
    needed = {"key", *row.required} if row else set()
    return {
        field.encode_name: field.required or field.encode_name in needed
        for field in msgspec.structs.fields(kind)
        if field.name != "more"
    }


# ---- writing --------------------------------------------------------------------------------

_READ_BY_PEOPLE = frozenset(
    {
        *("name", "tooltip", "description", "label", "header", "application"),
        *("editTitle", "insertTitle", "cancelTitle"),
    }
)
"""Members that are "i18n properties": an object in the descriptor."""


def plain(part: Any) -> Any:
    """A module, or a part of one, as the JSON of a descriptor has it.

    >>> plain(Label("Open"))
    {'label': {'value': 'Open'}, 'type': 'label'}
    """
    if isinstance(part, msgspec.Struct):
        found = {}
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            if field.name == "more" or (value == _default(field) and field.name != "type"):
                continue
            told = plain(value)
            is_text = field.encode_name in _READ_BY_PEOPLE and isinstance(told, str)
            found[field.encode_name] = {"value": told} if is_text else told
        return {**found, **getattr(part, "more", {})}
    if isinstance(part, Mapping):
        return {name: plain(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [plain(value) for value in part]
    return part


def _default(field: Any) -> Any:
    no_factory = field.default_factory is msgspec.NODEFAULT
    return field.default if no_factory else field.default_factory()


def modules_json(modules: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The member ``modules`` of a descriptor, of pairs of a type and a module as JSON.

    What a type is written as, a list or one object, is the table's affair.
    Raises ValueError where an app has more than one of what it has one of.

    >>> modules_json([("configurePage", {"key": "c"}), ("dialogs", {"key": "d"})])
    {'configurePage': {'key': 'c'}, 'dialogs': [{'key': 'd'}]}
    """
    listed: dict[str, list[Mapping[str, Any]]] = {}
    for name, members in modules:
        listed.setdefault(name, []).append(members)
    found: dict[str, Any] = {}
    for name, several in listed.items():
        form = MODULE_TYPES[name].form if name in MODULE_TYPES else Form.LIST
        if form is Form.ONE and len(several) > 1:
            raise ValueError(f"{name}: an app has one")
        found[name] = several if form is Form.LIST or len(several) > 1 else several[0]
    return found
