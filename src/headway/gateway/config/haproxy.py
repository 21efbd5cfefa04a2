"""A configuration for HAProxy, which asks from Lua."""

from __future__ import annotations

import json

from headway.gateway.config.values import Values, plain
from headway.gateway.decide import OWN_HEADERS
from headway.gateway.service import ANSWER_HEADERS

__all__ = ["haproxy", "haproxy_lua"]

_FILE = """\
# HAProxy in front of "{name}", asking Headway (headway gateway serve) about each request.
# HAProxy 2.6 or newer, with Lua.  Its script: headway gateway config haproxy-lua > headway.lua
#
# What HAProxy can not do:
#  - its own log formats (httplog, %r, %HU) hold the request line as it came, token and all.
#    Here a format of its own takes their place; give them to no frontend that sees tokens.
#  - "show errors" and "show sess" on the admin socket show what was sent: keep it private.
#  - every log of something before it, and every Referer that a browser sent, is as it was.
global
    log stdout format raw local0
    lua-load-per-thread {lua}

defaults
    mode http
    log global
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    timeout tunnel 1h

frontend headway
    bind {listen}
    log-format "%ci [%trg] \\"%HM %[var(txn.headway_logged)]\\" %ST %B %[var(txn.headway_decision)]"
    # A WebSocket, and no other protocol, goes through.
    acl websocket req.fhdr(upgrade) -m str -i websocket
    http-request del-header upgrade unless websocket {{ req.fhdr_cnt(upgrade) eq 1 }}
    # A body that a refusal is about is of no use to it; nothing below is reached without an answer.
{own}    http-request lua.headway_ask
    http-request deny status 503 unless {{ var(txn.headway_target) -m found }}
    # Path and query at once: set-query would leave a bare "?" where nothing is left of it.
    http-request set-pathq %[var(txn.headway_target)]
    default_backend headway_upstream

backend headway_upstream
    server upstream {upstream}
    http-response lua.headway_answer
    # A cache goes here, behind the line above, and for what is nobody's alone:
    # http-request cache-use pages unless {{ var(txn.headway_private) -m found }}
    # http-response cache-store pages unless {{ var(txn.headway_private) -m found }}
{backend}"""

_OWN = """\
    # What the gateway answers itself (resource metadata, a client's own record): handed on whole.
    # Nothing below is asked about it; the service's own backend is last in this file.
    acl headway_own path -m str {paths}
    use_backend headway_own if headway_own
    http-request set-var(txn.headway_logged) path if headway_own
    http-request del-header referer if headway_own
    http-request set-header x-original-peer %[src] if headway_own
    http-request allow if headway_own
"""

_BACKEND = """\

backend headway_own
    server service {service}
"""

_LUA = """\
-- Asks Headway about each request: for HAProxy's lua-load-per-thread.
local SERVICE = "http://{service}/haproxy"
local SET = {set}       -- headers that replace parameters
local OWN = {own}       -- what Headway alone says
local TELL = {tell}     -- for the client's answer
local PARTS = {parts}   -- of the names of parameters
local OPEN = {open}     -- failing = "open": where nothing can be asked, what holds nothing goes on
local KEEP = {{ ["connection"] = true, ["content-length"] = true, ["host"] = true,
               ["transfer-encoding"] = true, ["x-original-method"] = true,
               ["x-original-uri"] = true, ["x-original-peer"] = true,
               ["x-original-subject"] = true, ["upgrade"] = true }}

local function first(headers, name)
    local values = headers and headers[name]
    if values == nil then return nil end
    if values[0] ~= nil then return values[0] end
    return values[1]
end

-- Who showed a certificate that was verified (bind ... ssl verify); nobody else has a subject.
local function subject_of(txn)
    local used = txn.f:ssl_c_used()  -- also where a session goes on
    if (used ~= true and used ~= 1) or txn.f:ssl_c_verify() ~= 0 then return nil end
    return txn.sf:ssl_c_s_dn()
end

local function ask(txn)
    local headers = {{}}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not KEEP[name] then
            local list = {{}}
            for _, value in pairs(values) do list[#list + 1] = value end
            headers[name] = list
        end
    end
    headers["x-original-method"] = {{ txn.sf:method() }}
    headers["x-original-uri"] = {{ txn.sf:pathq() }}
    headers["x-original-peer"] = {{ txn.sf:src() }}
    local subject = subject_of(txn)
    if subject ~= nil then headers["x-original-subject"] = {{ subject }} end
    return core.httpclient():get({{ url = SERVICE, headers = headers, timeout = 5000 }})
end

-- Whether a query holds nothing that anybody may take for a token: no name, and no name escaped.
local function plain(target)
    local query = target:match("^[^?]*%?(.*)$")
    if query == nil then return true end
    local lowered = query:lower()
    for _, part in ipairs(PARTS) do
        if lowered:find(part, 1, true) then return false end
    end
    return ("&" .. query):find("[&;][^=&;%%]*%%") == nil
end

local function clean(txn)
    for _, name in ipairs(OWN) do txn.http:req_del_header(name) end
    for name in pairs(KEEP) do
        if name:sub(1, 11) == "x-original-" then txn.http:req_del_header(name) end
    end
    txn.http:req_del_header("referer")  -- it may hold an address with a token
end

local function refuse(txn, status, answer)
    local reply = txn:reply({{ status = status }})
    if answer ~= nil then
        reply:add_header("content-type", "application/problem+json")
        for _, name in ipairs(TELL) do
            local value = first(answer.headers, name)
            if value ~= nil then reply:add_header(name, value) end
        end
        local scheme = first(answer.headers, "www-authenticate")
        if scheme ~= nil then reply:add_header("www-authenticate", scheme) end
        reply:set_body(answer.body)
    end
    txn:done(reply)
end

-- Nothing can be asked: nobody gets in, or what is harmless does, as it is.
local function down(txn)
    local target = txn.sf:pathq()
    if not OPEN or not plain(target) then return refuse(txn, 503) end
    clean(txn)
    txn:set_var("txn.headway_logged", txn.sf:path())
    txn:set_var("txn.headway_decision", "failed-open-unasked")
    txn:set_var("txn.headway_private", "1")  -- no cache keeps it
    txn:set_var("txn.headway_target", target)
end

core.register_action("headway_ask", {{ "http-req" }}, function(txn)
    local fine, answer = pcall(ask, txn)
    if not fine or answer == nil then return down(txn) end
    local target = first(answer.headers, "headway-target")
    txn:set_var("txn.headway_logged", first(answer.headers, "headway-logged") or target or "-")
    txn:set_var("txn.headway_decision", first(answer.headers, "headway-decision") or "-")
    if answer.status == 401 or answer.status == 403 then
        return refuse(txn, answer.status, answer)
    end
    if answer.status ~= 204 or target == nil then return down(txn) end
    clean(txn)
    for _, name in ipairs(SET) do
        txn.http:req_del_header(name)
        local value = first(answer.headers, "headway-set-" .. name)
        if value ~= nil then txn.http:req_add_header(name, value) end
    end
    local private = first(answer.headers, "headway-private")
    if private ~= nil then txn:set_var("txn.headway_private", private) end
    txn:set_priv(answer.headers)
    txn:set_var("txn.headway_target", target)
end, 0)

core.register_action("headway_answer", {{ "http-res" }}, function(txn)
    for _, name in ipairs(OWN) do txn.http:res_del_header(name) end
    local told = txn:get_priv()
    if told == nil then return end
    for _, name in ipairs(TELL) do
        local value = first(told, name)
        if value ~= nil and name == "cache-control" then
            txn.http:res_set_header(name, value)  -- upstream's "public" does not hold
        elseif value ~= nil then
            txn.http:res_add_header(name, value)
        end
    end
    local allow = first(told, "headway-allow")
    if allow ~= nil and txn.http:res_get_headers()["access-control-allow-origin"] ~= nil then
        txn.http:res_add_header("access-control-allow-headers", allow)
    end
end, 0)
"""


def haproxy(values: Values, *, lua: str = "/etc/haproxy/headway.lua") -> str:
    """The file; raises ConfigurationError where a value can not stand in it.

    *lua* is where the script of :func:`haproxy_lua` lies.  Source: HAProxy,
    Configuration Manual 2.6, sections 4.2 and 8.2.4.
    """
    name = plain("name", values.policy.name, "haproxy")
    path = plain("lua", lua, "haproxy")
    listed = " ".join(plain("own path", each, "haproxy") for each in values.own_paths)
    return _FILE.format(
        name=name,
        lua=path,
        listen=values.listen,
        upstream=values.upstream,
        own=_OWN.format(paths=listed) if listed else "",
        backend=_BACKEND.format(service=values.service) if listed else "",
    )


def haproxy_lua(values: Values) -> str:
    """The script that asks (HAProxy, Lua API: ``core.httpclient``)."""
    return _LUA.format(
        service=values.service,
        set=_table(values.headers),
        own=_table(OWN_HEADERS),
        tell=_table([name.lower() for name in ANSWER_HEADERS]),
        parts=_table(values.parts),
        open="true" if values.fails_open else "false",
    )


def _table(names: object) -> str:
    return json.dumps(names).replace("[", "{ ").replace("]", " }")
