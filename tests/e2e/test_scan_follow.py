"""Logs that Debian's logrotate rotates, in each of its ways, are followed: each token once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scan.follow.watching import RUNS, Watch, append

pytestmark = pytest.mark.skipif(
    not (shutil.which("logrotate") or Path("/usr/sbin/logrotate").exists()),
    reason="logrotate is missing",
)

WAYS = {
    "create": "create",
    "copytruncate": "copytruncate",
    "compress": "create\ncompress",
    "delaycompress": "create\ncompress\ndelaycompress",
    "copytruncate-compress": "copytruncate\ncompress",
    "dateext": "create\ndateext\ndateformat -%Y%m%d-{n}",
    "dateext-extension": "create\ncompress\ndateext\ndateformat -%Y%m%d{n}\nextension .log",
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while RUNS:
        RUNS.pop().close()


class Rotation:
    """logrotate, as it is run every night."""

    def __init__(self, folder: Path, way: str) -> None:
        folder.chmod(0o700)
        (folder / "logs").mkdir(mode=0o700)
        (folder / "state").mkdir(mode=0o700)
        self.log = folder / "logs" / "access.log"
        self._config = folder / "logrotate.conf"
        self._way, self._count = WAYS[way], 0
        self._state = folder / "logrotate.state"

    def __call__(self) -> None:
        """Rotate now."""
        self._count += 1  # of names by dates, each is another
        way = self._way.replace("{n}", str(self._count))
        self._config.write_text(f"{self.log} {{\nrotate 9\nmissingok\n{way}\n}}\n")
        self._config.chmod(0o600)
        program = shutil.which("logrotate") or "/usr/sbin/logrotate"
        subprocess.run(
            [program, "--force", "--state", self._state, self._config], check=True, timeout=60
        )


@pytest.mark.parametrize("named", ["access.log", "*"])
@pytest.mark.parametrize("way", WAYS)
def test_each_way_while_it_is_followed_and_between_two_runs(
    tmp_path: Path, way: str, named: str
) -> None:
    rotate = Rotation(tmp_path, way)
    log, state = rotate.log, tmp_path / "state" / "offsets.json"
    append(log, 1)
    watch, told, number = Watch(log.with_name(named), state=state), [], 1
    for turn in range(5):
        told += watch.look(6)
        number += 1
        append(log, number)  # nobody looks at it before it is rotated
        if turn % 2:
            watch.close()
        rotate()
        number += 1
        append(log, number)
        if turn % 2:
            watch = Watch(log.with_name(named), state=state)
        for _ in range(3):
            told += watch.look(11)
    told += watch.end()
    assert sorted(told) == list(range(1, number + 1))
    assert len(list(log.parent.iterdir())) == 6
