"""Object stores on this machine that nobody here wrote: Amazon's, Google's and Azure's emulators.

Each is a process of its own on a free port, and is said to the libraries of the stores as to
every program: by the environment.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

AZURITE = Path(__file__).parent / "azurite" / "node_modules" / "azurite"
ACCOUNT = "emulated"
SECRET = "ZW11bGF0b3Iga2V5IHRoYXQgaXMgc2VjcmV0IGVub3VnaA=="

_MOTO = """
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
app = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, app, threaded=True)
print("on", server.server_port, flush=True)
server.serve_forever()
"""
_GOOGLE = """
import logging, threading
from gcp_storage_emulator.server import create_server
logging.disable()
server = create_server("127.0.0.1", 0, in_memory=True)
server.start()
print("on", server._api._httpd.server_port, flush=True)
threading.Event().wait()
"""


@contextmanager
def running(command: list[str], says: str, **environment: str) -> Iterator[int]:
    """The port of a server that *command* starts and that writes a line like *says*."""
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(says, line):
                    yield int(found[1])
                    return
            errors.seek(0)
            raise AssertionError(f"{command[0]} did not start: {errors.read()[-2000:]}")
        finally:
            process.kill()


@contextmanager
def amazon() -> Iterator[dict[str, str]]:
    """The environment of Amazon's."""
    with running([sys.executable, "-c", _MOTO], r"on (\d+)") as port:
        yield {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def google() -> Iterator[dict[str, str]]:
    """The environment of Google's."""
    with running([sys.executable, "-c", _GOOGLE], r"on (\d+)") as port:
        yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "NO_GCE_CHECK": "true"}


@contextmanager
def azure() -> Iterator[dict[str, str]]:
    """The environment of Azure's."""
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(tempfile.TemporaryDirectory())
        command = [
            shutil.which("node") or "node", str(AZURITE / "dist" / "src" / "blob" / "main.js"),
            "--location", where, "--disableTelemetry", "--silent",
            "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort", "0",
        ]  # fmt: skip
        says = r"listens on http://127.0.0.1:(\d+)"
        accounts = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{SECRET}"}
        port = stack.enter_context(running(command, says, **accounts))
        yield {
            "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;"
            f"AccountName={ACCOUNT};AccountKey={SECRET};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        }


STORES = {"s3": amazon, "gs": google, "az": azure}
