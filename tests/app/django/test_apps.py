from __future__ import annotations

from django.apps import apps

from headway.app.django.apps import HeadwayConfig


def test_the_app_is_djangos_own_by_the_name_of_its_package():
    found = apps.get_app_config("headway")
    assert isinstance(found, HeadwayConfig)
    assert found.name == "headway.app.django"
    found.ready()  # a second time changes nothing
