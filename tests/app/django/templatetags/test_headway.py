"""``token_url`` in Django's templates."""

from __future__ import annotations

import html

import pytest
from django.http import HttpResponse
from django.template import Context as Variables
from django.template import Engine

from headway.app.django import Connect
from headway.errors import ConfigurationError

TEMPLATE = """{% load headway %}<img src="{% token_url '/chart' issue=key size='<5>' %}">"""


SCRIPT = "{% load headway %}{% connect_script %}"


def render(template=TEMPLATE, **variables):
    engine = Engine(libraries={"headway": "headway.app.django.templatetags.headway"})
    return engine.from_string(template).render(Variables(variables))


def test_a_template_makes_links_for_whoever_it_is_shown_to(make_world, serve):
    world = make_world(framework=Connect)

    @world.connect.context_route("/page")
    def page(request, context):
        return HttpResponse(render(context=context, key="A-1"))

    @world.connect.ticket_route("/chart")
    def chart(request, context):
        return {"user": context.account_id, "issue": request.GET["issue"]}

    serve(world)
    world.install()
    shown = world.call("GET", "/page", world.context_token()).text
    assert "&amp;headway-ticket=" in shown  # escaped where it stands
    link = html.unescape(shown.partition('src="')[2].partition('"')[0])
    answer = world.call("GET", link)
    assert (answer.status, answer.text) == (200, '{"user":"ada","issue":"A-1"}')
    assert world.call("GET", link).status == 401


def test_a_template_without_the_views_context_makes_none():
    for variables in ({}, {"context": {"account_id": "eve"}}):
        for template in (TEMPLATE, SCRIPT):
            with pytest.raises(ConfigurationError, match="no variable 'context'"):
                render(template, **variables)


def test_a_template_loads_the_hosts_script(make_world, serve):
    world = make_world(framework=Connect)

    @world.connect.page("P", key="p")
    def page(request, context):
        return render(SCRIPT, context=context)

    serve(world)
    world.install()
    answer = world.call("GET", f"/p?jwt={world.request_token('GET', '/p')}")
    assert '<script src="https://connect-cdn.atl-paas.net/all.js"></script>' in answer.text
