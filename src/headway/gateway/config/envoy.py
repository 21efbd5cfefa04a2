"""A configuration for Envoy, which asks by ``ext_authz`` over gRPC."""

from __future__ import annotations

from headway.gateway.config.values import Values, plain
from headway.gateway.decide import OWN_HEADERS

__all__ = ["envoy"]

_FILE = """\
# Envoy in front of "{name}", asking Headway (headway gateway serve --grpc-port) about each request.
# Envoy 1.40.
#
# What Envoy can not do:
#  - the log below has what Headway said of the target; formats with %REQ(:PATH)%, traces and
#    logs at level debug hold the request as it came, token and all, wherever it was refused.
#  - every log of something before it, and every Referer that a browser sent, is as it was.
static_resources:
  listeners:
  - name: headway
    address: {{ socket_address: {{ address: "{listen_host}", port_value: {listen_port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: headway
          # The path goes upstream as it came: what was decided on is what is sent.
          normalize_path: false
          merge_slashes: false
          path_with_escaped_slashes_action: KEEP_UNCHANGED
          upgrade_configs: [{{ upgrade_type: websocket }}]  # and no other protocol
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: "{access_log}"
              log_format:
                text_format_source:
                  inline_string: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% [%START_TIME%] \\"%REQ(:METHOD)% %DYNAMIC_METADATA(envoy.filters.http.ext_authz:logged)%\\" %RESPONSE_CODE%{marked}\\n"
          route_config:
            response_headers_to_remove: {own}
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
{own_routes}              - match: {{ prefix: "/" }}
                route: {{ cluster: upstream }}
                request_headers_to_remove: {forged}
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
{failing}              status_on_error: {{ code: ServiceUnavailable }}
              clear_route_cache: false
              encode_raw_headers: true    # the bytes as they came; without it Headway refuses
              validate_mutations: true
              include_peer_certificate: true
              grpc_service:
                timeout: 5s
                envoy_grpc: {{ cluster_name: headway }}
{guard}          # A preflight: the header is allowed where upstream allowed the origin.
          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
{marks}                  function envoy_on_response(handle)
                    local told = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.ext_authz")
                    local allow = told and told["allow"]
                    if allow and handle:headers():get("access-control-allow-origin") then
                      handle:headers():add("access-control-allow-headers", allow)
                    end
                  end
          # A cache filter goes here, behind the question: an answer to an Authorization is not kept.
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: headway
    type: STRICT_DNS
    connect_timeout: 2s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}
    load_assignment:
      cluster_name: headway
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: "{service_host}", port_value: {service_port} }} }} }} }}] }}]
{own_cluster}  - name: upstream
    type: STRICT_DNS
    connect_timeout: 2s
    load_assignment:
      cluster_name: upstream
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: "{upstream_host}", port_value: {upstream_port} }} }} }} }}] }}]
"""  # noqa: E501 - names of Envoy's own are as long as they are

_OWN_ROUTE = """\
              # What the gateway answers itself (metadata, a client's record, tickets): handed on whole.
              - match: {{ path: "{path}" }}
                route: {{ cluster: headway_http }}
                request_headers_to_remove: {forged}
                request_headers_to_add:
                - header: {{ key: x-original-peer, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" }}
                  append_action: OVERWRITE_IF_EXISTS_OR_ADD
                typed_per_filter_config:
                  envoy.filters.http.ext_authz:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                    disabled: true
"""  # noqa: E501 - the same

_OWN_CLUSTER = """\
  - name: headway_http
    type: STRICT_DNS
    connect_timeout: 2s
    load_assignment:
      cluster_name: headway_http
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: "{host}", port_value: {port} }} }} }} }}] }}]
"""  # noqa: E501 - the same

_CLOSED = """\
              failure_mode_allow: false   # a service that is down lets nobody in: 503
"""

_OPEN = """\
              # failing = "open": what can hold no token goes on where nothing can be asked; the
              # filter below stops the rest.  Counted as ext_authz.failure_mode_allowed, and the
              # line in the log ends in "failed-open=true".
              failure_mode_allow: true
              failure_mode_allow_header_add: true
"""

_GUARD = """\
          - name: envoy.filters.http.rbac
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
              rules:
                action: DENY
                policies:
                  "nobody-looked-into-it":
                    permissions:
                    - and_rules:
                        rules:
                        - header: {{ name: "{mark}", present_match: true }}
                        - header:
                            name: ":path"
                            string_match: {{ safe_regex: {{ regex: '(?i){suspect}.*' }} }}
                    principals: [{{ any: true }}]
"""
_MARK = "x-envoy-auth-failure-mode-allowed"
_MARKED = " %PATH(NQ:PATH)% failed-open=%DYNAMIC_METADATA(headway:failed_open)%"
_MARKS = f"""\
                  function envoy_on_request(handle)
                    if handle:headers():get("{_MARK}") then
                      handle:streamInfo():dynamicMetadata():set("headway", "failed_open", "true")
                    end
                  end
"""


def envoy(values: Values, *, access_log: str = "/dev/stdout") -> str:
    """The file; raises ConfigurationError where a value can not stand in it.

    *values.service* is where the gRPC service listens, *values.http_service* the
    other door of the same one.  Source: Envoy,
    ``envoy.extensions.filters.http.ext_authz.v3``.
    """
    parts: dict[str, str] = {}
    for field in ("listen", "service", "upstream"):
        host, port = _parted(getattr(values, field))
        parts |= {f"{field}_host": host, f"{field}_port": port}
    forged = ["x-original-uri", "x-original-method", "x-original-peer"]
    forged += ["x-original-subject", "x-envoy-original-path"]
    cleaned = _list((*OWN_HEADERS, *forged, _MARK, "referer"))
    opens, paths = values.fails_open, [plain("own path", p, "envoy") for p in values.own_paths]
    host, port = _parted(values.http_service)
    return _FILE.format(
        name=plain("name", values.policy.name, "envoy"),
        access_log=plain("access log", access_log, "envoy"),
        own=_list(OWN_HEADERS),
        forged=cleaned,
        own_routes="".join(_OWN_ROUTE.format(path=path, forged=cleaned) for path in paths),
        own_cluster=_OWN_CLUSTER.format(host=host, port=port) if paths else "",
        failing=_OPEN if opens else _CLOSED,
        guard=_GUARD.format(mark=_MARK, suspect=values.suspect) if opens else "",
        marked=_MARKED if opens else "",
        marks=_MARKS if opens else "",
        **parts,
    )


def _parted(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port


def _list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
