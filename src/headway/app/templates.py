"""``token_url`` for templates: links for what can send no header, made where they are written.

    environment = jinja2.Environment(autoescape=True)
    templates.install(environment)
    environment.get_template("panel.html").render(context=context)

    <img src="{{ token_url('/chart.png', issue='A-1') }}">

The context of the handler has to be there as the variable ``context``.  It
carries whose link it is, so no link is ever made for somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headway.app.context import Proved
from headway.errors import ConfigurationError
from headway.model import TokenText

if TYPE_CHECKING:
    import jinja2

__all__ = ["VARIABLE", "install", "token_url"]

VARIABLE = "context"
"""The name under which a template finds the context of its handler."""


def token_url(variables: Mapping[str, Any], path: str, /, **query: Any) -> TokenText:
    """A link as the context makes it, which is among a template's *variables*.

    Raises ConfigurationError where it is not, and what
    :meth:`~headway.app.context.Proved.token_url` raises.

    >>> token_url({}, "/chart.png")
    Traceback (most recent call last):
    headway.errors.ConfigurationError: token_url: the template has no variable 'context'
    """
    found = variables.get(VARIABLE)
    if not isinstance(found, Proved):
        raise ConfigurationError(f"token_url: the template has no variable {VARIABLE!r}")
    return found.token_url(path, **query)


def install(environment: jinja2.Environment) -> None:
    """Give the templates of *environment* the function ``token_url(path, ...)``."""
    from jinja2 import pass_context

    def of_template(variables: jinja2.runtime.Context, path: str, /, **query: Any) -> TokenText:
        return token_url(variables.get_all(), path, **query)

    environment.globals["token_url"] = pass_context(of_template)
