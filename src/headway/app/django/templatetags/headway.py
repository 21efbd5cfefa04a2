"""``{% token_url "/chart.png" issue=key %}``: a link for what can send no header.

    {% load headway %}{% connect_script %}
    <img src="{% token_url '/chart.png' issue='A-1' %}">

The context of the view has to be there as the variable ``context``; see
:mod:`headway.app.templates`.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html

from headway.app import templates
from headway.app.context import Proved
from headway.errors import ConfigurationError
from headway.model import TokenText

register = template.Library()


@register.simple_tag(takes_context=True)
def token_url(context: template.Context, path: str, **query: Any) -> TokenText:
    """A link as :func:`headway.app.templates.token_url` makes it, escaped where it stands.

    >>> from django.template import Engine
    >>> engine = Engine(libraries={"headway": __name__})
    >>> engine.from_string("{% load headway %}").source
    '{% load headway %}'
    """
    return templates.token_url({templates.VARIABLE: context.get(templates.VARIABLE)}, path, **query)


@register.simple_tag(takes_context=True)
def connect_script(context: template.Context) -> str:
    """The element that loads the host's client script, where its bridge begins."""
    found = context.get(templates.VARIABLE)
    if not isinstance(found, Proved):
        raise ConfigurationError("connect_script: the template has no variable 'context'")
    return format_html('<script src="{}"></script>', found.client_script)
