"""Installations, the lifecycle tokens accepted for them, and the clock."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

from headway.app.django.versions import StoreVersion


class Migration(migrations.Migration):
    """Version 0001 of the store."""

    dependencies: ClassVar = []
    operations: ClassVar = [StoreVersion("0001")]
