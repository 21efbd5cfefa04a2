"""Indexes on what ends at a time: without them, each write would look at every row for it."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

from headway.app.django.versions import StoreVersion


class Migration(migrations.Migration):
    """Version 0004 of the store."""

    dependencies: ClassVar = [("headway", "v0003_installation_id")]
    operations: ClassVar = [StoreVersion("0004")]
