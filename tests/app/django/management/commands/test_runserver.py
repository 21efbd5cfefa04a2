"""The server for development, as a person starts it."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import services
from django.contrib.staticfiles.management.commands.runserver import Command as WithStatic
from django.core.management import get_commands
from django.core.management.commands.runserver import Command as Plain
from django.test.utils import modify_settings

from headway.app.django.management.commands import runserver

ROOT = Path(__file__).resolve().parents[5]

PROJECT = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.urls import include, path
from headway.app.django import Connect

settings.configure(
    DEBUG=True, SECRET_KEY="x", ROOT_URLCONF=__name__, HEADWAY_CONNECT="__main__.connect",
    INSTALLED_APPS=["headway.app.django"], ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["headway.app.django.middleware.ConnectMiddleware"],
)
connect = Connect(
    key="hello", name="Hello", base_url="http://127.0.0.1:1", store=":memory:", development=True
)

@connect.page("P", url="/page")
def page(request, context): ...

urlpatterns = [path("", include(connect.urls))]
execute_from_command_line(sys.argv)
"""


def test_it_gives_the_raw_target_and_logs_no_token(tmp_path):
    (tmp_path / "manage.py").write_text(PROJECT)
    port = services.free_port()
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            answer = asked(port, "/page?a=%C3%A9&jwt=eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln")
            until = time.monotonic() + 10
            while '"GET /page' not in log.read_text() and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            process.terminate()
            process.wait(20)
    written = log.read_text()
    assert answer.status == 401, written
    assert answer.getheader("Headway-Refusal") != ""
    assert '"GET /page?a=%C3%A9&jwt=' in written
    assert "eyJ" not in written


def asked(port, target):
    until = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", target)
            return connection.getresponse()
        except ConnectionError:
            assert time.monotonic() < until
            time.sleep(0.1)
        finally:
            connection.close()


def test_it_stands_on_the_command_that_would_run_without_it():
    assert get_commands()["runserver"] == "headway.app.django"
    assert runserver._usual() is Plain
    with modify_settings(INSTALLED_APPS={"append": "django.contrib.staticfiles"}):
        assert runserver._usual() is WithStatic


@pytest.fixture
def handler():
    made = runserver._Handler.__new__(runserver._Handler)
    made.path, made.requestline, made.command = "/a%20b?jwt=x", "GET /a%20b?jwt=x HTTP/1.1", "GET"
    return made


def test_a_log_line_holds_no_token(handler, caplog):
    handler.request = handler.server = None
    line = "GET /p?jwt=eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"
    with caplog.at_level("INFO", "django.server"):
        handler.log_message('"%s" %s %s', line, "200", 5)
    (record,) = [each for each in caplog.records if each.name == "django.server"]
    assert record.args[0].startswith("GET /p?jwt=")
    assert "eyJ" not in record.getMessage()


def test_the_environ_has_the_target(handler, monkeypatch):
    monkeypatch.setattr(
        "django.core.servers.basehttp.WSGIRequestHandler.get_environ", lambda self: {"A": "b"}
    )
    assert handler.get_environ() == {"A": "b", "REQUEST_URI": "/a%20b?jwt=x"}


def test_the_server_has_our_handler():
    server = runserver.Command.server_cls(("127.0.0.1", 0), None)
    try:
        assert server.RequestHandlerClass is runserver._Handler
    finally:
        server.server_close()
