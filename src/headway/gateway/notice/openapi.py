"""An OpenAPI document in which the retired location is deprecated, and the header stands beside it.

What speaks of the location is an ``apiKey`` scheme in the query and a query
parameter, by the parameter's name.  Both get a description and are marked as
deprecated; where they are required, they no longer are; each operation that
takes the scheme takes one for the header, too.  OpenAPI 2.0, 3.0, 3.1 and 3.2.

The same changes come as an Overlay (OpenAPI Overlay Specification 1.0.0), for
documents that are made by a program: applied to the old document it gives the
new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from ruamel.yaml.scalarstring import LiteralScalarString

from headway.errors import ConfigurationError
from headway.gateway.notice.blocks import Paragraph, Strong, markdown
from headway.gateway.notice.retirement import Retirement

__all__ = ["Patch", "patch"]

MARK = "x-headway-notice"
"""Holds what was added to a description, so that it is replaced the next time."""

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_VERSION = re.compile(r"(2\.0|3\.\d+)(\.\d+)?")
_Place = tuple[str | int, ...]


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed: *overlay* says the same as actions.

    *places* are JSON Pointers to what speaks of the location.  *elsewhere* are
    references that lead out of the document, where nobody looked.
    """

    overlay: dict[str, Any]
    places: tuple[str, ...]
    elsewhere: tuple[str, ...]


def patch(root: dict[str, Any], told: Retirement) -> Patch:
    """Change *root* in place by what is *told*; raises ConfigurationError where nothing fits.

    >>> from headway.gateway.rules import GatewayPolicy, RetiredLocation
    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT")
    >>> told = Retirement(policy=GatewayPolicy(name="api", locations=(jwt,)), location=jwt, now=0)
    >>> scheme = {"type": "apiKey", "in": "query", "name": "jwt"}
    >>> root = {"openapi": "3.2.0", "components": {"securitySchemes": {"old": scheme}}}
    >>> patch(root, told).places, scheme["deprecated"]
    (('/components/securitySchemes/old',), True)
    """
    version = root.get("openapi", root.get("swagger"))
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        raise ConfigurationError("is no OpenAPI document of version 2.0 or 3")
    return _Patching(root, told, match[1]).patch()


class _Patching:
    """One document that is being changed, and the actions that came of it."""

    def __init__(self, root: dict[str, Any], told: Retirement, version: str) -> None:
        self._root, self._told, self._version = root, told, version
        self._names = told.location.names
        self._actions: list[dict[str, Any]] = []
        self._places: list[str] = []
        self._elsewhere: list[str] = []
        self._seen: set[int] = set()  # an alias of YAML is one object in many places

    def patch(self) -> Patch:
        # (1) the schemes, and one for the header
        schemes_at: _Place = ("securityDefinitions",) if self._is_2 else (
            "components",
            "securitySchemes",
        )  # fmt: skip
        schemes = self._at(schemes_at)
        old = [name for name, scheme in schemes.items() if self._is_old(scheme)]
        for name in old:
            self._deprecate((*schemes_at, name), schemes[name], parameter=False)
        # (2) parameters, wherever they stand
        for place, parameter in list(self._parameters()):
            if self._is_parameter(parameter):
                self._deprecate(place, parameter, parameter=True)
        if not self._places:
            listed = " or ".join(f"?{name}=" for name in self._told.location.parameters)
            raise ConfigurationError(
                f"nothing in it speaks of {listed}: there is no apiKey scheme in the query and "
                "no query parameter of that name"
            )
        # (3) who takes the old scheme takes the new one
        if old:
            self._offer(old, self._header_scheme(schemes_at, schemes))
        return Patch(
            overlay=self._overlay(),
            places=tuple(self._places),
            elsewhere=tuple(dict.fromkeys(self._elsewhere)),
        )

    @property
    def _is_2(self) -> bool:
        return self._version == "2.0"

    # ---- where to look ----------------------------------------------------------------------

    def _at(self, place: _Place) -> dict[str, Any]:
        """The object at *place*; an empty one where there is none."""
        found: Any = self._root
        for step in place:
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def _parameters(self) -> Iterator[tuple[_Place, Any]]:
        shared: _Place = ("parameters",) if self._is_2 else ("components", "parameters")
        for name, parameter in self._at(shared).items():
            yield (*shared, name), parameter
        for place, holder in self._holders():
            listed = holder.get("parameters")
            for number, parameter in enumerate(listed if isinstance(listed, list) else []):
                yield (*place, "parameters", number), parameter

    def _holders(self) -> Iterator[tuple[_Place, dict[str, Any]]]:
        """Path items and operations: not callbacks and webhooks, which the API itself calls."""
        for at in (("paths",), ("components", "pathItems")):
            for name, item in self._at(at).items():
                place: _Place = (*at, name)
                if not isinstance(item, dict):
                    continue
                self._leads_out(item)
                yield place, item
                more = self._at((*place, "additionalOperations"))
                for method, operation in [*item.items(), *more.items()]:
                    inside: _Place = ("additionalOperations",) if method in more else ()
                    known = method in _METHODS or inside
                    if known and isinstance(operation, dict):
                        yield (*place, *inside, method), operation

    def _leads_out(self, value: dict[str, Any]) -> bool:
        """Whether *value* only names another place; one in another file is told of."""
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return False
        if not reference.startswith("#"):
            self._elsewhere.append(reference)
        return True

    def _is_old(self, scheme: Any) -> bool:
        if not isinstance(scheme, dict) or self._leads_out(scheme):
            return False
        return scheme.get("type") == "apiKey" and self._is_parameter(scheme)

    def _is_parameter(self, value: Any) -> bool:
        if not isinstance(value, dict) or self._leads_out(value):
            return False
        return value.get("in") == "query" and value.get("name") in self._names

    # ---- what is changed --------------------------------------------------------------------

    def _deprecate(self, place: _Place, value: dict[str, Any], *, parameter: bool) -> None:
        note = markdown(
            [Paragraph((Strong(f"{self._told.headline}."),)), self._told.summary()]
        ).strip()
        if self._told.link:
            note += f" See <{self._told.link}>."
        before = value.get("description")
        kept = before if isinstance(before, str) else ""
        added = value.get(MARK)
        if isinstance(added, str):  # from the last time
            kept = kept.replace(added, "").strip()
        known = not self._is_2 if parameter else self._version not in ("2.0", "3.0", "3.1")
        change: dict[str, Any] = {
            "deprecated" if known else "x-deprecated": True,
            "description": LiteralScalarString(f"{kept}\n\n{note}" if kept else note),
            MARK: LiteralScalarString(note),
        }
        if parameter and value.get("required"):
            change["required"] = False  # a client that sends the header leaves it out
        self._places.append("".join(f"/{_pointed(step)}" for step in place))
        self._change(place, value, change)

    def _change(self, place: _Place, value: dict[str, Any], change: Mapping[str, Any]) -> None:
        self._actions.append({"target": _json_path(place), "update": dict(change)})
        if id(value) not in self._seen:
            self._seen.add(id(value))
            value.update(change)

    def _header_scheme(self, at: _Place, schemes: dict[str, Any]) -> str:
        """The name of the scheme for the header: one that is there, or a new one."""
        wanted = self._wanted()
        same = [name for name, scheme in schemes.items() if _alike(scheme, wanted)]
        if same:
            return same[0]
        name, number = "tokenInHeader", 1
        while name in schemes:
            number += 1
            name = f"tokenInHeader{number}"
        self._change(at, schemes, {name: wanted})
        self._seen.discard(id(schemes))
        return name

    def _wanted(self) -> dict[str, Any]:
        location = self._told.location
        description = f"The token in a header: `{self._told.instead.text}`."
        if location.header == "authorization" and location.scheme and not self._is_2:
            scheme = location.scheme
            scheme = "bearer" if scheme.lower() == "bearer" else scheme
            return {"type": "http", "scheme": scheme, "description": description}
        return {
            "type": "apiKey",
            "in": "header",
            "name": location.shown_header,
            "description": description,
        }

    def _offer(self, old: Sequence[str], new: str) -> None:
        """Where a requirement is met by an old scheme, one with the new one meets it, too."""
        offered: dict[int, list[dict[str, Any]]] = {}  # by list: an alias is one in many places
        for place, holder in [((), self._root), *self._holders()]:
            listed = holder.get("security")
            if not isinstance(listed, list):
                continue
            if id(listed) not in offered:
                offered[id(listed)] = list(_others(listed, old, new))
                listed += offered[id(listed)]
            target = _json_path((*place, "security"))
            self._actions += [
                {"target": target, "update": dict(other)} for other in offered[id(listed)]
            ]

    def _overlay(self) -> dict[str, Any]:
        title = f"{self._told.policy.name}: {self._told.headline}"
        return {
            "overlay": "1.0.0",
            "info": {"title": title, "version": "1.0.0"},
            "actions": self._actions,
        }


def _others(listed: Sequence[Any], old: Sequence[str], new: str) -> Iterator[dict[str, Any]]:
    """For each requirement in *listed* with an *old* scheme, one with the *new* in its place."""
    known = list(listed)
    for requirement in listed:
        if isinstance(requirement, dict) and set(old) & requirement.keys():
            other = {name: [*each] for name, each in requirement.items() if name not in old}
            other[new] = []
            if other not in known:
                known.append(other)
                yield other


def _alike(scheme: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether *scheme* asks for the same header; names of schemes and headers know no case."""
    if not isinstance(scheme, dict):
        return False
    return all(
        str(scheme.get(key, "")).lower() == str(value).lower()
        for key, value in wanted.items()
        if key != "description"
    )


def _pointed(step: str | int) -> str:
    """A step of a JSON Pointer (RFC 6901 section 3)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def _json_path(place: _Place) -> str:
    r"""*place* as a JSONPath of names and numbers alone (RFC 9535 section 2.3).

    >>> _json_path(("paths", "/it's", "get", "parameters", 0))
    "$['paths']['/it\\'s']['get']['parameters'][0]"
    """
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f"['{_quoted(step)}']" for step in place
    )


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'")
