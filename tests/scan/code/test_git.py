"""What git tells of a repository, and that nothing that a repository configures ever runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.scan.code import git as module
from headway.scan.code.git import Blob, Objects, Repository
from scan.code.repositories import commit, environment, git, repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with two commits; its path is a real one."""
    made = repository(tmp_path.resolve() / "repository", {"a.py": "one\n", "dir/b.py": "two\n"})
    commit(made, {"a.py": "changed\n"})
    return made


def opened(root: Path) -> Repository:
    """The repository around *root*."""
    return Repository(str(root), environment())


def test_commits_trees_and_contents(root: Path) -> None:
    found = opened(root)
    assert found.top == str(root)
    head, before = found.commit("HEAD"), found.commit("HEAD~1")
    assert found.head() == head == git(root, "rev-parse", "HEAD")
    assert set(found.tree(before)) == {"a.py", "dir/b.py"}
    with found.objects() as objects:
        assert objects.read(found.tree(before)["a.py"].oid, 100) == b"one\n"
        assert objects.read(found.tree(head)["a.py"].oid, 100) == b"changed\n"
        assert objects.read(found.tree(head)["a.py"].oid, 3) is None
        assert objects.read("0" * 40, 100) is None
        assert objects.read(head, 10_000) is None
        assert objects.read(found.tree(head)["dir/b.py"].oid, 100) == b"two\n"
    assert opened(root / "dir").top == str(root)


def test_a_long_object_is_passed_over(root: Path) -> None:
    (root / "long.py").write_bytes(b"x" * 3_000_000)
    git(root, "add", "long.py")
    found = opened(root)
    with found.objects() as objects:
        assert objects.read(found.index()["long.py"].oid, 1_000) is None
        assert objects.read(found.index()["a.py"].oid, 1_000) == b"changed\n"


def test_the_index(root: Path) -> None:
    (root / "a.py").write_text("staged\n")
    (root / "link.py").symlink_to("a.py")
    git(root, "add", "--all")
    (root / "a.py").write_text("not staged\n")
    found = opened(root)
    assert set(found.index()) == {"a.py", "dir/b.py"}  # a link is no file
    with found.objects() as objects:
        assert objects.read(found.index()["a.py"].oid, 100) == b"staged\n"


def test_names_that_are_no_text(root: Path) -> None:
    name = os.fsdecode(b"n\xff\n.py")
    (root / name).write_text("x")
    commit(root, {})
    found = opened(root)
    assert name in found.index()
    assert name in found.tree(found.commit("HEAD"))


def test_what_is_not_merged(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "other", "HEAD~1")
    commit(root, {"a.py": "otherwise\n"})
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "--quiet", "main")
    assert not opened(root).index()["a.py"].merged
    assert opened(root).index()["dir/b.py"].merged


def test_common_past(root: Path) -> None:
    found = opened(root)
    git(root, "checkout", "--quiet", "-b", "other", "HEAD~1")
    commit(root, {"c.py": "x\n"})
    base = found.merge_base(found.commit("main"), found.commit("other"))
    assert base == found.commit("main~1")
    git(root, "checkout", "--quiet", "--orphan", "alone")
    commit(root, {"c.py": "x\n"})
    with pytest.raises(ConfigurationError, match="no common past"):
        found.merge_base(found.commit("main"), found.commit("alone"))


def test_the_last_commit_before_a_moment(root: Path) -> None:
    found = opened(root)
    times = [int(line) for line in git(root, "log", "--format=%ct").split()]
    assert found.before(max(times) + 1) == found.commit("HEAD")
    assert found.before(min(times) - 10) is None


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    found = opened(tmp_path)
    assert (found.head(), found.before(1e9)) == (None, None)


@pytest.mark.parametrize("name", ["--output=marker", "-x", "nothing", "HEAD\0", "x" * 600, "",
                                  "HEAD:a.py", "HEAD\n--output=marker"])  # fmt: skip
def test_t8_what_is_no_revision_is_refused(root: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        opened(root).commit(name)
    assert not (root / "marker").exists()


# ---- T8: a checkout with traps --------------------------------------------------------------

_TRAPS = {
    "core.fsmonitor": "{run}",
    "core.hooksPath": "{hooks}",
    "core.pager": "{run}",
    "pager.rev-list": "{run}",
    "core.sshCommand": "{run}",
    "core.askPass": "{run}",
    "core.editor": "{run}",
    "core.gitProxy": "{run}",
    "core.alternateRefsCommand": "{run}",
    "core.attributesFile": "{root}/attributes",
    "credential.helper": "!{run}",
    "diff.external": "{run}",
    "diff.trap.command": "{run}",
    "diff.trap.textconv": "{run}",
    "filter.trap.clean": "{run}",
    "filter.trap.smudge": "{run}",
    "filter.trap.process": "{run}",
    "filter.trap.required": "true",
    "gpg.program": "{run}",
    "log.showSignature": "true",
    "alias.rev-parse": "!{run}",
    "alias.ls-files": "!{run}",
    "alias.cat-file": "!{run}",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "protocol.file.allow": "always",
    "remote.origin.url": "ext::{run} %S",
    "remote.origin.promisor": "true",
    "remote.origin.partialclonefilter": "blob:none",
    "remote.origin.uploadpack": "{run}",
    "extensions.partialClone": "origin",
    "core.repositoryformatversion": "1",
    "uploadpack.packObjectsHook": "{run}",
    "submodule.recurse": "true",
    "trace2.eventTarget": "{marker}",
    "trace2.normalTarget": "{marker}",
}


def trapped(root: Path, marker: Path) -> None:
    """Every setting of *root* that may name a program names one that makes *marker*."""
    run = root / ".git" / "run"
    run.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    run.chmod(0o755)
    hooks = root / ".git" / "traps"
    hooks.mkdir()
    for name in ("post-index-change", "post-checkout", "pre-commit", "fsmonitor-watchman",
                 "reference-transaction", "pre-auto-gc", "sendemail-validate"):  # fmt: skip
        for folder in (hooks, root / ".git" / "hooks"):
            folder.mkdir(exist_ok=True)
            shutil.copy(run, folder / name)
    (root / ".gitattributes").write_text("* filter=trap diff=trap\n")
    (root / "attributes").write_text("* filter=trap diff=trap\n")
    with (root / ".git" / "config").open("a") as config:
        for name, value in _TRAPS.items():
            section, _, key = name.rpartition(".")
            head, _, sub = section.partition(".")
            value = value.format(run=run, hooks=hooks, root=root, marker=marker)
            config.write(f'[{head} "{sub}"]\n' if sub else f"[{head}]\n")
            config.write(f'\t{key} = "{value}"\n')


def test_t8_code_execution_from_a_scanned_checkout(root: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    blob = git(root, "rev-parse", "HEAD:dir/b.py")
    trapped(root, marker)
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()  # a clone that fetches it
    (root / "a.py").write_text("not as it was\n")
    found = opened(root)
    for name in ("HEAD", "main", "@{-1}", "ext::x"):
        try:
            commit_of = found.commit(name)
        except ConfigurationError:
            continue
        found.tree(commit_of)
    found.index()
    found.head()
    found.before(1e10)
    found.merge_base(found.commit("HEAD"), found.commit("HEAD~1"))
    with found.objects() as objects:
        assert objects.read(found.index()["a.py"].oid, 100) == b"changed\n"
        assert objects.read(blob, 100) is None
    assert not marker.exists()


def test_t8_the_traps_are_real(root: Path, tmp_path: Path) -> None:
    """An ordinary git falls into one, or the test before says nothing."""
    marker = tmp_path / "marker"
    trapped(root, marker)
    (root / "a.py").write_text("not as it was\n")
    subprocess.run(
        ["git", "-C", root, "status"], env=environment(), capture_output=True, check=False
    )
    assert marker.exists()


def test_t8_a_repository_of_somebody_else_is_git_s_to_refuse(root: Path) -> None:
    other = {**environment(), "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    with pytest.raises(ConfigurationError, match="dubious ownership"):
        Repository(str(root), other)


def test_t8_a_bare_repository_inside_of_a_checkout_is_none(root: Path) -> None:
    git(root, "clone", "--quiet", "--bare", str(root), str(root / "docs"))
    with pytest.raises(ConfigurationError, match="git says"):
        opened(root / "docs")


def test_t8_a_repository_that_names_another_folder_is_none(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    git(root, "config", "core.worktree", str(tmp_path / "elsewhere"))
    with pytest.raises(ConfigurationError):
        opened(root)


def test_t8_a_git_that_the_checkout_brings_is_not_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "git").write_text(f"#!/bin/sh\ntouch {tmp_path}/marker\n")
    (root / "git").chmod(0o755)
    monkeypatch.chdir(root)
    for path in (str(root), "."):
        with pytest.raises(ConfigurationError, match="not run"):
            Repository(str(root), {**environment(), "PATH": path})
    assert not (tmp_path / "marker").exists()


def test_no_git_at_all(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="need the program git"):
        Repository(str(root), {"PATH": "/nowhere"})


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="git says"):
        opened(tmp_path)


def test_a_git_that_does_not_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = opened(root)

    def late(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 1)

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(ConfigurationError, match="no answer"):
        found.index()


def test_an_answer_that_is_no_commit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = opened(root)
    monkeypatch.setattr(Repository, "_run", lambda *_: b"no\n")
    monkeypatch.setattr(Repository, "head", lambda _: "0" * 40)
    with pytest.raises(ConfigurationError, match="named no commit"):
        found.before(1e10)


def test_a_reader_that_ended() -> None:
    class Broken:
        def write(self, _: bytes) -> int:
            raise BrokenPipeError

    assert Objects(Broken(), Broken()).read("0" * 40, 1) is None  # type: ignore[arg-type]


def test_what_a_hook_says_of_places_counts_from_where_it_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    found = Repository("dir", {**environment(), "GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"})
    assert set(found.index()) == {"a.py", "dir/b.py"}


def test_what_git_says_is_one_short_line() -> None:
    assert module._said(b"fatal: " + b"x" * 500 + b"\nmore") == "x" * 200
    assert module._said(b"") == "nothing"
    assert Blob("a").merged


def test_folders_of_other_repositories(root: Path, tmp_path: Path) -> None:
    assert opened(root).submodules() == ()
    other = repository(tmp_path / "other", {"a.py": "x\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    assert opened(root).submodules() == ("sub/",)
    assert "sub" not in opened(root).index()
