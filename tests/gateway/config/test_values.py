from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proxied import POLICY

from headway.errors import ConfigurationError
from headway.gateway.config.caddy import caddy
from headway.gateway.config.envoy import envoy
from headway.gateway.config.haproxy import haproxy, haproxy_lua
from headway.gateway.config.nginx import nginx
from headway.gateway.config.traefik import traefik
from headway.gateway.config.values import INTERPOLATION, Values, plain
from headway.gateway.parameters import sieve
from headway.gateway.policy_file import read_policy

GOOD = {
    "policy": read_policy(POLICY),
    "listen": "127.0.0.1:80",
    "upstream": "up.test:9000",
    "service": "[::1]:8500",
}


def test_each_header_stands_once() -> None:
    assert Values(**GOOD).headers == ("authorization", "x-api-key")


@pytest.mark.parametrize(
    "wrong",
    [
        {"listen": "127.0.0.1"}, {"upstream": "up.test:0"}, {"upstream": "up.test:65536"},
        {"upstream": "$host:80"}, {"service": "a;b:80"}, {"service": "a b:80"},
        {"server_name": "a;"}, {"server_name": "$host"},
    ],
    ids=str,
)  # fmt: skip
def test_t33_an_address_is_nothing_else(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Values(**{**GOOD, **wrong})


def test_t33_a_header_with_a_sign_is_refused() -> None:
    policy = GOOD["policy"]
    odd = msgspec.structs.replace(policy.locations[0], header="x-$host")
    with pytest.raises(ConfigurationError, match="header: "):
        Values(**{**GOOD, "policy": msgspec.structs.replace(policy, locations=(odd,))})


@pytest.mark.parametrize("proxy", INTERPOLATION)
def test_t33_what_a_proxy_reads_as_more_than_itself_is_refused(proxy: str) -> None:
    for sign in INTERPOLATION[proxy]:
        with pytest.raises(ConfigurationError, match="name: "):
            plain("name", f"a{sign}b", proxy)
    for sign in "\"'\\;#\n\x00é":
        with pytest.raises(ConfigurationError, match="name: "):
            plain("name", f"a{sign}b", proxy)
    assert plain("name", "orders, 2 (new)", proxy)


def test_own_paths_go_by_the_policy_and_none_is_looked_into() -> None:
    more = (
        b'[metadata]\nresource = "https://api.test/v2"\n[usage]\nown_path = "/usage"\n'
        b'[verify]\nby = "connect"\nstore = "s.db"\nclient_key = "k"\n'
    )
    bare = b'name = "a"\n[[location]]\nname = "t"\nparameters = ["t"]\n'
    addresses = {"listen": "h:1", "upstream": "h:2", "service": "h:3"}
    both = Values(policy=read_policy(bare + more), **addresses)
    assert both.own_paths == ("/.well-known/oauth-protected-resource/v2", "/usage")
    observes = Values(policy=read_policy(b'mode = "observe"\n' + bare + more), **addresses)
    assert observes.own_paths == ("/usage",)
    none = Values(policy=read_policy(bare), **addresses)
    strange = read_policy(bare + b'[metadata]\nresource = "https://api.test/a;b"\n')
    refusing = b'[[location]]\nname = "t"\nparameters = ["t"]\noff_means = "refuse"\n'
    own = b'[metadata]\nresource = "https://api.test/v2"\n'
    routed = traefik(Values(policy=read_policy(b'name = "a"\n' + refusing + own), **addresses))
    assert "Path(`/.well-known/oauth-protected-resource/v2`)" in routed
    for printed in (nginx, haproxy, caddy, envoy):
        assert "handed on whole" in printed(both)
        assert "handed on whole" not in printed(none)
        with pytest.raises(ConfigurationError, match="own path"):
            printed(Values(policy=strange, **addresses))


pieces = st.sampled_from(
    ["jwt", "JWT", "a", "=", "&", ";", "%", "%6a", "?", "/", "[", "api", "API", "key", ".", "x"]
)


@settings(max_examples=400)
@given(st.lists(pieces, max_size=9).map("".join))
def test_a_target_is_suspect_wherever_the_service_looks_closer(rest: str) -> None:
    values = Values(**GOOD)
    path, _, query = (target := f"/{rest}").partition("?")
    holds = sieve({name for each in values.policy.locations for name in each.names})
    assert values.parts == ("api", "jwt")
    suspect = re.search(values.suspect, target, re.IGNORECASE) is not None
    assert suspect or not holds(query), path


def test_a_file_fails_open_only_where_the_policy_says_so() -> None:
    closed, addresses = Values(**GOOD), {k: v for k, v in GOOD.items() if k != "policy"}
    opened = Values(policy=read_policy(b'failing = "open"\n' + POLICY.lstrip()), **addresses)
    for printed in (nginx, caddy, envoy):
        assert 'failing = "open"' not in printed(closed)
        assert 'failing = "open"' in printed(opened)
    assert "local OPEN = false" in haproxy_lua(closed)
    assert "local OPEN = true" in haproxy_lua(opened)
    assert "failure_mode_allow: false" in envoy(closed)
