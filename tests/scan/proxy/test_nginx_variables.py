"""nginx's variables, for sample requests."""

from __future__ import annotations

import pytest

from headway.scan.proxy.edits import Source
from headway.scan.proxy.nginx_syntax import read_nginx
from headway.scan.proxy.nginx_variables import Variables
from headway.scan.proxy.traffic import Line, Sample, What

SAMPLE = Sample(What.QUERY, "/a/b?x=1&jwt=T", "https://r/")
DEFINED = r"""
map $request_uri $path { "~^(?<only>[^?]*)" $only; }
map $request_uri $numbered { ~*^/A/(.)\? "${1}!"; default no; }
map $args $has { "" 0; x=1&JWT=T exact; default 1; }
map $args $around { ~(?=x) $args; default y; }
map $args $constant { ~(?=x) a; default b; }
map $args $elsewhere { include other.map; default $args; }
map $status $quiet { \200 0; default 1; }
map $loop $loop { default $loop; }
set $one $request_uri;
set $two $uri;
set $two $request_uri;
auth_request_set $decided $upstream_http_x;
geo $remote_addr $country { default de; }
split_clients $remote_addr $half { 50% a; * b; }
location ~ ^/(?<part>.*)$ { set $inside $part; }
if ($args ~ (?<caught>.*)) { rewrite ^(?<whole>.*)$ /x; }
server_name ~^(?P<sub>.+)\.example$;
"""


@pytest.fixture(scope="module")
def variables() -> Variables:
    return Variables(read_nginx(Source("a", DEFINED)))


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("$request", "GET /a/b?x=1&jwt=T HTTP/1.1"), ("${request_uri}", "/a/b?x=1&jwt=T"),
        ("$uri$is_args$args", "/a/b?x=1&jwt=T"), ("$document_uri", "/a/b"),
        ("$query_string", "x=1&jwt=T"), ("[$http_referer]", "[https://r/]"),
        ("$arg_jwt", "T"), ("$arg_JWT", "T"), ("$arg_x", "x"), ("$status $ssl_cipher", "x x"),
        ("$path", "/a/b"), ("$numbered", "b!"), ("$has", "exact"), ("$constant", ""),
        ("$quiet", "1"), ("$one", "/a/b?x=1&jwt=T"), ("$decided$country$half", "xxx"), ("$1", "x"),
        ("$part", ""), ("$whole", ""), ("$sub", ""), ("plain", "plain"),
    ],
)  # fmt: skip
def test_what_is_known(variables: Variables, template: str, line: str) -> None:
    assert variables.line(template, SAMPLE) == Line(line)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$nobody_knows", ""), ("$around", "x=1&jwt=T"), ("$elsewhere", "x=1&jwt=T"),
        ("$two", "/a/b?x=1&jwt=T/a/b"), ("$caught", ""), ("$loop", ""),
        ("$http_x_original_uri", "/a/b?x=1&jwt=T"),
    ],
)  # fmt: skip
def test_what_is_unsure(variables: Variables, template: str, text: str) -> None:
    sample = SAMPLE._replace(target="/a/b?x=1&jwt=T")
    got = variables.line(template, sample)
    assert (got.text, got.sure) == (text, template == "$two")
    token = Sample(What.QUERY, f"/a?jwt={SAMPLE.token}")
    assert not variables.line(template, token).sure


def test_without_a_query() -> None:
    variables = Variables([])
    assert variables.line("$uri$is_args$args", Sample(What.REFERER, "/a")).text == "/a"
