from __future__ import annotations

import pytest

from headway.host.rest.table import VERSIONS
from host.rest.conftest import Asker
from host.small_site import BASE, SmallSite

ANONYMOUS = "Client must be authenticated to access this resource."


@pytest.mark.parametrize("version", VERSIONS)
def test_server_info_is_for_everybody(site: SmallSite, version: str) -> None:
    answer = site.ask("GET", f"/rest/api/{version}/serverInfo")
    assert answer.status == 200
    assert answer.json["baseUrl"] == BASE
    assert answer.json["versionNumbers"] == [1001, 0, 0]
    assert answer.json["deploymentType"] == "Cloud"
    assert answer.json["serverTime"] == "2023-11-14T22:13:20.000+0000"  # real, not the site's date


def test_myself(site: SmallSite) -> None:
    assert site.ask("GET", "/rest/api/2/myself").status == 401
    app = site.ask_signed("GET", "/rest/api/3/myself").json
    assert (app["accountId"], app["accountType"], app["active"]) == ("account-my-app", "app", True)
    cookie, session = site.log_in()
    user = site.ask("GET", "/rest/api/3/myself", {"Cookie": cookie}).json
    assert (user["accountId"], user["displayName"]) == (session.account_id, "Uma User")
    assert user["emailAddress"] == "uma@example.com"
    through = {"Cookie": cookie, "AP-Client-Key": "reader"}
    assert "emailAddress" not in site.ask("GET", "/rest/api/3/myself", through).json


def test_configuration(ask: Asker) -> None:
    found = ask("GET", "configuration")
    assert found["timeTrackingConfiguration"]["workingHoursPerDay"] == 8
    assert found["attachmentsEnabled"] is True


def test_application_properties_are_for_administrators(ask: Asker) -> None:
    assert len(ask("GET", "application-properties", who="admin")) > 2
    (one,) = ask("GET", "application-properties?key=jira.title", who="admin")
    assert one["value"] == "Headway"
    ask("GET", "application-properties?key=none", status=404, who="admin")
    ask("GET", "application-properties", status=403, who="user")
    ask("GET", "application-properties", status=401, who="nobody")
