"""``token_url`` in templates."""

from __future__ import annotations

import asyncio
import html

import jinja2
import pytest

from headway.app import templates
from headway.app.context import Context, installation_of
from headway.app.routes import CALL
from headway.errors import ConfigurationError
from headway.model import RequestFacts

TEMPLATE = """<img src="{{ token_url('/chart', issue=key, size='<5>') }}">"""


@pytest.fixture
def context(world):
    world.connect.ticket_route("/chart")(lambda request, context: b"")
    world.install()
    authorization = (f"JWT {world.context_token()}",)
    facts = RequestFacts(method="GET", raw_path="/x", authorization=authorization)
    verified = asyncio.run(world.connect.check(facts, CALL))
    return Context(world.connect, verified, installation_of(verified))


@pytest.fixture
def environment():
    made = jinja2.Environment(autoescape=True)
    templates.install(made)
    return made


def test_a_template_makes_links_for_whoever_it_is_shown_to(world, context, environment):
    page = environment.from_string(TEMPLATE).render(context=context, key="A-1")
    link = html.unescape(page.partition('src="')[2].partition('"')[0])
    path, _, query = link.partition("?")
    assert query.startswith("issue=A-1&size=%3C5%3E&headway-ticket=")
    facts = RequestFacts(method="GET", raw_path=path, raw_query=query)
    assert world.connect.tickets.take(facts).account_id == "ada"
    assert "&amp;headway-ticket=" in page  # escaped where it stands


@pytest.mark.parametrize("variables", [{}, {"context": {"account_id": "eve"}}], ids=str)
def test_a_template_without_the_handlers_context_makes_none(environment, variables):
    with pytest.raises(ConfigurationError, match="no variable 'context'"):
        environment.from_string(TEMPLATE).render(**variables)
