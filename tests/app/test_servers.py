from __future__ import annotations

import importlib
import sys
import threading
import types
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from headway.app import servers
from headway.app.raw_target import RawTargetHandler
from headway.app.servers import SERVERS, serving, watch


def application(environ, start):
    return []


@pytest.fixture
def bound():
    """Makes servers of the standard library, which listen and serve nobody."""
    made = []

    def bound(app=application, handler=WSGIRequestHandler):
        made.append(make_server("127.0.0.1", 0, app, handler_class=handler))
        return made[-1]

    yield bound
    for server in made:
        server.server_close()
    made.clear()


WSGIREF = {"wsgiref.simple_server": sys.modules["wsgiref.simple_server"]}


def module(name, kind):
    return {name: types.SimpleNamespace(**{kind.__name__: kind})}


class BaseWSGIServer:
    """Werkzeug's, by its name."""


@pytest.mark.parametrize("server", [each for each in SERVERS if not each.kind], ids=str)
def test_a_server_that_is_loaded_runs(server):
    assert serving({server.module: None}) == server


def test_what_gives_the_raw_target_wins():
    assert serving({"granian": None, "gunicorn": None}).name == "gunicorn"
    assert serving({"gevent.pywsgi": None, "gunicorn": None}).name == "gunicorn"
    assert serving({}) is None


def test_what_others_load_counts_while_it_serves(bound):
    assert serving(WSGIREF) is None
    bound()
    assert serving(WSGIREF).name == "wsgiref"
    flask = module("werkzeug.serving", BaseWSGIServer)
    assert serving(flask) is None
    running = BaseWSGIServer()
    assert serving(flask).name == "Werkzeug"
    del running


def test_a_handler_that_gives_the_raw_target_mends_it(bound):
    class Mine(RawTargetHandler):
        pass

    bound(handler=Mine)
    assert serving(WSGIREF) is None


def test_the_page_of_prometheus_is_no_app(bound):
    def page(environ, start):
        return []

    page.__module__ = "prometheus_client.exposition"
    bound(page)
    assert serving(WSGIREF) is None


class Loaded(dict):
    def __init__(self):
        self.before = set(threading.enumerate())


@pytest.fixture
def watched(monkeypatch):
    """What is loaded, by and by."""
    loaded = Loaded()
    monkeypatch.setattr(servers, "serving", lambda: serving(loaded))
    monkeypatch.setattr(servers, "_watching", threading.Event())
    monkeypatch.setattr(servers, "LOOKS", (0.01,) * 3)
    return loaded


def looking(watched):
    """Threads that look since then; those of other tests may still look."""
    named = {each for each in threading.enumerate() if each.name == "headway-server"}
    return named - watched.before


def wait(watched):
    for thread in looking(watched):
        thread.join(30)


def test_a_server_is_named_as_soon_as_it_runs(watched, caplog, monkeypatch):
    monkeypatch.setattr(servers, "LOOKS", (0.01, 30.0))
    watched["bjoern"] = None
    watch()
    assert "bjoern gives WSGI applications no raw request target" in caplog.text
    assert "serve the app by gunicorn or uWSGI" in caplog.text
    assert caplog.records[0].levelname == "CRITICAL"


def test_a_server_that_begins_later_is_named_then(watched, caplog, monkeypatch):
    looked = threading.Event()

    def late():
        if looked.is_set():
            watched["granian"] = None
        looked.set()
        return serving(watched)

    monkeypatch.setattr(servers, "serving", late)
    watch()
    wait(watched)
    assert caplog.text.count("granian gives WSGI applications no raw") == 1


def test_of_a_server_that_gives_it_nothing_is_said(watched, caplog):
    watched["waitress.server"] = None
    watch()
    assert not looking(watched)
    assert caplog.text == ""


def test_one_look_for_all_apps_of_a_process_which_ends(watched, caplog):
    watch()
    watch()
    assert len(looking(watched)) <= 1
    wait(watched)
    assert not looking(watched)
    assert caplog.text == ""


def test_the_kinds_are_classes_of_their_modules():
    for server in SERVERS:
        if server.kind:
            there = importlib.import_module(server.module)
            assert isinstance(getattr(there, server.kind), type)


def test_what_gives_the_raw_target_stands_first():
    assert [each.raw for each in SERVERS] == sorted((each.raw for each in SERVERS), reverse=True)
