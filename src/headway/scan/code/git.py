"""A repository's objects and index, read by the ``git`` program, which runs nothing for it.

A checkout's own configuration may name programs: hooks, monitors, filters, drivers of
diffs, helpers, transports.  So only commands that read objects are used (a working tree is never
compared by git: filters would run), with every such setting switched off, and without a way
to fetch anything.  Who owns a repository is git's own question (``safe.directory``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from headway.errors import ConfigurationError

__all__ = ["Blob", "Objects", "Repository"]

_SECONDS = 120.0
_REVISION_MAX = 500

_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.untrackedCache": "false",
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.askPass": "",
    "core.alternateRefsCommand": "",
    "credential.helper": "",
    "diff.external": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
"""What a repository's configuration says of these does not count."""

_KEPT = re.compile(
    r"PATH|HOME|USER|LOGNAME|XDG_CONFIG_HOME|SUDO_UID|SYSTEMROOT|TMPDIR"
    r"|GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR"
    r"|CEILING_DIRECTORIES|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM"
    r"|TEST_ASSUME_DIFFERENT_OWNER)"
)
_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # a missing object is never fetched
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # what stands in the tree, not what is put in its place
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class Blob(NamedTuple):
    """A file of a commit or of the index."""

    oid: str
    merged: bool = True


class Repository:
    """The repository around the folder *start*.

    Raises ConfigurationError where there is none, or git refuses it.
    """

    def __init__(self, start: str, environment: Mapping[str, str]) -> None:
        self._environment = _environment(environment)
        self._git = _program(start, self._environment)
        self._at = start
        told = self._run("rev-parse", "--show-toplevel")
        self.top = os.fsdecode(told.removesuffix(b"\n"))
        """The folder of its working tree."""
        if os.path.commonpath([self.top, os.path.realpath(start)]) != self.top:
            raise ConfigurationError(f"{start}: its repository says that it is of another folder")
        self._at = self.top

    def commit(self, revision: str) -> str:
        """The commit that *revision* names.  Raises ConfigurationError."""
        if revision.startswith("-") or len(revision) > _REVISION_MAX or "\0" in revision:
            raise ConfigurationError("--diff: this is no revision")
        try:
            found = self._run(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except ConfigurationError:
            raise ConfigurationError(f"{revision[:80]!r}: is no commit of {self.top}") from None
        return _oid(found)

    def head(self) -> str | None:
        """The commit that is checked out; None before there is one."""
        try:
            return self.commit("HEAD")
        except ConfigurationError:
            return None

    def merge_base(self, one: str, other: str) -> str:
        """The commit from which both commits come.  Raises ConfigurationError."""
        try:
            return _oid(self._run("merge-base", one, other))
        except ConfigurationError:
            raise ConfigurationError(
                f"{self.top}: the two revisions have no common past; is the clone a shallow one?"
            ) from None

    def before(self, at: float) -> str | None:
        """The last commit of this branch from before *at* (seconds since 1970), if there is one."""
        if self.head() is None:
            return None
        told = self._run(
            "rev-list", "--max-count=1", "--first-parent", f"--before=@{int(at)}", "HEAD"
        )
        return _oid(told) if told.strip() else None

    def tree(self, commit: str) -> dict[str, Blob]:
        """The files of *commit*, by their paths from the top."""
        found = {}
        for line in self._run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            about, _, path = line.partition(b"\t")
            if about[:3] == b"100":
                found[os.fsdecode(path)] = Blob(about.split(b" ")[2].decode("ascii"))
        return found

    def index(self) -> dict[str, Blob]:
        """The files of the index, by their paths from the top."""
        found = {}
        for line in self._run("ls-files", "--stage", "-z").split(b"\0"):
            about, _, path = line.partition(b"\t")
            if about[:3] == b"100":
                _, oid, stage = about.decode("ascii").split(" ")
                found[os.fsdecode(path)] = Blob(oid, merged=stage == "0")
        return found

    def submodules(self) -> tuple[str, ...]:
        """The folders that are other repositories', by the index; each ends in a slash."""
        told = self._run("ls-files", "--stage", "-z").split(b"\0")
        return tuple(
            os.fsdecode(line.partition(b"\t")[2]) + "/" for line in told if line[:6] == b"160000"
        )

    @contextmanager
    def objects(self) -> Iterator[Objects]:
        """What reads the contents of files."""
        with subprocess.Popen(
            self._command("cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
        ) as process:
            try:
                yield Objects(cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout))
            finally:
                process.kill()

    def _run(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(
                self._command(*arguments),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=self._environment,
                timeout=_SECONDS,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise ConfigurationError(f"{self._at}: git says: {_said(error.stderr)}") from None
        except (OSError, subprocess.TimeoutExpired):
            raise ConfigurationError(f"{self._at}: git gave no answer") from None
        return done.stdout

    def _command(self, *arguments: str) -> Sequence[str]:
        settings = (part for item in _SETTINGS.items() for part in ("-c", "=".join(item)))
        return [self._git, "-C", self._at, "--no-pager", "--literal-pathspecs",
                *settings, *arguments]  # fmt: skip


class Objects:
    """Contents by their names, from one ``git cat-file``."""

    def __init__(self, given: BinaryIO, out: BinaryIO) -> None:
        self._given, self._out = given, out

    def read(self, oid: str, most: int) -> bytes | None:
        """The contents of *oid*; None where they are not there, or longer than *most* bytes."""
        try:
            self._given.write(oid.encode("ascii") + b"\n")
            self._given.flush()
            head = self._out.readline(1_000).split()
        except OSError:
            return None
        if len(head) != 3:
            return None
        left = int(head[2])
        data = self._out.read(left) if left <= most and head[1] == b"blob" else None
        while data is None and left > 0:
            left -= len(self._out.read(min(left, 1 << 20))) or left
        self._out.read(1)
        return data


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if _KEPT.fullmatch(name)}
    for name in _PLACES:
        if kept.get(name):
            kept[name] = os.path.abspath(kept[name])  # noqa: PTH100 - a hook has them from where it is
    return {**kept, **_ENVIRONMENT}


def _program(start: str, environment: Mapping[str, str]) -> str:
    """Where git is; never one that the scanned folder brings along."""
    found = shutil.which("git", path=environment.get("PATH"))
    if found is None:
        raise ConfigurationError("--staged, --diff, --since: need the program git")
    real, here = os.path.realpath(found), os.path.realpath(start)
    if not Path(found).is_absolute() or os.path.commonpath([real, here]) == here != os.sep:
        raise ConfigurationError(f"{found}: is in the folder that is scanned, and not run")
    return found


def _oid(told: bytes) -> str:
    oid = told.split(b"\n")[0].decode("ascii", "replace")
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", oid):
        raise ConfigurationError("git named no commit")
    return oid


def _said(stderr: bytes) -> str:
    """The first line of what git wrote; it may name the repository's own words."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ")[:200] if lines else "nothing"
