"""Connect: the shared secret of an installation signs, and the hash binds the request.

The installations of one site come from the store of an app, or from a private
JSON file.  Everything that is checked is :func:`headway.verify.prove`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from headway.errors import ConfigurationError, SecretTooShort
from headway.jwt import unverified_issuer
from headway.model import Direction, Installation, Kind, Product, RequestFacts, Secret, TokenText
from headway.ports import Clock, Credentials, KeySource, NeedKey, OnceOnly, ReplayCache, Steps
from headway.qsh import Form, without_token
from headway.store.cache import ReadThrough
from headway.store.files import read_private
from headway.store.installations import Installations
from headway.verify import Accept, Expected, prove

__all__ = ["ConnectVerifier", "KeptInstallations", "installations_from", "kept_in"]

_ACCEPT = Accept(Direction.APP_TO_HOST, {Kind.REQUEST})
_EXPECTED = Expected(forms=(Form.SPEC, Form.DECODED_NAME_ORDER, Form.CODE_POINT_VALUE_ORDER))
"""Apps sign with npm's and PyPI's libraries, too: each form lists the same parameters."""
_CACHE_SIZE, _CACHE_LIFE = 1024, 60.0  # seconds: so long does a removed installation count


class ConnectVerifier:
    """Proves which app of a site a token is from; *keys* knows the apps.

    *base_path* is the path under which the site stands: what is before it is
    not hashed.  *closes* is called when the verifier is not asked any more.

    >>> from headway import ports, sign
    >>> app = Installation(app_key="my-app", client_key="site", base_url="", product=Product.JIRA,
    ...                    shared_secret=Secret("0123456789abcdef"))
    >>> verifier = ConnectVerifier(KeptInstallations({"my-app": app}.get))
    >>> token = sign.request_token(app.shared_secret, issuer="my-app", method="GET",
    ...                            raw_path="/rest", raw_query="a=1", now=100)
    >>> request = RequestFacts(method="GET", raw_path="/rest", raw_query=f"a=1&jwt={token}")
    >>> ports.drive(verifier.proving(token, request, 100), verifier.keys)
    'my-app'
    """

    replay: ReplayCache | None = None

    def __init__(
        self,
        keys: KeySource,
        *,
        base_path: str = "",
        closes: Callable[[], None] = lambda: None,
    ) -> None:
        self.keys = keys
        self._base_path, self._closes = base_path, closes

    def claimed(self, token: str) -> str | None:
        """The issuer that *token* names, which proves nothing."""
        return unverified_issuer(token)

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        """Who signed *token* for this *request*; raises a :class:`~headway.errors.Refusal`."""
        bare = RequestFacts(  # the hash knows no token, whatever the location's parameter is
            method=request.method,
            raw_path=request.raw_path,
            raw_query=without_token(request.raw_query),
            base_path=self._base_path,
        )
        claims = yield from prove(token, bare, accept=_ACCEPT, expected=_EXPECTED, now=now)
        return claims.iss

    def close(self) -> None:
        """Close the store of installations, where there is one."""
        self._closes()


class KeptInstallations:
    """Answers whose secrets verify; *read* finds an app's installation on the site, or None.

    What was read is repeated for a minute; a signature that fails has it read
    again, at most once a second for each app.  *clock* gives seconds since 1970.

    >>> KeptInstallations({}.get).find(NeedKey(issuer="my-app", symmetric=True)) is None
    True
    """

    def __init__(
        self,
        read: Callable[[str], Installation | None],
        *,
        clock: Clock = time.time,
        ticks: Clock = time.monotonic,
    ) -> None:
        self._clock = clock
        self._cache = ReadThrough(read, size=_CACHE_SIZE, life=_CACHE_LIFE, ticks=ticks)

    def find(self, need: NeedKey) -> Credentials | None:
        """The secrets of ``need.issuer``, the current one first."""
        if not need.symmetric:
            return None
        found, cached = self._cache.find(need.issuer, fresh=need.fresh)
        return self._credentials(found, cached=cached)

    def recall(self, need: NeedKey) -> tuple[Credentials | None] | None:
        """What :meth:`find` answers from memory, in a tuple; None where it would read."""
        if not need.symmetric:
            return (None,)
        known = self._cache.recall(need.issuer, fresh=need.fresh)
        if known is None:
            return None
        return (self._credentials(known.value, cached=known.cached),)

    def first(self, once: OnceOnly) -> bool:
        """Tokens of requests may come again; nobody asks this."""
        raise TypeError("requests of apps are not counted once")

    def _credentials(self, found: Installation | None, *, cached: bool) -> Credentials | None:
        if found is None:
            return None
        secrets = found.secrets(self._clock())
        return Credentials(keys=secrets, installation=found, cached=cached)


def kept_in(store: Installations, client_key: str) -> KeptInstallations:
    """The apps of the site *client_key* in *store*."""
    return KeptInstallations(lambda app_key: store.get(app_key, client_key))


def installations_from(path: Path, client_key: str) -> Mapping[str, Installation]:
    """The apps of the site *client_key* in a private JSON file, by their keys.

    It is a list of what ``installed`` events say: ``key``, ``clientKey`` and
    ``sharedSecret``; other members and other sites are passed over.  Raises
    ConfigurationError, which never quotes the file.
    """
    try:
        told = msgspec.json.decode(read_private(path), type=list[_Installed])
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    found: dict[str, Installation] = {}
    for number, each in enumerate(told):
        if each.client_key != client_key:
            continue
        if each.key in found:
            raise ConfigurationError(f"{path}: [{number}] is an app that stands there before")
        try:
            secret = Secret(each.secret)
        except SecretTooShort:
            raise ConfigurationError(f"{path}: [{number}]: a sharedSecret under 16 bytes") from None
        found[each.key] = Installation(
            app_key=each.key,
            client_key=client_key,
            base_url="",
            product=Product.JIRA,
            shared_secret=secret,
        )
    return found


class _Installed(msgspec.Struct):
    """What an ``installed`` event says that matters here."""

    key: str
    client_key: str = msgspec.field(name="clientKey")
    secret: str = msgspec.field(name="sharedSecret")
