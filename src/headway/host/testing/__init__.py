"""Test a Connect app against a site: ``with Site() as site``, or the fixture ``jira_site``."""

from headway.host.faults import Fault
from headway.host.install import InstallFailed
from headway.host.testing.apps import InstalledApp
from headway.host.testing.seen import Seen
from headway.host.testing.site import Site
from headway.host.testing.things import Thing

__all__ = ["Fault", "InstallFailed", "InstalledApp", "Seen", "Site", "Thing"]
