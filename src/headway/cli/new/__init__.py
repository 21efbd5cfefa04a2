"""``headway new``: the folder of a Connect app that passes its own tests.

The files are templates of ours inside the package, in which marks are replaced
by values of the tables below: nothing is executed, nothing is fetched.  The new
project has Headway by path, because on a package index the name is anybody's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit

import typer

from headway.errors import ConfigurationError

__all__ = ["MARK", "Framework", "ProductName", "new", "write_project"]

NAME = re.compile(r"[a-z](?:-?[a-z0-9])*")
NAME_MAX = 50
KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
MARK = re.compile(r"%%([a-z_]+)%%")


class Framework(StrEnum):
    """What the app is built on; each has a folder of templates."""

    STARLETTE = "starlette"
    FASTAPI = "fastapi"
    FLASK = "flask"
    DJANGO = "django"
    ASGI = "asgi"
    WSGI = "wsgi"


class ProductName(StrEnum):
    """Where the app is installed."""

    JIRA = "jira"
    CONFLUENCE = "confluence"


class Built(NamedTuple):
    """What a framework is called, which extra of Headway it needs, and how it is served."""

    title: str
    extra: str
    server: str


_ASGI = """`python app.py` serves it with uvicorn, behind a proxy that speaks TLS."""
_WSGI = """`python app.py` is for development. A server for a real site gives the raw target,
as gunicorn, uWSGI and mod_wsgi do, and logs no whole addresses: those of pages hold tokens."""
FRAMEWORKS: Mapping[Framework, Built] = {
    Framework.STARLETTE: Built("Starlette", "app", _ASGI),
    Framework.FASTAPI: Built("FastAPI", "fastapi", _ASGI),
    Framework.FLASK: Built("Flask", "flask", _WSGI),
    Framework.DJANGO: Built("Django", "django", _WSGI),
    Framework.ASGI: Built("plain ASGI", "app", _ASGI),
    Framework.WSGI: Built("plain WSGI", "app", _WSGI),
}

PRODUCTS: Mapping[ProductName, Mapping[str, str]] = {
    ProductName.JIRA: {
        "product_name": "Jira",
        "what": "a panel beside an issue",
        "site": "jira_site",
        "module_class": "WebPanel",
        "module_key": "panel",
        "module": """WebPanel(
            key="panel",
            name="%%title%%",
            url="/panel?issue={issue.key}",
            location="atl.jira.view.issue.right.context",
        )""",
        "parameter": "issue",
        "about": "issue_key",
        "one": "DEMO-1",
        "who": "/rest/api/3/myself",
        "event": "jira:issue_updated",
        "event_class": "IssueUpdated",
        "subject": "issue",
        "subject_name": "key",
        "change": 'jira_site.issue("DEMO-1").summary = "Changed"',
        "heard": "DEMO-1 was updated",
    },
    ProductName.CONFLUENCE: {
        "product_name": "Confluence",
        "what": "a macro in a page",
        "site": "confluence_site",
        "module_class": "DynamicContentMacro",
        "module_key": "%%key_in_macro%%-macro",
        "module": """DynamicContentMacro(
            # no macro of another app may have this key
            key="%%key_in_macro%%-macro",
            name="%%title%%",
            url="/panel?page={page.id}",
        )""",
        "parameter": "page",
        "about": "page_id",
        "one": "1001",
        "who": "/rest/api/user/current",
        "event": "page_updated",
        "event_class": "PageUpdated",
        "subject": "page",
        "subject_name": "title",
        "change": 'confluence_site.page("Open handbook").title = "Changed"',
        "heard": "Changed was updated",
    },
}


# ---- the command ----------------------------------------------------------------------------


def new(
    name: Annotated[str, typer.Argument(help="Name of the new folder, such as my-app.")],
    framework: Annotated[
        Framework, typer.Option(help="What the app is built on.")
    ] = Framework.STARLETTE,
    product: Annotated[ProductName, typer.Option(help="Where it is installed.")] = ProductName.JIRA,
    key: Annotated[str, typer.Option(help="The app's key; else the name.")] = "",
    headway: Annotated[
        Path | None,
        typer.Option(help="Headway's wheel or source tree; else where this one is from."),
    ] = None,
) -> int:
    """Make a new app: a folder with routes, tests on a local site, and what it needs."""
    source = _own_source() if headway is None else _checked_source(headway)
    folder = write_project(Path(name), framework, product, key=key, headway=source)
    files = sorted(path.name for path in folder.iterdir())
    print(f"{folder}: {', '.join(files)}")
    print(f"next: cd {folder} && make setup test")
    return 0


def write_project(
    folder: Path, framework: Framework, product: ProductName, *, key: str = "", headway: Path
) -> Path:
    """Write a project into *folder*, which must not exist; all of it or nothing.

    *headway* is a wheel or source tree.  Raises ConfigurationError for names
    that can not be, and for what is there already.
    """
    name, key = folder.name, key or folder.name
    if str(folder.parent) != "." or len(name) > NAME_MAX or not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{folder}: a name is lower-case letters, digits and dashes, a letter first, "
            f"at most {NAME_MAX}"
        )
    if not KEY.fullmatch(key):
        raise ConfigurationError("--key: 1 to 64 letters, digits, dots, dashes and underscores")
    if folder.exists() or folder.is_symlink():
        raise ConfigurationError(f"{folder}: is there already, and nothing is overwritten")
    values = _values(name, key, framework, product, headway)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        for file, text in _files(framework):
            (made / file).write_text(filled(text, values), "utf-8")
        made.chmod(0o777 & ~_umask())
        made.rename(folder)
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


# ---- templates ------------------------------------------------------------------------------


def filled(text: str, values: Mapping[str, str]) -> str:
    """*text* with its marks replaced, and those that the values have; a mark without one is a bug.

    >>> filled("key = %%key%%", {"key": "%%name%%", "name": "a"})
    'key = a'
    """
    while MARK.search(text):
        text = MARK.sub(lambda found: values[found[1]], text)
    return text


def _files(framework: Framework) -> Iterator[tuple[str, str]]:
    templates = resources.files("headway.cli.new") / "templates"
    for folder in ("any", framework.value):
        for template in _sorted(templates / folder):
            name = template.name.removesuffix(".tmpl")
            yield {"gitignore": ".gitignore"}.get(name, name), template.read_text("utf-8")


def _sorted(folder: Traversable) -> list[Traversable]:
    files = [file for file in folder.iterdir() if file.name.endswith(".tmpl")]
    return sorted(files, key=lambda file: file.name)


def _values(
    name: str, key: str, framework: Framework, product: ProductName, headway: Path
) -> Mapping[str, str]:
    built = FRAMEWORKS[framework]
    return {
        **PRODUCTS[product],
        "name": name,
        "title": " ".join(word.capitalize() for word in name.split("-")),
        "key": key,
        "key_in_macro": re.sub(r"[^A-Za-z0-9]+", "-", key).lower(),
        "product": product.value,
        "framework": framework.value,
        "framework_name": built.title,
        "served": built.server,
        "extras": f"{built.extra},test",
        "headway_path": str(headway),
        "headway_uri": headway.as_uri(),
    }


# ---- where Headway is -----------------------------------------------------------------------


def _own_source() -> Path:
    """The wheel or source tree from which this Headway was installed (PEP 610)."""
    try:
        told = json.loads(metadata.distribution("headway").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        told = {}
    parts = urlsplit(str(told.get("url", "")))
    path = Path(unquote(parts.path))
    if parts.scheme != "file" or not path.exists():
        raise ConfigurationError(
            "--headway: give the path of Headway's wheel or source tree; "
            "nothing here says from which this one was installed"
        )
    return path


def _checked_source(path: Path) -> Path:
    """A path that is Headway's indeed, absolute."""
    is_wheel = path.is_file() and re.fullmatch(r"headway-[\w.+]+-py3-none-any\.whl", path.name)
    if not is_wheel and _project_name(path / "pyproject.toml") != "headway":
        raise ConfigurationError(f"--headway: {path} is neither a wheel nor the source of Headway")
    return path.resolve()


def _project_name(file: Path) -> str:
    try:
        return str(tomllib.loads(file.read_text("utf-8"))["project"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
