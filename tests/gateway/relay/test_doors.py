"""Who is let through, and to where: every attempt to get elsewhere by the relay, by its name."""

from __future__ import annotations

import base64

import pytest

from headway.errors import ConfigurationError
from headway.gateway.decision import Ask
from headway.gateway.relay.doors import BaseUrl, Inside, Place, Proxy
from headway.gateway.relay.refusals import Turned
from headway.gateway.relay.sites import Site, read_site

SITE = read_site("https://site.example")
HERE = read_site("http://127.0.0.1:2990")
SHORT = read_site("https://localhost:8443")
SIX = read_site("https://[::1]:8443")
PASSWORD = "a password of more than sixteen"


def ask(target: str, *headers: tuple[str, str], method: str = "GET") -> Ask:
    return Ask(method=method, target=target, headers=headers)


def proxy(password: str = "") -> Proxy:
    return Proxy([SITE, HERE, SIX], password)


# ---- as a proxy -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "host", "site", "rest"),
    [
        ("http://127.0.0.1:2990/a?b=%2F&jwt=T", "127.0.0.1:2990", HERE, "/a?b=%2F&jwt=T"),
        ("HTTP://127.0.0.1:2990", "127.0.0.1:2990", HERE, "/"),
        ("http://127.0.0.1:2990?jwt=T", "127.0.0.1:2990", HERE, "/?jwt=T"),
        ("https://SITE.example/a//b/../c", "site.example:443", SITE, "/a//b/../c"),
        ("https://site.example:443/", "Site.Example", SITE, "/"),
        ("https://[::1]:8443/", "[::1]:8443", SIX, "/"),
    ],
)
def test_a_whole_address(target: str, host: str, site: Site, rest: str) -> None:
    assert proxy().place(ask(target, ("host", host))) == Place(site, rest)


OPEN_PROXY = {
    "foreign host": ("https://evil.example/", "evil.example", "site-not-named"),
    "foreign host in plain": ("http://evil.example/", "evil.example", "site-not-named"),
    "below a named one": ("https://a.site.example/", "a.site.example", "site-not-named"),
    "with a dot at the end": ("https://site.example./", "site.example.", "site-not-named"),
    "other port": ("https://site.example:8443/", "site.example:8443", "site-not-named"),
    "the same in plain": ("http://site.example/", "site.example", "site-not-named"),
    "the same port in plain": ("http://site.example:443/", "site.example:443", "site-not-named"),
    "other scheme": ("https://127.0.0.1:2990/", "127.0.0.1:2990", "site-not-named"),
    "its address": ("https://192.0.2.1/", "192.0.2.1", "site-not-named"),
    "this machine": ("http://localhost:2990/", "localhost:2990", "site-not-named"),
    "another form of the address": ("http://2130706433:2990/", "2130706433:2990", "site-not-named"),
    "short form of the address": ("http://127.1:2990/", "127.1:2990", "site-not-named"),
    "mapped address": (
        "http://[::ffff:127.0.0.1]:2990/", "[::ffff:127.0.0.1]:2990", "site-not-named"
    ),
    "user": ("https://ann@site.example/", "site.example", "target-malformed"),
    "user that looks like the site": (
        "https://site.example@evil.example/", "site.example", "target-malformed"
    ),
    "password": ("https://ann:x@site.example/", "site.example", "target-malformed"),
    "backslash": ("https://site.example\\@evil.example/", "site.example", "target-malformed"),
    "encoded name": ("https://site%2eexample/", "site.example", "target-malformed"),
    "fragment": ("https://site.example/#@evil.example", "site.example", "target-malformed"),
    "no name": ("https:///etc/passwd", "site.example", "target-malformed"),
    "no port": ("https://site.example:/", "site.example", "target-malformed"),
    "other protocol": ("ftp://site.example/", "site.example", "target-malformed"),
    "path alone": ("/a", "site.example", "form-unknown"),
    "two slashes": ("//site.example/a", "site.example", "form-unknown"),
    "star": ("*", "site.example", "form-unknown"),
    "Host of another": ("https://site.example/", "evil.example", "name-mismatch"),
    "Host of another port": ("https://site.example/", "site.example:80", "name-mismatch"),
    "Host with a user": ("https://site.example/", "a@site.example", "name-mismatch"),
    "empty Host": ("https://site.example/", "", "name-mismatch"),
}  # fmt: skip


@pytest.mark.parametrize("attempt", OPEN_PROXY)
def test_t17_it_is_no_open_proxy(attempt: str) -> None:
    target, host, why = OPEN_PROXY[attempt]
    with pytest.raises(Turned) as told:
        proxy().place(ask(target, ("host", host)))
    assert told.value.id == why


def test_no_host_or_two_hosts() -> None:
    for hosts in ((), (("host", "site.example"), ("host", "site.example"))):
        with pytest.raises(Turned, match="name-mismatch"):
            proxy().place(ask("https://site.example/", *hosts))


@pytest.mark.parametrize("method", ["TRACE", "trace", "TRACK"])
def test_methods_that_send_credentials_back(method: str) -> None:
    for door in (proxy(), Inside(SITE, "site.example"), BaseUrl(SITE, 9)):
        with pytest.raises(Turned, match="method-refused"):
            door.place(ask("https://site.example/", ("host", "site.example"), method=method))


def test_connect() -> None:
    door = proxy()
    assert door.connect(ask("Site.example:443")) == ("site.example", 443)
    assert door.connect(ask("[::1]:8443", ("host", "[::1]:8443"))) == ("::1", 8443)
    assert door.connect(ask("site.example:443", ("host", "site.example"))) == ("site.example", 443)


@pytest.mark.parametrize(
    ("target", "hosts", "why"),
    [
        ("site.example", (), "target-malformed"),
        ("https://site.example:443", (), "target-malformed"),
        ("ann@site.example:443", (), "target-malformed"),
        ("/a", (), "target-malformed"),
        ("site.example:443", ("evil.example:443",), "name-mismatch"),
        ("site.example:443", ("site.example:80",), "name-mismatch"),
        ("site.example:443", ("site.example:443", "site.example:443"), "name-mismatch"),
    ],
)
def test_a_connect_that_is_none(target: str, hosts: tuple[str, ...], why: str) -> None:
    with pytest.raises(Turned, match=why):
        proxy().connect(ask(target, *(("host", each) for each in hosts)))


def test_a_port_speaks_tls_or_does_not() -> None:
    with pytest.raises(ConfigurationError, match="one name and port"):
        Proxy([read_site("https://localhost:8443"), read_site("http://localhost:8443")])
    assert len(Proxy([SITE, SITE]).sites) == 1


# ---- the password ---------------------------------------------------------------------------


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_the_password_is_asked_for() -> None:
    door = proxy(PASSWORD)
    door.admit(ask("/", ("proxy-authorization", basic("relay", PASSWORD))))
    door.admit(ask("/", ("proxy-authorization", basic("", PASSWORD).replace("Basic", "bAsIc"))))
    proxy().admit(ask("/"))


@pytest.mark.parametrize(
    "sent",
    [
        [], ["Basic"], ["Basic !!"], ["Basic \xe4"], ["Basic YQ"],
        [basic("relay", "")], [basic("relay", PASSWORD + "x")],
        [basic(PASSWORD, "")], [basic("relay", PASSWORD).replace("Basic", "Bearer")],
        [basic("relay", PASSWORD)] * 2,
    ],
)  # fmt: skip
def test_who_does_not_know_the_password(sent: list[str]) -> None:
    with pytest.raises(Turned, match="password-required"):
        proxy(PASSWORD).admit(ask("/", *(("proxy-authorization", each) for each in sent)))
    with pytest.raises(Turned, match="password-required"):
        proxy(PASSWORD).admit(ask("/", ("authorization", basic("relay", PASSWORD))))


# ---- in a tunnel ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "target", "host", "rest"),
    [
        (Inside(SITE, "site.example"), "/a?jwt=T", "site.example", "/a?jwt=T"),
        (Inside(SITE, "site.example"), "/", "site.example:443", "/"),
        (Inside(SITE, "site.example"), "https://site.example?a", "site.example", "/?a"),
        (Inside(SIX, None), "/", "[::1]:8443", "/"),
        (Inside(HERE, None), "/", "127.0.0.1:2990", "/"),
        (Inside(SHORT, None), "/", "localhost:8443", "/"),
        (Inside(SHORT, "localhost"), "/", "localhost:8443", "/"),
    ],
)
def test_inside_of_a_tunnel(door: Inside, target: str, host: str, rest: str) -> None:
    assert door.place(ask(target, ("host", host))) == Place(door.site, rest)


@pytest.mark.parametrize(
    ("door", "target", "host", "why"),
    [
        (Inside(SITE, None), "/", "site.example", "name-mismatch"),
        (Inside(SITE, "evil.example"), "/", "site.example", "name-mismatch"),
        (Inside(SITE, "evil.example"), "/", "evil.example", "name-mismatch"),
        (Inside(SIX, "site.example"), "/", "[::1]:8443", "name-mismatch"),
        (Inside(SHORT, "site.example"), "/", "localhost:8443", "name-mismatch"),
        (Inside(SITE, "site.example"), "/", "evil.example", "name-mismatch"),
        (Inside(SITE, "site.example"), "/", "site.example:8443", "name-mismatch"),
        (Inside(SITE, "site.example"), "https://evil.example/", "site.example", "name-mismatch"),
        (Inside(SITE, "site.example"), "http://site.example/", "site.example", "name-mismatch"),
        (Inside(SITE, "site.example"), "//evil.example/", "site.example", None),
        (Inside(SITE, "site.example"), "*", "site.example", "target-malformed"),
        (Inside(SITE, "site.example"), "/#a", "site.example", "target-malformed"),
        (Inside(SITE, "site.example"), "evil.example:443", "site.example", "target-malformed"),
    ],
)
def test_t17_connect_handshake_and_host_name_one_site(
    door: Inside, target: str, host: str, why: str | None
) -> None:
    if why is None:  # a path that begins with two slashes is a path
        assert door.place(ask(target, ("host", host))) == Place(SITE, target)
        return
    with pytest.raises(Turned, match=why):
        door.place(ask(target, ("host", host)))


# ---- as a base URL --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8509", "localhost:8509", "[::1]:8509"])
def test_a_base_url(host: str) -> None:
    door = BaseUrl(SITE, 8509)
    assert door.url == "http://127.0.0.1:8509"
    assert door.place(ask("/a?jwt=T", ("host", host))) == Place(SITE, "/a?jwt=T")


@pytest.mark.parametrize(
    ("target", "hosts", "why"),
    [
        ("/", ("evil.example:8509",), "name-mismatch"),  # a name that was pointed to this machine
        ("/", ("127.0.0.1",), "name-mismatch"),
        ("/", ("127.0.0.1:8510",), "name-mismatch"),
        ("/", ("site.example",), "name-mismatch"),
        ("/", (), "name-mismatch"),
        ("/", ("127.0.0.1:8509",) * 2, "name-mismatch"),
        ("https://evil.example/", ("evil.example",), "target-malformed"),
        ("evil.example:443", ("evil.example:443",), "form-unknown"),
        ("*", ("127.0.0.1:8509",), "form-unknown"),
    ],
)
def test_a_base_url_leads_to_its_site_alone(target: str, hosts: tuple[str, ...], why: str) -> None:
    with pytest.raises(Turned, match=why):
        BaseUrl(SITE, 8509).place(ask(target, *(("host", each) for each in hosts)))


# ---- pages ----------------------------------------------------------------------------------

PAGES = [
    ("origin", "https://evil.example"), ("origin", "null"), ("origin", "http://127.0.0.1:8509"),
    ("origin", ""), ("origin", "http://site.example"), ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"), ("sec-fetch-site", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), PAGES)
def test_a_page_of_another_site_reaches_nothing(name: str, value: str) -> None:
    page = (name, value)
    with pytest.raises(Turned, match="page-refused"):
        BaseUrl(SITE, 8509).place(ask("/", ("host", "127.0.0.1:8509"), page))
    with pytest.raises(Turned, match="page-refused"):
        proxy().place(ask("https://site.example/", ("host", "site.example"), page))
    with pytest.raises(Turned, match="page-refused"):
        Inside(SITE, "site.example").place(ask("/", ("host", "site.example"), page))
    with pytest.raises(Turned, match="page-refused"):
        proxy().connect(ask("site.example:443", page))


def test_a_program_may_say_that_the_site_itself_asks() -> None:
    """Some WebSocket clients do; at a base URL nobody can."""
    own = (("host", "site.example"), ("origin", "https://site.example"))
    assert Inside(SITE, "site.example").place(ask("/", *own)).site == SITE
    assert proxy().place(ask("https://site.example/", *own)).site == SITE
    with pytest.raises(Turned, match="page-refused"):
        BaseUrl(SITE, 8509).place(
            ask("/", ("host", "127.0.0.1:8509"), ("origin", "https://site.example"))
        )
    typed = ("sec-fetch-site", "none")
    assert BaseUrl(SITE, 8509).place(ask("/", ("host", "127.0.0.1:8509"), typed)).site == SITE
