"""How settings are given: as text by the environment and the command line, as values by code.

The table is :class:`~headway.host.settings.Settings` itself.  Every entry to
the site reads it here, so that none takes what another does not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from headway.errors import ConfigurationError
from headway.host.clock import site_date
from headway.host.settings import Settings

__all__ = ["OPTIONS", "PREFIX", "Option", "environment", "settings"]

PREFIX = "HEADWAY_HOST_"
"""What a setting's variable begins with."""

PORT_MAX = 65_535

WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class Option(NamedTuple):
    """One setting: how it is called, what it takes (one type), its default, what it is for."""

    name: str
    kind: type
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """Its variable of the environment."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Its option on a command line."""
        return "--" + self.name.replace("_", "-")


def _options() -> dict[str, Option]:
    hints = get_type_hints(Settings, include_extras=True)
    table = {}
    for field in msgspec.structs.fields(Settings):
        kind, *metas = get_args(hints[field.name]) or (hints[field.name],)
        if get_origin(kind) is UnionType:
            (kind,) = (each for each in get_args(kind) if each is not NoneType)
        said = " ".join(meta.description or "" for meta in metas if isinstance(meta, msgspec.Meta))
        table[field.name] = Option(field.name, kind, field.default, said)
    return table


def _truth(text: str) -> bool:
    try:
        return WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text[:20]!r} is neither true nor false") from None


OPTIONS: Mapping[str, Option] = _options()
"""Every setting, by its name."""

READERS: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _truth,
    Path: Path,
}
"""How a text becomes a value; of another type, such as an enumeration, the type itself reads."""

NAMED_READERS: Mapping[str, Callable[[str], Any]] = {"at": site_date}
"""Where the type does not say it."""


def settings(given: Mapping[str, Any], name_of: Callable[[Option], str] | None = None) -> Settings:
    """The settings that *given* makes, by name; None stands for the default.

    Texts are read.  *name_of* is how an option is called in an error.  Raises
    ConfigurationError for a name that is no setting, or a text that is no value.

    >>> settings({"port": "0", "policy": "rehearsal", "data": None}).port
    0
    """
    unknown = [name for name in given if name not in OPTIONS]
    if unknown:
        raise ConfigurationError(
            f"{unknown[0]}: there is no such setting; there are {', '.join(OPTIONS)}"
        )
    values = {}
    for name, value in given.items():
        if value is not None:
            option = OPTIONS[name]
            called = name_of(option) if name_of else name
            values[name] = _bounded(option, _value(option, value, called), called)
    return Settings(**values)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in the environment: what it says under :data:`PREFIX`.

    >>> environment({"HEADWAY_HOST_PORT": "0", "PATH": "/bin"})
    {'port': '0'}
    """
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value
    }


def _value(option: Option, value: Any, name: str) -> Any:
    if isinstance(value, str):
        try:
            return NAMED_READERS.get(option.name, READERS.get(option.kind, option.kind))(value)
        except ValueError as error:
            raise ConfigurationError(f"{name}: {_why(option, error)}") from None
    if option.kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, option.kind) or (option.kind is int and isinstance(value, bool)):
        raise ConfigurationError(f"{name}: takes {option.kind.__name__}")
    return value


def _bounded(option: Option, value: Any, name: str) -> Any:
    """The value, if it can be a count, a time or a port: none is negative or without an end."""
    if option.kind not in (int, float) or option.name == "at":
        return value
    most = PORT_MAX if option.name.endswith("port") else sys.maxsize
    if not 0 <= value <= most:  # NaN is neither
        raise ConfigurationError(f"{name}: is a number from 0 to {most}")
    return value


def _why(option: Option, error: ValueError) -> str:
    """The reader's own words; those of ``int`` would repeat what was typed at any length."""
    return "takes a number" if option.kind in (int, float) and option.name != "at" else str(error)
