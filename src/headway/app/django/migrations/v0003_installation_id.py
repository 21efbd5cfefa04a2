"""Forge's name for an installation."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

from headway.app.django.versions import StoreVersion


class Migration(migrations.Migration):
    """Version 0003 of the store."""

    dependencies: ClassVar = [("headway", "v0002_once")]
    operations: ClassVar = [StoreVersion("0003")]
