"""``headway store``: what an app keeps, looked at and looked after.  No secret is ever printed.

Exit codes: 0 all went well; 1 the answer is no (not there, not all taken); 2
the question could not be asked.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import typer

from headway.cli.transfer import passphrase
from headway.errors import ConfigurationError
from headway.model import Product

if TYPE_CHECKING:
    import sqlalchemy as sa

    from headway.keys import Sealer
    from headway.store.takeover import Arrival

__all__ = ["app"]

STORE, SOURCE = "HEADWAY_STORE", "HEADWAY_IMPORT_FROM"
BACKUPS = (
    "Backups, replicas and exports that were made before still hold it: delete them in their time."
)

app = typer.Typer(help="What an app keeps of its installations.", no_args_is_help=True)


class Framework(StrEnum):
    """Whose tenants can be taken over."""

    ACE = "ace"
    SPRING = "spring"
    DJANGO = "django"


Where = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|ADDRESS|-",
        help=f"A SQLite file or postgresql://...; - reads it from standard input. Else ${STORE}.",
    ),
]
WhereFile = Annotated[
    Path | None, typer.Option("--store-file", help="A file that holds the store's address.")
]
AppKey = Annotated[str | None, typer.Option("--app-key", help="Only this app's installations.")]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="File with the passphrase; else $HEADWAY_EXPORT_PASSPHRASE, else a prompt."),
]


# ---- commands -------------------------------------------------------------------------------


@app.command("list")
def list_(
    where: Where = None,
    where_file: WhereFile = None,
    app_key: AppKey = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Each installation as JSON, on a line of its own.")
    ] = False,
) -> int:
    """List the installations, without their secrets."""
    from headway.store.inventory import kept

    with _opened(where, where_file) as store:
        rows = kept(store.engine, app_key=app_key)
        if as_json:
            for row in rows:  # one a line: there may be a million
                print(msgspec.json.encode(row).decode())
            return 0
        count = 0
        for row in rows:
            count += 1
            state = "enabled" if row.enabled else "disabled"
            print(f"{row.client_key}  {row.app_key}  {row.product}  {row.base_url}  {state}")
        print(f"{count} installations", file=sys.stderr)
    return 0


@app.command()
def show(
    client_key: str,
    where: Where = None,
    where_file: WhereFile = None,
    app_key: AppKey = None,
    as_json: AsJson = False,
) -> int:
    """Show all that is kept of one site, without its secrets."""
    from headway.store.inventory import kept

    with _opened(where, where_file) as store:
        rows = list(kept(store.engine, app_key=app_key, client_key=client_key))
    if not rows:
        print(f"no installation on {client_key}", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps([msgspec.to_builtins(row) for row in rows], indent=2))
        return 0
    for row in rows:
        for name, value in msgspec.structs.asdict(row).items():
            print(f"{name:16} {_told(name, value)}")
        print(f"{'shared_secret':16} sealed, not shown")
    return 0


@app.command()
def forget(
    client_key: str,
    where: Where = None,
    where_file: WhereFile = None,
    app_key: AppKey = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> int:
    """Remove all of one site's installation, whatever the host thinks of it."""
    from headway.keys import Sealer, new_sealing_key
    from headway.store.installations import Installations
    from headway.store.inventory import kept

    with _opened(where, where_file) as store:
        found = [row.app_key for row in kept(store.engine, client_key=client_key)]
        key = app_key or (found[0] if len(found) == 1 else None)
        if key is None:
            words = " or ".join(found) or "the app's"
            raise ConfigurationError(f"whose installation on {client_key}? --app-key {words}")
        if not yes:
            _confirm(f"Remove the installation of {key} on {client_key}, secrets included?")
        sealer = Sealer.of([new_sealing_key()])  # nothing is opened
        gone = Installations(store.engine, sealer, app_key=key).forget(key, client_key)
    if as_json:
        print(json.dumps({**gone._asdict(), "backups": BACKUPS}))
    else:
        _tell_forgotten(gone.installations, gone.events, gone.until)
    return 0 if gone else 1


@app.command()
def upgrade(where: Where = None, where_file: WhereFile = None, as_json: AsJson = False) -> int:
    """Bring the database to the version of this release; stop the app before."""
    from headway.store.migrations import upgrade as run

    with _opened(where, where_file, checked=False) as store:
        version = run(store.engine)
    print(json.dumps({"version": version}) if as_json else f"the database has version {version}")
    return 0


@app.command("rotate-key")
def rotate_key(where: Where = None, where_file: WhereFile = None, as_json: AsJson = False) -> int:
    """Seal every secret with the first key of HEADWAY_STORE_KEY, while the app runs.

    Every process must know both keys before: give it "OLD NEW", then "NEW OLD",
    run this, and then give it "NEW" alone.
    """
    from headway.store.rotation import rotate_key as run

    with _opened(where, where_file) as store:
        done = run(store.engine, store.sealer())
    if as_json:
        print(json.dumps(done._asdict()))
    else:
        print(f"{done.resealed} of {done.rows} installations sealed anew; the others were already")
        if done.unopened:
            print(f"{done.unopened} did not open with any key that is given", file=sys.stderr)
    return 1 if done.unopened else 0


@app.command()
def export(
    file: Path,
    where: Where = None,
    where_file: WhereFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: AsJson = False,
) -> int:
    """Write all that is kept to a new file, sealed with a passphrase."""
    from headway.store.transfer import export_store

    with _opened(where, where_file) as store:
        done = export_store(store.engine, store.sealer(), file, passphrase(passphrase_file))
    if as_json:
        print(json.dumps(msgspec.to_builtins(done)))
    else:
        print(f"{file}: {done.installations} installations, {done.events} hashes; mode 0600")
    for name in done.unopened:
        print(f"not exported, its secret does not open: {name}", file=sys.stderr)
    return 1 if done.unopened else 0


@app.command("import")
def import_(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|ADDRESS|-",
            help=f"What to import; - reads its address from standard input. Else ${SOURCE}.",
        ),
    ] = None,
    framework: Annotated[
        Framework | None,
        typer.Option("--from", help="Whose tenants; without it, a file of 'headway store export'."),
    ] = None,
    where: Where = None,
    where_file: WhereFile = None,
    source_file: Annotated[
        Path | None, typer.Option(help="A file that holds the address of the source.")
    ] = None,
    app_key: Annotated[str | None, typer.Option(help="The app's key.")] = None,
    product: Annotated[
        Product | None, typer.Option(help="The product, where the source does not say.")
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Name suffix of sites, such as .atlassian.net; repeatable."),
    ] = None,
    table: Annotated[str | None, typer.Option(help="The table, where it has another name.")] = None,
    development: Annotated[
        bool, typer.Option("--development", help="Take sites on this machine, too.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else it is only told.")] = False,
    as_json: AsJson = False,
) -> int:
    """Take over the tenants of another framework, or import an export. A dry run first."""
    place = _address("source", source, source_file, SOURCE)
    with _opened(where, where_file) as store:
        if framework is None:
            return _import_own(store, Path(place), passphrase_file, apply=apply, as_json=as_json)
        arrivals = _take_over(
            store,
            framework,
            place,
            app_key=app_key,
            product=product,
            hosts=host,
            table=table,
            development=development,
            apply=apply,
        )
    return _tell_arrivals(arrivals, apply=apply, as_json=as_json)


# ---- the store ------------------------------------------------------------------------------


class _Store(NamedTuple):
    where: str
    engine: sa.Engine

    def sealer(self) -> Sealer:
        """The keys of the environment, or else a key that lies beside the file."""
        from headway.store.engine import is_address
        from headway.store.files import KEY_FILE
        from headway.store.opening import open_sealer

        beside = not is_address(self.where) and Path(self.where).with_name(KEY_FILE).exists()
        return open_sealer(self.where, os.environ, development=beside)


@contextmanager
def _opened(where: str | None, file: Path | None, *, checked: bool = True) -> Iterator[_Store]:
    from headway.store.engine import is_address, open_engine
    from headway.store.migrations import check

    place = _address("store", where, file, STORE)
    if checked and not is_address(place) and not Path(place).exists():
        raise ConfigurationError(f"{place}: there is no such store")
    engine = open_engine(place)
    try:
        if checked:
            check(engine)
        yield _Store(place, engine)
    finally:
        engine.dispose()


def _address(what: str, given: str | None, file: Path | None, variable: str) -> str:
    """An address: of a file, of standard input, of an argument, of the environment."""
    if file is not None:
        try:
            text = file.read_text("utf-8").strip()
        except (OSError, ValueError):
            raise ConfigurationError(f"{file}: can not be read") from None
        _warn_of_readers(str(file), "and a password in it")
    elif given == "-":
        text = sys.stdin.readline().strip()
    elif given is not None:
        text = given.strip()
        _warn_of_password(given, what, variable)
    else:
        text = os.environ.get(variable, "")
    if not text:
        name = "give --store" if what == "store" else "name it"
        raise ConfigurationError(f"which {what}? {name}, or set {variable}")
    return text


def _warn_of_password(given: str, what: str, variable: str) -> None:
    from headway.store.takeover.sources import has_password

    if has_password(given):
        print(
            f"headway: the password of the {what} stands in the list of processes for all to see; "
            f"give its address by ${variable}, by --{what}-file, or by - and standard input",
            file=sys.stderr,
        )


def _warn_of_readers(file: str, what: str) -> None:
    from headway.store.takeover.sources import is_readable_by_others

    if is_readable_by_others(file):
        print(f"headway: {file}: others may read it, {what}", file=sys.stderr)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody is there to ask; give --yes")
    if not typer.confirm(question):
        raise typer.Abort


# ---- imports --------------------------------------------------------------------------------


def _import_own(
    store: _Store, file: Path, words: Path | None, *, apply: bool, as_json: bool
) -> int:
    from headway.store.adoption import Adopted
    from headway.store.transfer import import_store

    done = import_store(store.engine, store.sealer(), file, passphrase(words), apply=apply)
    refused = [row for row in done.outcomes if row[2] is Adopted.ID_TAKEN]
    if as_json:
        print(json.dumps({"applied": apply, "installations": msgspec.to_builtins(done.outcomes)}))
    else:
        for app_key, client_key, outcome in done.outcomes:
            print(f"{outcome.value:8} {client_key}  {app_key}")
        _tell_applied(sum(row[2] is Adopted.NEW for row in done.outcomes), apply=apply)
    return 1 if refused else 0


def _take_over(
    store: _Store,
    framework: Framework,
    source: str,
    *,
    app_key: str | None,
    product: Product | None,
    hosts: Sequence[str] | None,
    table: str | None,
    development: bool,
    apply: bool,
) -> Sequence[Arrival]:
    from headway.app.addresses import HOST_SUFFIXES, host_suffixes, site_address
    from headway.store.takeover import ace, django, spring, take_over

    _warn_of_readers(source, "and every secret in it")
    suffixes = host_suffixes(hosts or HOST_SUFFIXES)
    module = {Framework.ACE: ace, Framework.SPRING: spring, Framework.DJANGO: django}[framework]
    tenants = module.found(source, (table,)) if table else module.found(source)

    def address(url: str) -> str:
        return site_address(url, suffixes=suffixes, development=development)

    return take_over(
        store.engine,
        store.sealer(),
        tenants,
        app_key=app_key,
        address=address,
        product=product,
        apply=apply,
    )


# ---- what is told ---------------------------------------------------------------------------


def _tell_arrivals(arrivals: Sequence[Arrival], *, apply: bool, as_json: bool) -> int:
    counts: dict[str, int] = {}
    for arrival in arrivals:
        counts[arrival.verdict.value] = counts.get(arrival.verdict.value, 0) + 1
    if as_json:
        rows = [msgspec.to_builtins(arrival) for arrival in arrivals]
        print(json.dumps({"applied": apply, "counts": counts, "tenants": rows}, indent=2))
    else:
        for each in arrivals:
            reason = f": {each.reason}" if each.reason else ""
            place = f"{each.client_key or '-'}  {each.base_url or '-'}  ({each.where})"
            print(f"{each.verdict.value:8} {_line(place)}{_line(reason)}")
        print(", ".join(f"{count} {name}" for name, count in counts.items()) or "no tenants")
        _tell_applied(counts.get("taken", 0), apply=apply)
    return 1 if counts.get("refused") else 0


def _tell_applied(count: int, *, apply: bool) -> None:
    if apply:
        print(f"{count} installations are recorded; events issued before now are refused for them")
    else:
        print("nothing is recorded: this was a dry run; do it with --apply")


def _tell_forgotten(removed: int, events: int, until: int) -> None:
    if removed + events == 0:
        print("nothing was kept", file=sys.stderr)
        return
    if removed:
        print("removed: the installation, with its secrets")
    else:
        print("no installation was there, and nothing but hashes of its end")
    if events:
        print(f"kept until {_time(until)}: {events} hashes of lifecycle tokens; none counts again")
    print("A running app answers from memory for 60 seconds more.")
    print(BACKUPS)


def _told(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in {"installed_at", "previous_until", "last_event"}:
        return _time(value) if value else "-"
    return _line(f"{value}")


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _line(text: str) -> str:
    """A text of others on one line of a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
