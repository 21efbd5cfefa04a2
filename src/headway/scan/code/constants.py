"""Names that stand for a text: in one file, and through the imports of a project's modules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from headway.scan.code.names import NAMES, is_name

__all__ = ["constants_in", "imported_by", "imports_in", "reaches", "stems_of", "stems_wanted"]

_KNOWN = {"JWT_PARAM_NAME": "jwt"}
"""Of a vendor's library: its users import it from a jar, which nobody reads here."""

_ASSIGNED = re.compile(
    r"""(?mx) ^[^\n"'`\#]*? \b(?P<name>[A-Za-z_]\w*)\b
    [\t\x20]*(?::[\t\x20]*[\w\x20]+)? [\t\x20]*(?::=|=)[\t\x20]*
    (?: (?P<quote>["'`])(?P<text>[^"'`\n]{1,200})(?P=quote) | :(?P<symbol>\w+) )
    (?:\.freeze)? (?:[\t\x20]+as[\t\x20]+const)? [\t\x20]*[;,]?[\t\x20]*$"""
)
_ANYTHING = frozenset({"method", "type", "kind", "value", "token", "result", "text", "s", "k", "v"})
"""Names of variables that stand for something else in the next function."""

_MEMBER = re.compile(
    r"""\b(?P<name>[A-Za-z_]\w*)\s*:\s*(?P<quote>["'`])(?P<text>[^"'`\n]{1,80})(?P=quote)"""
)
_EXPORTED = re.compile(r"(?s)module\.exports\s*=\s*\{(?P<members>[^}]{0,20000})\}")
_ENDS_IN_NAME = re.compile(rf"(?i)[?&](?:{NAMES})=\Z")


def constants_in(source: str) -> dict[str, str]:
    r"""The names in *source* that stand for a parameter of a token, or for a query up to one.

    >>> constants_in('PARAM = "jwt"\nLIMIT = "limit"')["PARAM"]
    'jwt'
    """
    found = dict(_KNOWN)
    for each in _ASSIGNED.finditer(source):
        text = each["text"] or each["symbol"]
        if each["name"] in _ANYTHING:
            continue
        if is_name(text) or _ENDS_IN_NAME.search(text):
            found[each["name"]] = text
    for exported in _EXPORTED.finditer(source):
        for each in _MEMBER.finditer(exported["members"]):
            if is_name(each["text"]):
                found[each["name"]] = each["text"]
    return found


_IMPORTS = (
    re.compile(r"(?m)^\s*from\s+(?P<module>[.\w]+)\s+import\s+(?P<names>[\w ,()*\n]+)"),
    re.compile(
        r"import\s*(?:\w+\s*,\s*)?\{(?P<names>[^}]{0,4000})\}\s*from\s*[\"'](?P<module>[^\"']+)[\"']"
    ),
    re.compile(
        r"(?:const|let|var)\s*\{(?P<names>[^}]{0,4000})\}\s*=\s*require\(\s*[\"'](?P<module>[^\"']+)[\"']"
    ),
    re.compile(r"import\s*\*\s*as\s+(?P<names>\w+)\s+from\s*[\"'](?P<module>[^\"']+)[\"']"),
    re.compile(
        r"(?:const|let|var)\s+(?P<names>\w+)\s*=\s*require\(\s*[\"'](?P<module>\.[^\"']+)[\"']"
    ),
    re.compile(r"(?m)^\s*import\s+(?P<module>[.\w]+)(?:\s+as\s+(?P<names>\w+))?\s*$"),
)
_ALIAS = re.compile(r"(\w+)(?:\s+as\s+|\s*:\s*)(\w+)")
_OF_FILES = (".py", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx")
_ENDINGS = ("", *_OF_FILES, "/__init__.py", "/index.js", "/index.ts")
_OF_FOLDERS = ("__init__", "index")
_LONG = 20_000  # characters of names in one import


def imports_in(source: str) -> Iterator[tuple[str, str]]:
    """What *source* imports: each module as it is written there, and the names from it.

    >>> list(imports_in("from .names import PARAM"))
    [('.names', 'PARAM')]
    """
    for pattern in _IMPORTS:
        for each in pattern.finditer(source):
            yield each["module"], (each["names"] or "")[:_LONG]


def stems_of(path: str) -> tuple[str, ...]:
    """The words of which an import of the file *path* has one: see :func:`stems_wanted`.

    "" stands for no word at all: ``from . import x`` means a folder that it does not name.

    >>> stems_of("app/names.py"), stems_of("src/app/__init__.py")
    (('names', 'app/names'), ('app', 'src/app', ''))
    """
    found = PurePosixPath(path)
    parts = [*found.parts[:-1], _bare(found.name)]
    if parts[-1] not in _OF_FOLDERS:
        return (parts[-1], "/".join(parts[-2:]))
    return ("".join(parts[-2:-1]), "/".join(parts[-3:-1]), "")


def stems_wanted(source: str) -> set[str]:
    """The words by which *source* may mean other files: the end of a module's path, or two.

    >>> sorted(stems_wanted("from app.names import PARAM"))
    ['app/names', 'names/PARAM']
    """
    words: set[str] = set()
    for module, names in imports_in(source):
        if "/" in module:
            found = [_walked(module)]
        else:
            found = [[each for each in module.split(".") if each]]
            found += [[*found[0], name] for name in re.findall(r"\w+", names)]
        for parts in found:
            last = [each for each in parts[-2:] if each.strip(".")]
            if not parts or not parts[-1].strip("."):
                words.add("")
            else:
                words |= {"/".join(last), _bare("/".join(last))}
    return words


def _walked(module: str) -> list[str]:
    """The parts of a path without those that it goes back from."""
    parts: list[str] = []
    for part in module.split("/"):
        if part == ".." and parts and parts[-1].strip("."):
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts or ["."]


def reaches(path: str, key: str) -> bool:
    """Whether the file *path* may mean the module *key* by one word: it is beside or above it.

    >>> reaches("app/sub/a.py", "app/names.py"), reaches("app/a.py", "lib/names.py")
    (True, False)
    """
    at = key.rpartition("/")[0]
    if _bare(key[len(at) :].lstrip("/")) in _OF_FOLDERS:
        at = at.rpartition("/")[0]
    return not at or path.startswith(f"{at}/")


def _bare(name: str) -> str:
    return next((name.removesuffix(each) for each in _OF_FILES if name.endswith(each)), name)


def imported_by(path: str, source: str, project: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The constants that *source*, the file *path*, imports from other files of *project*.

    *project* has the constants of each file, by its path with slashes.
    """
    found: dict[str, str] = {}
    for module, names in imports_in(source):
        for constants in _modules(path, module, names, project):
            aliases = dict(_ALIAS.findall(names))
            for name, text in constants.items():
                found[aliases.get(name, name)] = text
    return found


def _modules(
    path: str, module: str, names: str, project: Mapping[str, Mapping[str, str]]
) -> Iterable[Mapping[str, str]]:
    """The files that *module* may mean, seen from *path*; of ``from . import x``, ``x`` too."""
    here = PurePosixPath(path).parent
    if "/" in module or module.startswith("./"):
        starts = [_normal(here / module)]
    else:
        dots = len(module) - len(module.lstrip("."))
        base = here if dots <= 1 else here.joinpath(*[".."] * (dots - 1))
        inside = module.lstrip(".").replace(".", "/")
        starts = (
            [_normal(base / inside)]
            if dots
            else [_normal(each / inside) for each in (here, *here.parents)]
        )
        starts += [f"{start}/{name}" for start in starts for name in re.findall(r"\w+", names)]
    for start in starts:
        for ending in _ENDINGS:
            if start + ending in project:
                yield project[start + ending]


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ".."):
            parts.append(part)
    return "/".join(parts)
