"""The app of Django's: ``headway.app.django`` in ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

__all__ = ["HeadwayConfig"]


class HeadwayConfig(AppConfig):
    """Its checks, its migrations, its commands and its template tags.

    >>> HeadwayConfig.label
    'headway'
    """

    name = "headway.app.django"
    label = "headway"
    verbose_name = "Headway"
    default = True

    def ready(self) -> None:
        """Register the checks."""
        from headway.app.django.checks import check_settings

        register(check_settings, Tags.security)
