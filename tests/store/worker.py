"""Installs from another process: ``worker.py loop|race``; DATABASE in the environment.

It opens the database only after the fork, as a server with workers does.
``loop`` reads a number a line, forks a child that installs site after site
from that number on and says so after each, and tells when the child is dead.
``race`` forks children that wait for each other and then install one site
with one token, each with its own secret.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys

from headway.errors import Refusal
from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import OnceOnly
from headway.store.engine import open_engine
from headway.store.installations import Installations

RACERS = 4


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")  # at once, in one piece


def install(store: Installations, client_key: str, secret: str) -> None:
    digest = hashlib.sha256(client_key.encode()).hexdigest()
    store.install(
        Installation(
            app_key="app",
            client_key=client_key,
            product=Product.JIRA,
            base_url="https://site.example",
            shared_secret=Secret(secret),
        ),
        OnceOnly(scope=client_key, digest=digest, issued=1_700_000_000, until=1_700_000_180),
    )


def opened(path: str) -> Installations:
    sealer = Sealer({"k1": bytes(range(32))}, "k1")
    return Installations(open_engine(path), sealer, app_key="app", clock=lambda: 1_700_000_000.0)


def loop(path: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            store = opened(path)
            say(f"pid {os.getpid()}")
            for number in itertools.count(int(line)):
                install(store, f"site-{number}", f"the secret of site {number}")
                say(f"done {number}")
        os.waitpid(child, 0)
        say("dead")


def race(path: str) -> None:
    read, write = os.pipe()
    children = []
    for racer in range(RACERS):
        child = os.fork()
        if child == 0:
            os.close(write)
            store = opened(path)
            say("ready")
            os.read(read, 1)  # the end of the pipe is the starting gun
            try:
                install(store, "site", f"the secret of racer {racer}")
                say(f"installed {racer}")
            except Refusal as refusal:
                say(f"refused {refusal.id}")
            os._exit(0)
        children.append(child)
    sys.stdin.readline()
    os.close(write)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    {"loop": loop, "race": race}[sys.argv[1]](os.environ["DATABASE"])
