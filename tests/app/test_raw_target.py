from __future__ import annotations

import http.client
import threading
from wsgiref.simple_server import make_server

import pytest

from app.calling import Answer
from headway.app.raw_target import RawTargetHandler
from headway.app.wsgi import Connect


@pytest.fixture
def served(make_world):
    """An app on the standard library's server, on a socket."""
    world = make_world(framework=Connect)

    @world.connect.page("P", url="/page")
    def page(request, context):
        return f"<p>{request.query}"

    server = make_server("127.0.0.1", 0, world.connect.wsgi(), handler_class=RawTargetHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def call(app, method, target, headers=None, body=b""):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        connection.request(method, target, body or None, headers or {})
        answer = connection.getresponse()
        told = [(name.lower(), value) for name, value in answer.getheaders()]
        found = Answer(answer.status, told, answer.read())
        connection.close()
        return found

    world.caller, world.app = call, True
    yield world
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_standard_librarys_server_gives_the_raw_target(served, capfd):
    served.install()
    query = "a=%C3%A9&b=x%2Fy"
    token = served.request_token("GET", "/page", query)
    answer = served.call("GET", f"/page?{query}&jwt={token}")
    assert answer.status == 200
    assert answer.text.endswith("<p>[('a', 'é'), ('b', 'x/y')]")
    assert served.call("GET", f"/page?a=2&jwt={token}").id == "qsh-mismatch"
    told = capfd.readouterr().err
    assert '"GET /page" 200' in told
    assert "eyJ" not in told
