"""What is wrong with a descriptor, all of it: where, what, and what to do.

An error is what a site refuses at the install; the strict reader of this
package finds them.  A warning is what a site would pass over in silence.  The
known members and types are older than the host's own, so what is not known is
a warning, never an error.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from headway.descriptor import MEMBERS, SCOPES, problems_of
from headway.descriptor.condition_names import CONDITION_NAMES
from headway.descriptor.module_types import MODULE_TYPES
from headway.descriptor.typed import TYPED, members_of
from headway.http.answers import origin_of

__all__ = ["BYTES_MAX", "ELSEWHERE", "Finding", "Level", "check"]

BYTES_MAX = 524_288  # what the local site reads of a descriptor

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Level(StrEnum):
    """Whether a site refuses the descriptor."""

    ERROR = "error"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: ``place`` is a JSON path from ``$`` on."""

    level: Level
    place: str
    problem: str
    hint: str


# ---- tables ---------------------------------------------------------------------------------

HINTS = (
    ("is not JSON", "Write one JSON object; a comma too many is the usual reason."),
    ("required field `key`", "Give it a key of its own: letters, digits and dashes."),
    (
        "missing required field `lifecycle`",
        'Add {"installed": "/installed"}: the secret comes there.',
    ),
    ("required field `installed`", "Name the path that takes the secret: /installed."),
    ("missing required field", "Add it; docs/descriptor.md lists what each type must have."),
    ("matching regex", "Use letters, digits, dots, dashes and underscores only."),
    ("Invalid enum value", 'Write "jwt": what is not signed is not installed.'),
    ("of length", "Make it shorter."),
    ("Expected at most", "Leave some out."),
    ("Expected `", 'Write a value of that type; texts for people are {"value": "..."}.'),
    ("is no scope", f"Scopes are {', '.join(sorted(SCOPES))}."),
    ("plain http or https", "Write https://, a host and at most a path."),
    ("write it as", "One spelling, because tokens are bound to it."),
    ("is not below baseUrl", "Write a path of the app, such as /panel."),
    ("token in the header", "Leave {jwt} out; the token comes in the header Authorization."),
    ("a token may only stand", "Write jwt={jwt} once, as a parameter of its own, or leave it out."),
    ("parameter jwt", "Leave it out; the site adds the token."),
    ("normal form", "Write the path without dot segments and with blanks percent-encoded."),
    ("a character that no address has", "Percent-encode it."),
    ("is not an absolute address", "Write it from https:// on."),
    ("neither http nor https", "Write it from https:// on, or as a path."),
    ("need the scope READ", 'Add "READ" to the scopes.'),
    ("occurs twice", "Keep one of them."),
    ("nested too deep", "Ask the app: a condition may be an address of its own."),
    ("a name or parts", 'Write either "condition", or one of "and" and "or".'),
    ("none of addon, page, product", "Write one of these."),
    ("is no target", "Write page, dialog, inlinedialog or dialogmodule."),
    ("a dialog is a page of the app", "Write a path of the app."),
    ("cacheable module", "Ask the bridge for a token, in the page."),
)
"""What to do about what the reader says, by a part of it; the first row that fits."""

ELSEWHERE = (
    *("jiraBackgroundScripts", "jiraEntityProperties", "jiraGlobalPermissions"),
    *("jiraIssueFields", "jiraIssueTypes", "jiraProjectPermissions", "jiraProjectTabPanels"),
    *("jiraReports", "jiraSearchRequestViews", "jiraTimeTrackingProviders"),
    *("jiraWorkflowConditions", "jiraWorkflowValidators", "keyboardShortcuts"),
    *("blueprints", "confluenceContentProperties", "customContents"),
)
"""Types that hosts have and the local site has not."""

_TOP = frozenset(
    {
        *MEMBERS,
        *("translations", "regionBaseUrls", "cloudAppMigration", "dataResidency"),
        *("editionsEnabled", "version"),
    }
)
_ALWAYS_ON = ("signed-install", "context-qsh")
_CONDITIONAL = ("conditions", "contentPresentConditions")
_MODULE_KEY = re.compile(r"[A-Za-z0-9-]{1,100}")
_KEY_LENGTH = 64  # what the vendor's page says; its schema has 80


# ---- checking -------------------------------------------------------------------------------


def check(data: bytes, origin: str = "") -> tuple[Finding, ...]:
    """Everything that is wrong with a descriptor: errors first, each group in reading order.

    *origin* is where it was read from, where that is known: an app speaks for
    its own origin and no other.

    >>> for found in check(b'{"key": "my app", "baseUrl": "http://127.0.0.1:3000"}')[:1]:
    ...     print(found.level, found.place, found.hint)
    error $.key Use letters, digits, dots, dashes and underscores only.
    """
    if len(data) > BYTES_MAX:
        hint = "Add modules at the install by the API of dynamic modules."
        return (Finding(Level.ERROR, "$", f"is over {BYTES_MAX} bytes", hint),)
    errors = [_error(line) for line in problems_of(data)]
    try:
        document = json.loads(data, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        return tuple(errors)
    warnings: list[Finding] = []
    if isinstance(document, _Object):
        errors += _base(document, origin)
        try:
            warnings += _warnings(document)
        except RecursionError:
            warnings.append(_warning("$", "is nested too deep to look at all of it", "Flatten it."))
    return (*errors, *warnings)


def _error(line: str) -> Finding:
    problem, _, place = line.partition(" - at `")
    hint = next((hint for part, hint in HINTS if part in problem), "See docs/descriptor.md.")
    return Finding(Level.ERROR, place.rstrip("`") or "$", problem, hint)


def _warning(place: str, problem: str, hint: str) -> Finding:
    return Finding(Level.WARNING, place, problem, hint)


class _Object(dict[str, Any]):
    """A JSON object that remembers which members were written twice."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self.twice: list[str] = []
        for name, value in pairs:
            if name in self:
                self.twice.append(name)
            self[name] = value


def _base(document: Mapping[str, Any], origin: str) -> Iterator[Finding]:
    """Http is for this machine alone ("App descriptor", baseUrl)."""
    url = document.get("baseUrl")
    try:
        base = origin_of(url) if isinstance(url, str) else ""
    except ValueError:  # the reader says so
        return
    if base.startswith("http://") and urlsplit(base).hostname not in LOOPBACK:
        yield Finding(Level.ERROR, "$.baseUrl", "is not https", "Write https://.")
    if base and origin and base != origin:
        hint = f"Serve it below its baseUrl, or read it from {base}."
        yield Finding(Level.ERROR, "$.baseUrl", f"the descriptor was read from {origin}", hint)


def _warnings(document: _Object) -> Iterator[Finding]:
    # (1) what is written and counts for nothing
    yield from _twice(document, "$")
    yield from _unknown(document, _TOP, "$", "no member of a descriptor is known by this name")
    # (2) what a site would take, and somebody regret
    yield from _about_app(document)
    # (3) the modules
    modules = document.get("modules")
    if isinstance(modules, dict):
        for name, written in modules.items():
            yield from _about_type(name, written, f"$.modules.{name}")
        yield from _dialog_keys(modules)


def _about_app(document: _Object) -> Iterator[Finding]:
    key, lifecycle = document.get("key"), document.get("lifecycle")
    migrations = document.get("apiMigrations")
    if isinstance(key, str) and len(key) > _KEY_LENGTH:
        yield _warning("$.key", f"is over {_KEY_LENGTH} characters", "Make it shorter.")
    if not document.get("name"):
        yield _warning("$.name", "is missing", "Say what people shall read; now it is the key.")
    if isinstance(lifecycle, dict) and not lifecycle.get("uninstalled"):
        hint = "Add a path: or the app keeps the secret of every site that has left."
        yield _warning("$.lifecycle.uninstalled", "is missing", hint)
    if isinstance(migrations, dict):
        for name in _ALWAYS_ON:
            if migrations.get(name) is False:
                place = f"$.apiMigrations.{name}"
                yield _warning(place, "can not be switched off any more", "Write true.")


def _about_type(name: str, written: Any, place: str) -> Iterator[Finding]:
    if name not in TYPED:
        if name in ELSEWHERE:
            yield _warning(place, "the local site has no such modules", "Try it on a real site.")
        else:
            yield from _unknown((name,), TYPED, "$.modules", "no type of modules has this name")
        return
    members = members_of(TYPED[name])
    each = written if isinstance(written, list) else [written]
    for number, module in enumerate(each):
        where = f"{place}[{number}]" if isinstance(written, list) else place
        if not isinstance(module, _Object):
            continue
        yield from _unknown(module, members, where, f"no member of {name} is known by this name")
        for member in _CONDITIONAL:
            yield from _conditions(module.get(member), f"{where}.{member}")
        key = module.get("key")
        if isinstance(key, str) and not _MODULE_KEY.fullmatch(key):
            hint = "Use letters, digits and dashes: some sites take nothing else."
            yield _warning(f"{where}.key", "has other characters than a module's key", hint)


def _conditions(written: Any, place: str) -> Iterator[Finding]:
    """A name that nobody knows never holds, and what stands on it is never shown."""
    for number, condition in enumerate(written if isinstance(written, list) else ()):
        if not isinstance(condition, _Object):
            continue
        where, name = f"{place}[{number}]", condition.get("condition")
        if isinstance(name, str) and not name.startswith(("/", "http:", "https:")):
            problem = "no condition is known by this name, so it may never hold"
            for found in _unknown((name,), CONDITION_NAMES, where, problem):
                yield msgspec.structs.replace(found, place=f"{where}.condition")
        for member in ("conditions", "and", "or"):
            yield from _conditions(condition.get(member), f"{where}.{member}")


def _dialog_keys(modules: Mapping[str, Any]) -> Iterator[Finding]:
    """A link that opens a dialog module names one that is there."""
    dialogs = [each.get("key") for each in _objects(modules.get("dialogs"))]
    for name in MODULE_TYPES:
        for number, module in enumerate(_objects(modules.get(name))):
            target = module.get("target")
            options = target.get("options") if isinstance(target, dict) else None
            opened = options.get("key") if isinstance(options, dict) else None
            if opened is not None and opened not in dialogs:
                place = f"$.modules.{name}[{number}].target.options.key"
                yield _warning(place, "no module of dialogs has this key", "Write one of theirs.")


def _objects(written: Any) -> list[_Object]:
    several = written if isinstance(written, list) else ()
    return [each for each in several if isinstance(each, _Object)]


def _unknown(
    written: Iterable[str], known: Iterable[str], place: str, problem: str
) -> Iterator[Finding]:
    names = list(known)
    for name in written:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1, 0.75)
            hint = f"Did you mean {close[0]}?" if close else "If it is new, a host may know it."
            yield _warning(f"{place}.{name}", problem, hint)


def _twice(value: Any, place: str) -> Iterator[Finding]:
    """Every member that is written twice, at any depth: of these the last counts."""
    if isinstance(value, _Object):
        for name in value.twice:
            yield _warning(f"{place}.{name}", "occurs twice; the last counts", "Keep one of them.")
        for name, inner in value.items():
            yield from _twice(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _twice(inner, f"{place}[{number}]")
