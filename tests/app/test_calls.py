from __future__ import annotations

import gzip
import zlib

import httpx
import msgspec
import pytest

from app.sites import NOW, Hours
from headway.app import calls
from headway.app.asks import Next, Opened, Send, Wait
from headway.app.calls import Retries, call, outgoing, pause, read, seconds_to_wait
from headway.app.failures import (
    AnswerUnusable,
    CallFailed,
    HostUnreachable,
    NotFound,
    TooManyRequests,
)

URL = httpx.URL("https://x.atlassian.net/rest/api/3/myself")


def out(method="GET", **options):
    return outgoing(method, URL, options)


class Play:
    """Drives the steps of one call: each of *answers* is an answer, or None for nobody."""

    def __init__(self, *answers, retries=None, answer_max=1 << 20):
        self.hours = Hours()
        self.answers = list(answers)
        self.sent = []
        self.signed = 0
        self._retries = retries or Retries()
        self._max = answer_max

    def sign(self, request):
        self.signed += 1
        request.headers["Authorization"] = f"JWT {self.signed}"
        return
        yield

    def __call__(self, going):
        steps = call(going, self.sign, self._retries, self.hours.timing, self._max)
        ask, chunks = next(steps), iter(())
        try:
            while True:
                if isinstance(ask, Send):
                    self.sent.append(ask.request)
                    answer = self.answers.pop(0)
                    if answer is None:
                        ask = steps.throw(HostUnreachable("nobody"))
                        continue
                    chunks = iter([answer.content] if answer.content else [])
                    ask = steps.send(Opened(answer, None))
                elif isinstance(ask, Next):
                    ask = steps.send(next(chunks, None))
                else:
                    assert isinstance(ask, Wait)
                    self.hours.wait(ask.seconds)
                    ask = steps.send(None)
        except StopIteration as end:
            return end.value


def answer(status=200, content=b"{}", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, content=content)


# ---- what is sent ---------------------------------------------------------------------------


def test_params_are_added_to_the_query_and_not_put_in_its_place():
    made = outgoing("GET", URL.copy_with(query=b"expand=groups"), {"params": {"a": "b c"}})
    assert made.url.query == b"expand=groups&a=b%20c" or made.url.query == b"expand=groups&a=b+c"
    assert outgoing("GET", URL, {"params": None}).url == URL


def test_a_form_is_only_sent_where_that_is_said():
    with pytest.raises(TypeError, match="data= would be a form: say json="):
        out("POST", data={"a": 1})
    said = out("POST", form={"a": "1"}).request()
    assert said.headers["content-type"] == "application/x-www-form-urlencoded"
    assert said.read() == b"a=1"


def test_json_and_multipart():
    assert out("POST", json={"a": 1}).request().headers["content-type"] == "application/json"
    made = out("POST", files={"file": ("a.txt", b"x")}, fields={"comment": "hi"}).request()
    assert made.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="comment"\r\n\r\nhi' in made.read()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"josn": {}}, "josn= is no option"),
        ({"json": {}, "content": b""}, "two bodies"),
        ({"fields": {}}, "beside files="),
        ({"auth": ("a", "b")}, "auth= is no option"),
        ({"follow_redirects": True}, "no option"),
    ],
)
def test_options_that_there_are_not(options, message):
    with pytest.raises(TypeError, match=message):
        outgoing("POST", URL, options)


@pytest.mark.parametrize("name", ["Authorization", "HOST", "Proxy-Authorization"])
def test_headers_that_are_the_clients_own(name):
    with pytest.raises(ValueError, match="writes itself"):
        out(headers={name: "x"})


def test_headers_of_the_caller_take_the_place_of_the_usual_ones():
    made = outgoing("GET", URL, {"headers": {"accept": "text/csv"}}, {"Accept": "application/json"})
    assert made.request().headers["accept"] == "text/csv"
    assert repr(made) == "<GET /rest/api/3/myself>"


def test_time_outs_are_there_unless_said_otherwise():
    assert out().request().extensions["timeout"] == {
        **dict.fromkeys(("read", "write", "pool"), 30.0),
        "connect": 5.0,
    }
    assert out(timeout=7).request().extensions["timeout"]["read"] == 7
    none = out(timeout=httpx.Timeout(None))
    assert none.request(9.0).extensions["timeout"]["read"] == 9.0
    assert none.patience(60.0) == 60.0
    assert out(timeout=90).patience(60.0) == 90
    assert out("POST", content=iter([b"x"])).patience(60.0) == float("inf")


@pytest.mark.parametrize(
    ("method", "options", "again"),
    [
        ("GET", {}, True),
        ("put", {"json": {}}, True),
        ("DELETE", {}, True),
        ("POST", {"json": {}}, False),
        ("PATCH", {"json": {}}, False),
        ("POST", {"json": {}, "retry": True}, True),
        ("GET", {"retry": False}, False),
        ("PUT", {"content": iter([b"x"])}, False),
        ("PUT", {"files": {"file": b"x"}, "retry": True}, False),
    ],
)
def test_what_may_be_sent_again(method, options, again):
    assert outgoing(method, URL, options).again is again


def test_the_next_page_is_the_same_call_with_another_parameter():
    made = out(params={"startAt": 0, "a": 1}).with_params(startAt=50)
    assert made.url.params["startAt"] == "50"
    assert made.url.params["a"] == "1"
    posted = out("POST", json={"jql": "a"}).with_json(nextPageToken="t")
    assert posted.body == {"json": {"jql": "a", "nextPageToken": "t"}}


# ---- again ----------------------------------------------------------------------------------


def test_what_passes_is_tried_again_with_a_new_token():
    play = Play(answer(503), answer(429), None, answer(200, b'{"a":1}'))
    assert play(out()).json() == {"a": 1}
    assert [r.headers["authorization"] for r in play.sent] == ["JWT 1", "JWT 2", "JWT 3", "JWT 4"]
    assert play.hours.waited == [0.5, 1.0, 2.0]


def test_the_number_of_attempts_is_bounded():
    play = Play(*[answer(503)] * 9)
    with pytest.raises(Exception, match="status 503"):
        play(out())
    assert len(play.sent) == 4
    nobody = Play(*[None] * 9)
    with pytest.raises(HostUnreachable, match="nobody"):
        nobody(out())
    assert len(nobody.sent) == 4


def test_the_host_says_how_long():
    play = Play(answer(429, Retry_After="20"), answer())
    play(out())
    assert play.hours.waited == [20.5]  # and a little, so that not all come at once
    play = Play(answer(503, Retry_After="Tue, 14 Nov 2023 22:30:25 GMT"), answer())
    assert play.hours.timing.clock() == NOW + 1000
    play(out())
    assert play.hours.waited == [25.5]


def test_a_wait_that_does_not_fit_is_not_begun():
    play = Play(answer(429, b'{"message":"slow down"}', Retry_After="3600"))
    with pytest.raises(TooManyRequests) as caught:
        play(out())
    assert caught.value.retry_after == 3600
    assert play.hours.waited == []


def test_what_is_not_idempotent_is_sent_once():
    for first in (None, answer(503), answer(429)):
        play = Play(first, answer())
        with pytest.raises(CallFailed):
            play(out("POST", json={}))
        assert len(play.sent) == 1
    told = Play(None, answer())
    assert told(out("POST", json={}, retry=True)).status_code == 200


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_what_will_not_pass_is_not_tried_again(status):
    play = Play(answer(status))
    with pytest.raises(Exception, match=f"status {status}"):
        play(out())
    assert len(play.sent) == 1


def test_an_unchecked_answer_is_returned_as_it_is():
    assert Play(answer(404))(out(check=False)).status_code == 404
    assert Play(answer(302, b"", Location="/x"))(out()).status_code == 302
    with pytest.raises(NotFound):
        Play(answer(404))(out())


def test_numbers_that_can_not_be():
    for wrong in ({"attempts": 0}, {"total": 0}, {"first": -1}, {"first": 9, "longest": 1}):
        with pytest.raises(ValueError, match="retries"):
            Retries(**wrong)


def test_an_answer_that_never_ends_is_given_up():
    hours = Hours()
    steps = read(Opened(answer(), None), 1000, hours.now + 5, lambda: hours.now)
    next(steps)
    hours.now += 6
    with pytest.raises(HostUnreachable, match="in time"):
        steps.send(b"x")


# ---- reading --------------------------------------------------------------------------------


def reading(*chunks, limit=1000, **headers):
    opened = Opened(httpx.Response(200, headers=headers), None)
    steps = read(opened, limit, 1e9, lambda: 0.0)
    next(steps)
    try:
        for chunk in [*chunks, None]:
            steps.send(chunk)
    except StopIteration as end:
        return end.value
    raise AssertionError("it should have ended")


def test_what_is_packed_is_unpacked():
    data = b'{"a": "' + b"x" * 500 + b'"}'
    packed = gzip.compress(data)
    made = reading(packed[:9], packed[9:], **{"Content-Encoding": "gzip", "X-Kept": "1"})
    assert made.content == data
    assert made.headers["x-kept"] == "1"
    assert "content-encoding" not in made.headers
    assert reading(**{"Content-Encoding": "gzip"}).content == b""


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(AnswerUnusable, match="longer than 1000"):
        reading(bomb, **{"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    ("chunks", "encoding"),
    [
        ([b"no gzip"], "gzip"),
        ([gzip.compress(b"abc")[:-6]], "gzip"),
        ([zlib.compress(b"abc")], "deflate"),
        ([b"x"], "br"),
    ],
)
def test_what_can_not_be_unpacked(chunks, encoding):
    with pytest.raises(AnswerUnusable, match="encod"):
        reading(*chunks, **{"Content-Encoding": encoding})


def test_an_answer_is_bounded():
    assert len(reading(b"x" * 1000).content) == 1000
    with pytest.raises(AnswerUnusable, match="longer"):
        reading(b"x" * 500, b"x" * 501)


# ---- how long -------------------------------------------------------------------------------


def test_pauses_grow_to_their_bound_and_differ():
    retries = Retries(first=1, longest=10)
    assert [pause(n, None, retries, lambda: 1.0) for n in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    assert [pause(n, None, retries, lambda: 0.0) for n in range(1, 4)] == [0.5, 1, 2]
    assert pause(1, 30, retries, lambda: 0.0) == 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        (" 7 ", 7.0),
        ("99999999999999999999", 86_400.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("\u0663", None),
    ],
)
def test_seconds_and_dates(text, seconds):
    assert seconds_to_wait({"retry-after": text}, NOW) == seconds


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        out().method = "x"
    assert msgspec.structs.fields(calls.Outgoing)
