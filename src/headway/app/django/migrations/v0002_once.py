"""What counts once: tickets and replayed tokens."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

from headway.app.django.versions import StoreVersion


class Migration(migrations.Migration):
    """Version 0002 of the store."""

    dependencies: ClassVar = [("headway", "v0001_installations")]
    operations: ClassVar = [StoreVersion("0002")]
