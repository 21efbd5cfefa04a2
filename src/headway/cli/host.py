"""``headway host``: the site alone.  What it shares with ``headway up`` stands here too.

The options are the site's settings, read from their one table; each can also
come from the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from headway.host.options import OPTIONS, Option
from headway.host.options import settings as read_settings
from headway.host.settings import Settings

if TYPE_CHECKING:
    from headway.host.running import Running
    from headway.host.site import Site

__all__ = ["Apps", "app", "install", "started", "stay", "until_stopped", "with_settings"]

GARBAGE = 20_000  # new objects, from one look for garbage to the next
STOPPED = 130  # what shells say of ctrl-C
ASKED: Mapping[str, dict[str, Any]] = {
    "port": {"min": 0, "max": 65535},
    "media_port": {"min": 0, "max": 65535},
    "tls_port": {"min": 0, "max": 65535},
    "client_script_port": {"min": 0, "max": 65535},
}
PRODUCT = re.compile(r"(jira|confluence)=")
UNSIGNED = "WITHOUT TOKENS, as before 29 October 2021: whoever reaches an app can pose as this site"
READ_BY_US = {"at": str}
"""What the command line hands on as text: only the settings' own reader knows it."""

Apps: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--app",
        metavar="[jira=|confluence=]URL",
        help="Descriptor URL of an app to install, and into which product; repeatable.",
    ),
]

app = typer.Typer(help="The local site, without a demo app.", no_args_is_help=True)


# ---- options --------------------------------------------------------------------------------


def with_settings(command: Callable[..., int]) -> Callable[..., int]:
    """*command* with an option for each setting, in place of its first parameter."""
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]
    asked = [_parameter(option) for option in OPTIONS.values()]

    @functools.wraps(command)
    def with_options(**given: Any) -> int:
        chosen = {name: given.pop(name) for name in OPTIONS}
        return command(read_settings(chosen, lambda option: option.flag), **given)

    every = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in (*asked, *own)]
    del with_options.__wrapped__  # typer would look at that
    with_options.__signature__ = signature.replace(parameters=every)  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in every}
    return with_options


def _parameter(option: Option) -> inspect.Parameter:
    """A setting as typer takes it; what is not given is None, and the table has the default."""
    kind = READ_BY_US.get(option.name, option.kind)
    shown = option.default is not None and option.default is not False
    said = option.help + (f" [default: {option.default}]" if shown else "")
    flag = f"{option.flag}/--no-{option.flag[2:]}" if kind is bool else option.flag
    asked = typer.Option(flag, envvar=option.variable, help=said, **ASKED.get(option.name, {}))
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, asked],
    )


# ---- commands -------------------------------------------------------------------------------


@app.command()
@with_settings
def run(
    settings: Settings,
    apps: Apps = None,
    as_json: Annotated[bool, typer.Option("--json", help="Addresses and users as JSON.")] = False,
) -> int:
    """Start a site; ctrl-C stops it."""
    return until_stopped(_run(settings, apps or [], as_json=as_json))


async def _run(settings: Settings, apps: Sequence[str], *, as_json: bool) -> int:
    async with started(settings) as running:
        await install(running.site, apps)
        await stay(running, as_json=as_json)
    return 0


# ---- a site that runs -----------------------------------------------------------------------


def until_stopped(running: Coroutine[Any, Any, int]) -> int:
    """Run a command to its exit code; ctrl-C before it stands has its own."""
    try:
        return asyncio.run(running)
    except asyncio.CancelledError:
        return STOPPED


@contextlib.asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Running]:
    """The site, listening; ctrl-C and SIGTERM end the block, wherever it is."""
    from headway.host.serve import served

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: task and task.cancel())
    async with served(settings) as running:
        # What was made so far stays: not to look at it again is an eighth of each request.
        gc.freeze()
        gc.set_threshold(GARBAGE)
        yield running


async def install(site: Site, apps: Sequence[str]) -> None:
    """Install the app of each descriptor, one after the other.

    Each is a URL, with the product and ``=`` before it where that is not Jira.
    Raises InstallFailed.
    """
    for wanted in apps:
        named, _, url = wanted.partition("=") if PRODUCT.match(wanted) else ("jira", "", wanted)
        tenant = next(tenant for tenant in site.tenants if tenant.product == named)
        await tenant.installer.install(url)


async def stay(running: Running, *, as_json: bool, more: Sequence[str] = ()) -> None:
    """Say where the site is and for whom, and stay until ctrl-C."""
    say(running, as_json=as_json, more=more)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    if not as_json:
        print("\nstopped", flush=True)


def say(running: Running, *, as_json: bool, more: Sequence[str] = ()) -> None:
    """Print the addresses and who can log in, as lines or as JSON."""
    site = running.site
    passwords = site.identity.first_passwords
    apps = sorted({app.key for tenant in site.tenants for app in tenant.apps.all()})
    if as_json:
        told = {
            "site": site.base_url,
            "tls": site.tls_url,
            "media": site.media_url,
            "apps": apps,
            "users": passwords,
            "policy": site.policy.name,
            "disclaimer": site.policy.disclaimer,
            "development": development(running),
            "chromium": list(running.chromium_options),
        }
        print(json.dumps(told | _control(running)), flush=True)
        return
    lines = [
        f"Site        {site.base_url}{f'  and  {site.tls_url}' if site.tls_url else ''}",
        f"Inspector   {site.base_url}/inspector   every token that crosses, live",
        f"Apps        {', '.join(apps) or 'none yet; install one at ' + site.base_url + '/apps'}",
        *(
            f"Log in as   {name:<13} password {word}  {standing(site, name)}".rstrip()
            for name, word in passwords.items()
        ),
        f"Policy      {site.policy.name}",
        *([f"            {site.policy.disclaimer}"] if site.policy.disclaimer else []),
        *([f"Installs    {UNSIGNED}"] if site.settings.unsigned_installs else []),
        *(f"Chromium    {option}" for option in running.chromium_options),
        f"For apps    HEADWAY_DEVELOPMENT=1 HEADWAY_INSTALL_KEYS={site.base_url}/install-keys",
        f"            HEADWAY_CLIENT_SCRIPT={site.base_url}/atlassian-connect/all.js",
        *(f"{name:<20} {_shown(value)}" for name, value in development(running).items()),
    ]
    for control in _control(running).values():
        token = control["token"] or "the one that was given"
        lines.append(f"Control     {control['url']}   token {token}")
    print("\n".join([*lines, *more, "", "ctrl-C stops everything."]), flush=True)


def standing(site: Site, name: str) -> str:
    """What a user is, in a few words for whoever starts the site; nothing for an ordinary one."""
    from headway.host.world.roles import (
        ADMINISTRATORS,  # loads the site, for which help need not wait
    )

    user = site.world.people.user(name)
    if user is None or not user.active:
        return "deactivated: can not log in"
    if user.admin:
        return "administers the site"
    world, account_id = site.world, user.account_id
    led = [p.key for p in world.tracker.projects()
           if ADMINISTRATORS in world.roles.of(account_id, p.id)]  # fmt: skip
    kept = [s.key for s in world.spaces.spaces()
            if account_id in world.spaces.administrators(s.id)]  # fmt: skip
    told = [f"the project {key}" for key in led] + [f"the space {key}" for key in kept]
    return f"administers {', '.join(told)}" if told else ""


def development(running: Running) -> dict[str, Any]:
    """What an app on another framework needs to install itself while it is developed.

    By name: variables of its environment, and what belongs into its two files.
    A site without an active administrator whose password it knows has nothing to tell.
    """
    site = running.site
    admins = {user.name for user in site.world.people.users() if user.admin and user.active}
    known = [(n, word) for n, word in site.identity.first_passwords.items() if n in admins]
    if not known:
        return {}
    name, password = known[0]
    login = f"{name}:{password}@"
    told: dict[str, Any] = {
        "CONNECT_KEYS_CDN_URL": f"{site.plain_url}/install-keys",
        "config.json": {
            "development": {
                "hosts": [
                    tenant.base_url.replace("://", f"://{login}", 1) for tenant in site.tenants
                ]
            }
        },
    }
    if site.tls_url is not None:
        told["NODE_EXTRA_CA_CERTS"] = str(running.authority)
        told["credentials.json"] = {
            "hosts": {  # two spellings of one address: the product is not part of the name
                f"{site.tls_url}{slash}": {
                    "product": product,
                    "username": name,
                    "password": password,
                }
                for slash, product in (("", "jira"), ("/", "confluence"))
            }
        }
    return told


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _control(running: Running) -> dict[str, dict[str, str | None]]:
    """Where the control API is, if it is open; its token only where nobody knows it yet."""
    from headway.host.control import PATH

    key = running.control
    if key is None:
        return {}
    token = key.token.reveal().decode() if key.made_up else None
    return {"control": {"url": f"{running.site.base_url}{PATH}", "token": token}}
