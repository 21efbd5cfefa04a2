"""What a page in a frame carries: its headers, its first script, its shell, its refusals.

A host opens a page at an address that ends in ``jwt=...``.  The first script
drops that from the address, so that no history and no Back repeats it, and
leaves a *seal*: a hash that proves which address the host signed for whom.  A
seal is no credential.  On a reload the address carries no token, and the
answer is the *shell*: a page without data, whose script asks the host's bridge
for a context token, fetches the same address with that token in the header,
and shows what comes.  The seal holds that fetch to the address that the host
had signed; a context token alone is bound to no address.

The script runs a moment after the page's address has become an entry of the
browser's history, and a browser that writes its journal in that moment writes
the token too.  An app that wants none of that redirects (:func:`sealed_address`):
then no page ever stands at an address with a token, and each is shown by the shell.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from headway.errors import QshMismatch, QshMissing, Refusal
from headway.http.answers import page_headers, refusal_headers
from headway.model import Installation, RequestFacts
from headway.qsh import canonical_request, without_token

__all__ = [
    "CLIENT_SCRIPT",
    "SCRIPT_HASH",
    "SEAL_PARAMETER",
    "SHELL_HEADER",
    "FramedPage",
    "Headers",
    "check_seal",
    "first_script",
    "refusal_page",
    "seal",
    "sealed_address",
    "shell",
    "with_first_script",
    "with_script_allowed",
    "without_seal",
]

CLIENT_SCRIPT = "https://connect-cdn.atl-paas.net/all.js"
"""The host's client script, where its bridge begins."""

SEAL_PARAMETER = "headway-seal"
SHELL_HEADER = "headway-shell"
"""What only the shell's own fetch sends: no navigation and no foreign page can add a header."""

HEAD_BYTES_MAX = 16_384
"""How much of a page is looked at for its doctype."""

_SEAL_LABEL = b"headway page seal v1"

# Byte for byte: what stays in the address is what was signed and what the seal is for.
_FIRST_SCRIPT = """\
(function () {
  "use strict";
  var seal = document.currentScript.getAttribute("data-seal");
  var parts = location.search.slice(1).split("&");
  var kept = parts.filter(function (part) {
    return part !== "" && part !== "jwt" && part.indexOf("jwt=") !== 0 &&
      part.indexOf("headway-seal=") !== 0;
  });
  if (seal) kept.push("headway-seal=" + seal);
  var query = kept.length ? "?" + kept.join("&") : "";
  if (query !== location.search) {
    history.replaceState(history.state, "", location.pathname + query + location.hash);
  }
})();
"""

_SHELL_SCRIPT = """\
(function () {
  "use strict";
  function say(text) { document.getElementById("say").textContent = text; }
  if (!window.AP || !AP.context || !AP.context.getToken) {
    say("Open this page from your site: it can not be shown by itself.");
    return;
  }
  AP.context.getToken(function (token) {
    if (!token) {
      say("Your site gave no token. Reload the page of your site around this one.");
      return;
    }
    fetch(location.href, {
      headers: {Accept: "text/html", Authorization: "JWT " + token, "Headway-Shell": "1"},
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer"
    }).then(function (answer) {
      if (!answer.ok || answer.headers.get("Headway-Page") !== "1") throw new Error();
      return answer.text();
    }).then(function (text) {
      document.open();
      document.write(text);
      document.close();
    }).catch(function () {
      say("This page can not be shown again. Reload the page of your site around it.");
    });
  });
})();
"""

_STYLE = "body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#172b4d}code{color:#626f86}"


def _source_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


SCRIPT_HASH = _source_hash(_FIRST_SCRIPT)
"""The first script as a Content-Security-Policy names it."""


# ---- the seal -------------------------------------------------------------------------------


def seal(facts: RequestFacts, installation: Installation, account_id: str | None) -> str:
    """What proves later that the host signed this address for *account_id*.

    192 bits of HMAC-SHA-256 under the installation's secret.

    >>> from headway.model import Product, Secret
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("0123456789abcdef"))
    >>> len(seal(RequestFacts(method="GET", raw_path="/panel"), site, None))
    32
    """
    return _seals(facts, installation, account_id, 0)[0]


def _seals(
    facts: RequestFacts, installation: Installation, account_id: str | None, now: float
) -> list[str]:
    query = without_seal(without_token(facts.raw_query))
    address = canonical_request("GET", facts.raw_path, query, facts.base_path)
    parts = [_SEAL_LABEL, installation.app_key.encode(), (account_id or "").encode()]
    message = b"\0".join([*parts, address.encode()])
    return [
        base64.urlsafe_b64encode(secret.mac(message)[:24]).decode()
        for secret in installation.secrets(now)
    ]


def check_seal(
    facts: RequestFacts, installation: Installation, account_id: str | None, now: float
) -> None:
    """Hold a shell's fetch to an address that the host had signed for *account_id*.

    Raises :class:`~headway.errors.QshMissing` without a seal, and
    :class:`~headway.errors.QshMismatch` for another address, site or user.
    """
    claimed = [
        part.partition("=")[2]
        for part in facts.raw_query.split("&")
        if part.startswith(f"{SEAL_PARAMETER}=")
    ]
    if len(claimed) != 1:
        raise QshMissing(expected="the seal of a page that the host had opened")
    given = claimed[0].encode("latin-1")
    seals = _seals(facts, installation, account_id, now)
    matches = [hmac.compare_digest(ours.encode(), given) for ours in seals]
    if not any(matches):
        raise QshMismatch(expected="the seal of this address and user", found="another seal")


def sealed_address(facts: RequestFacts, installation: Installation, account_id: str | None) -> str:
    """Where a browser is sent on to: the same address with a seal in the token's place.

    It is what the first script would leave.  A path alone, so it leads nowhere else.

    >>> from headway.model import Product, Secret
    >>> site = Installation(app_key="my-app", client_key="site", product=Product.JIRA,
    ...     base_url="https://site.example", shared_secret=Secret("0123456789abcdef"))
    >>> opened = RequestFacts(method="GET", raw_path="/panel", raw_query="issue=A-1&jwt=eyJ")
    >>> sealed_address(opened, site, None).partition("=A-1&")[0]
    '/panel?issue'
    """
    query = without_seal(without_token(facts.raw_query))
    mark = f"{SEAL_PARAMETER}={seal(facts, installation, account_id)}"
    return f"{facts.raw_path}?{query}&{mark}" if query else f"{facts.raw_path}?{mark}"


def without_seal(raw_query: str) -> str:
    """The query without a page's seal; no other byte changes."""
    return without_token(raw_query, SEAL_PARAMETER)


# ---- the first script -----------------------------------------------------------------------

# What may precede a doctype: a byte order mark, white space, comments as HTML delimits them.
_BEFORE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--(?:-?>|.*?--!?>)\s*)*(?:<!doctype[^>]*>)?", re.I | re.S
)


def first_script(mark: str = "") -> str:
    """The script element that drops the token from the address and leaves the seal *mark*.

    >>> first_script().startswith('<script data-seal="">')
    True
    """
    return f'<script data-seal="{html.escape(mark)}">{_FIRST_SCRIPT}</script>'


def with_first_script(head: bytes, elements: str) -> bytes:
    """The beginning of an HTML page with *elements* as the first that its parser meets.

    They stand right behind the doctype, where no comment and no attribute of
    the page can swallow them.

    >>> with_first_script(b"<!doctype html><title>x</title>", "<script></script>")
    b'<!doctype html><script></script><title>x</title>'
    """
    match = _BEFORE.match(head)
    end = match.end() if match else 0
    return head[:end] + elements.encode() + head[end:]


def with_script_allowed(policy: str) -> str:
    """A page's own Content-Security-Policy, so that the first script may run under it.

    >>> with_script_allowed("script-src 'self'") == f"script-src 'self' {SCRIPT_HASH}"
    True
    """
    directives = [part.split() for part in policy.split(";") if part.strip()]
    named = {words[0].lower(): words for words in reversed(directives)}
    words = named.get("script-src-elem") or named.get("script-src")
    if words is None and "default-src" in named:
        words = ["script-src", *named["default-src"][1:]]
        directives.append(words)
    if words is not None and not _runs_any_inline(words[1:]):
        words[1:] = [word for word in words[1:] if word.lower() != "'none'"] + [SCRIPT_HASH]
    return "; ".join(" ".join(words) for words in directives)


def _runs_any_inline(sources: Sequence[str]) -> bool:
    """Whether 'unsafe-inline' counts: a hash or nonce beside it would switch it off."""
    lower = [source.lower() for source in sources]
    strict = any(source.startswith(("'sha", "'nonce-", "'strict-dynamic'")) for source in lower)
    return "'unsafe-inline'" in lower and not strict


# ---- a handler's answer as a page -----------------------------------------------------------

Headers: TypeAlias = list[tuple[str, str]]
"""The headers of an answer, in order; names in any case."""

_CSP = "content-security-policy"


class FramedPage:
    """A handler's answer on its way out as a page in a frame: its headers, its first script.

    No framework is in it: an adapter hands it the headers once and then the
    body, piece by piece, and sends on what it gives back.  Only the beginning
    of a page is held back; what follows streams through.

    >>> page = FramedPage({"Cache-Control": "no-store"}, "<script></script>")
    >>> page.begin([("Content-Type", "text/html"), ("Content-Length", "15")])[1]
    ('Content-Length', '32')
    >>> page.body(b"<!doctype", more=True), page.body(b" html>", more=False)
    (b'', b'<!doctype html><script></script>')
    """

    def __init__(
        self, headers: Mapping[str, str], script: str, *, policy_in_page: bool = False
    ) -> None:
        self._headers = headers
        self._script = script
        self._lead = script
        self._policy_in_page = policy_in_page  # the shell shows the page without its headers
        self._head: bytes | None = None  # held back until the doctype is behind

    def begin(self, headers: Iterable[tuple[str, str]]) -> Headers:
        """The headers of the answer, from those that its handler set; a second call begins anew."""
        # of who may frame the page only the policy speaks (CSP 3 section 6.4.2)
        ours = {name.lower() for name in self._headers} | {_CSP, "x-frame-options"}
        given = [(name, value) for name, value in headers]
        own = [with_script_allowed(value) for name, value in given if name.lower() == _CSP]
        told = [(name, value) for name, value in given if name.lower() not in ours]
        self._head = None
        if _is_html(told):
            self._head = b""
            metas = [
                f'<meta http-equiv="{_CSP}" content="{html.escape(policy)}">'
                for policy in (own if self._policy_in_page else ())
            ]
            self._lead = "".join(metas) + self._script
            added = len(self._lead.encode())
            told = [
                (name, str(int(value) + added) if name.lower() == "content-length" else value)
                for name, value in told
            ]
        told += [("Headway-Page", "1"), *self._headers.items()]
        return told + [("Content-Security-Policy", policy) for policy in own]

    def body(self, chunk: bytes, *, more: bool) -> bytes:
        """What can be sent once *chunk* has come, and *more* may follow."""
        if self._head is None:
            return chunk
        self._head += chunk
        if more and len(self._head) < HEAD_BYTES_MAX:
            return b""
        head, self._head = self._head, None
        return with_first_script(head, self._lead)


def _is_html(headers: Headers) -> bool:
    """Whether the body is HTML as it stands: what is compressed has no place for a script."""
    named = {name.lower(): value.strip().lower() for name, value in headers}
    plain = named.get("content-encoding", "identity") == "identity"
    return plain and named.get("content-type", "").startswith("text/html")


# ---- pages of our own -----------------------------------------------------------------------


def shell(client_script: str, framers: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The page for an address without a token, and its headers.

    It holds no data.  *framers* are sources as a Content-Security-Policy names
    them.  No other source is restricted: the policy of this page stays in
    force for the one that its script shows.
    """
    body = (
        "<!doctype html><html><head>"
        "<title>Loading</title>"
        f'<script src="{html.escape(client_script)}"></script></head>'
        f'<body><p id="say"></p><script>{_SHELL_SCRIPT}</script></body></html>'
    )
    headers = page_headers(())
    headers["Content-Security-Policy"] = "frame-ancestors " + " ".join(framers)
    return body, headers


def refusal_page(refusal: Refusal, realm: str) -> tuple[str, dict[str, str]]:
    """A refusal for people, in a frame, and its headers: nothing in it runs but our own script."""
    public = refusal.public
    detail = str(refusal) if public is type(refusal) else f"{public.id}: {public.title}"
    told = [html.escape(text) for text in (public.title, public.hint, detail)]
    body = (
        f"<!doctype html><html><head>{first_script()}<title>Not shown</title>"
        f"<style>{_STYLE}</style></head><body><h1>This page is not shown</h1>"
        f"<p>{told[0].capitalize()}.</p><p>{told[1]}</p><p><code>{told[2]}</code></p></body></html>"
    )
    policy = f"default-src 'none'; script-src {SCRIPT_HASH}; style-src {_source_hash(_STYLE)}"
    headers: Mapping[str, str] = {
        **page_headers(()),
        **refusal_headers(refusal, realm),
        "Content-Security-Policy": policy,
    }
    return body, dict(headers)
