"""What changed: in the index, between commits, and in the working tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.scan.baseline import Baseline
from headway.scan.code.changes import Changes, Range, range_of
from headway.scan.code.git import Repository
from headway.scan.code.scanning import scan_files
from headway.scan.findings import Finding, Fingerprints, Unread
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from scan.code.repositories import commit, environment, git, repository, write

LEAK = 'get(base + "/rest/api/3/myself?jwt=" + token)\n'


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose only commit has a leak in ``old.py``; it is the current folder."""
    made = repository(
        tmp_path.resolve() / "r", {"old.py": f"x = 1\n{LEAK}", "src/fine.py": "y = 2\n"}
    )
    monkeypatch.chdir(made)
    return made


@contextmanager
def changes(root: Path, words: str | None, named: tuple[str, ...] = (".",)) -> Iterator[Changes]:
    """The changes that *words* mean; None: what is staged."""
    found = Repository(str(root), environment())
    change = Range(found.head(), staged=True) if words is None else range_of(found, words)
    with found.objects() as objects:
        yield Changes(found, objects, change, list(named))


def scanned(
    root: Path,
    words: str | None,
    *named: str,
    new_ignores: bool = False,
    baseline: Baseline | None = None,
) -> tuple[list[str], Summary]:
    """Where findings are, as ``path:line``, and the summary."""
    report = Collecting()
    telling = Telling(report, Fingerprints(bytes(32)), baseline)
    with changes(root, words, named or (".",)) as found:
        summary = scan_files(found, telling, new_ignores=new_ignores)
    return [f"{each.place.path}:{each.place.line}" for each in report.findings], summary


def findings(root: Path, words: str | None) -> list[Finding]:
    report = Collecting()
    with changes(root, words) as found:
        scan_files(found, Telling(report, Fingerprints(bytes(32))), new_ignores=False)
    return report.findings


def test_nothing_changed(root: Path) -> None:
    for words in (None, "HEAD", "HEAD..HEAD", "HEAD...HEAD", "..", "..."):
        found, summary = scanned(root, words)
        assert (found, summary.files, summary.exit_code) == ([], 0, 0)


def test_only_lines_that_are_staged(root: Path) -> None:
    write(root, {"old.py": f"x = 1\n{LEAK}\n{LEAK.replace('get', 'put')}"})
    assert scanned(root, None)[0] == []
    git(root, "add", "old.py")
    write(root, {"old.py": "x = 1\n", "src/fine.py": LEAK})
    assert scanned(root, None)[0] == ["old.py:4"]


def test_only_lines_that_differ_in_the_working_tree(root: Path) -> None:
    write(root, {"old.py": f"\n\nx = 1\n{LEAK}", "src/fine.py": f"y = 2\n{LEAK}", "new.js": LEAK})
    assert scanned(root, "HEAD")[0] == ["new.js:1", "src/fine.py:2"]
    assert scanned(root, "HEAD", "src")[0] == ["src/fine.py:2"]
    assert scanned(root, "HEAD", "src/fine.py", "new.js")[0] == ["new.js:1", "src/fine.py:2"]
    inside = scanned(root, "HEAD", str(root / "src"))[0]
    assert inside == [f"{root}/src/fine.py:2"]


def test_between_commits(root: Path) -> None:
    first = git(root, "rev-parse", "HEAD")
    second = commit(root, {"src/fine.py": f"y = 2\n{LEAK}"})
    git(root, "checkout", "--quiet", "-b", "other", first)
    commit(root, {"mine.rb": 'get("#{base}?jwt=#{token}")\n'})
    write(root, {"tree.py": LEAK})
    assert scanned(root, f"{first}..{second}")[0] == ["src/fine.py:2"]
    assert scanned(root, f"{second}...other")[0] == ["mine.rb:1"]
    assert scanned(root, f"{second}...")[0] == ["mine.rb:1"]
    assert scanned(root, "main")[0] == ["mine.rb:1", "tree.py:1"]


@pytest.mark.parametrize("words", ["nothing", "--output=marker", "HEAD..--output=marker",
                                   "-p...HEAD", "HEAD...nothing"])  # fmt: skip
def test_t8_what_is_no_revision(root: Path, words: str) -> None:
    with pytest.raises(ConfigurationError):
        scanned(root, words)
    assert not (root / "marker").exists()


def test_before_the_first_commit_everything_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path.resolve() / "empty"
    made.mkdir()
    git(made, "init", "--quiet")
    write(made, {"a.py": LEAK})
    git(made, "add", "a.py")
    monkeypatch.chdir(made)
    assert scanned(made, None)[0] == ["a.py:1"]


def test_a_file_that_only_moved_has_no_new_lines(root: Path) -> None:
    git(root, "mv", "old.py", "moved.py")
    assert scanned(root, None)[0] == []
    write(root, {"moved.py": f"x = 1\n{LEAK}\n{LEAK}"})
    assert scanned(root, "HEAD")[0] == ["moved.py:4"]


def test_line_ends_that_a_checkout_changed_are_no_change(root: Path) -> None:
    text = f"x = 1\n{LEAK}"
    (root / "old.py").write_bytes(text.replace("\n", "\r\n").encode())
    assert scanned(root, "HEAD")[0] == []
    (root / "old.py").write_bytes((text + LEAK).replace("\n", "\r\n").encode())
    assert scanned(root, "HEAD")[0] == ["old.py:3"]


def test_what_git_has_not_is_looked_at_where_it_is_not_ignored(root: Path) -> None:
    write(root, {".gitignore": "built/\n", "built/a.py": LEAK, "node_modules/b.js": LEAK})
    git(root, "add", "--force", "node_modules/b.js")
    assert scanned(root, "HEAD")[0] == []
    git(root, "add", "--force", "built/a.py")
    assert scanned(root, "HEAD")[0] == ["built/a.py:1"]


def test_what_has_gone_and_what_is_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    write(tmp_path / "outside", {"fine.py": LEAK, "a.py": LEAK})
    (root / "old.py").unlink()
    (root / "src" / "fine.py").unlink()
    (root / "src").rmdir()
    (root / "src").symlink_to(tmp_path / "outside")
    (root / "link.py").symlink_to(tmp_path / "outside" / "a.py")
    assert scanned(root, "HEAD")[0] == []


def test_what_is_not_there_and_what_can_not_be_read(root: Path) -> None:
    write(root, {"binary.py": "\0", "long.py": "x" * 2_000_001})
    git(root, "add", "--all")
    _, summary = scanned(root, None, ".", "nothing")
    assert summary.unread == [
        Unread("binary.py", "is no text"),
        Unread("long.py", "has more than 2000000 bytes, or is not in this clone"),
        Unread("nothing", "no such file or directory"),
    ]
    assert summary.exit_code == 2


def test_what_is_another_repository_s_is_not_looked_at(root: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"theirs.py": LEAK})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    write(root, {"sub/theirs.py": 2 * LEAK, "subway.py": LEAK})
    for words in ("HEAD", None):
        found = scanned(root, words)[0]
        assert found == (["subway.py:1"] if words else [])


def test_what_is_not_merged_is_told(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "other")
    commit(root, {"old.py": "other\n"})
    git(root, "checkout", "--quiet", "main")
    commit(root, {"old.py": "main\n"})
    with pytest.raises(Exception, match="merge"):
        git(root, "merge", "--quiet", "other")
    assert scanned(root, None)[1].unread == [Unread("old.py", "is not merged")]


def test_constants_of_modules_that_did_not_change(root: Path) -> None:
    commit(root, {"src/names.py": 'PARAM = "jwt"\n', "src/other.py": 'PARAM = "token"\n'})
    write(root, {"src/fine.py": "from names import PARAM\nget(url, params={PARAM: t})\n"})
    assert scanned(root, "HEAD")[0] == ["src/fine.py:2"]
    git(root, "add", "--all")
    write(root, {"src/names.py": 'PARAM = "page"\n'})
    assert scanned(root, None)[0] == ["src/fine.py:2"]
    git(root, "add", "--all")
    assert scanned(root, None)[0] == []


def test_the_same_fingerprint_as_a_scan_of_the_folder(root: Path) -> None:
    from headway.scan.code.scanning import scan_code

    write(root, {"src/fine.py": f"y = 2\n{LEAK}"})
    report = Collecting()
    scan_code(["."], Telling(report, Fingerprints(bytes(32))))
    prints = {each.place.path: each.fingerprint for each in report.findings}
    (finding,) = findings(root, "HEAD")
    assert finding.fingerprint == prints["src/fine.py"]
    assert scanned(root, "HEAD", baseline=Baseline([finding.fingerprint]))[1].suppressed == 1
    assert scanned(root, "HEAD", baseline=Baseline(paths=["src/*"]))[0] == []


# ---- T29: a change disarms its own scan -----------------------------------------------------


def test_t29_a_comment_that_came_with_the_change_has_no_say(root: Path) -> None:
    write(root, {
        "src/fine.py": f"y = 2\n{LEAK[:-1]}  # headway: ignore\n",
        "new.py": f"# headway: ignore\n{LEAK}",
    })  # fmt: skip
    for words in ("HEAD", None):
        git(root, "add", "--all")
        found, summary = scanned(root, words)
        assert (found, summary.suppressed) == (["new.py:2", "src/fine.py:2"], 0)
        found, summary = scanned(root, words, new_ignores=True)
        assert (found, summary.suppressed, summary.exit_code) == ([], 2, 0)
    assert all("is new" in each.message for each in findings(root, "HEAD"))


def test_t29_a_comment_that_was_there_before_counts(root: Path) -> None:
    commit(root, {"src/fine.py": "# headway: ignore\ny = 2\n"})
    write(root, {"src/fine.py": f"# headway: ignore\n{LEAK}"})
    found, summary = scanned(root, "HEAD")
    assert (found, summary.suppressed) == ([], 1)


@pytest.mark.parametrize("attributes", ["*.py -diff", "*.py binary", "*.py -text", "* diff=none",
                                        "*.py filter=lfs", "*.py export-ignore"])  # fmt: skip
def test_t29_attributes_that_came_with_the_change_hide_nothing(root: Path, attributes: str) -> None:
    write(root, {".gitattributes": attributes, ".gitignore": "*.py", "new.py": LEAK})
    git(root, "add", "--all", "--force")
    assert scanned(root, None)[0] == ["new.py:1"]
    assert scanned(root, "HEAD")[0] == ["new.py:1"]


def test_t29_the_baseline_is_the_one_from_before(root: Path, tmp_path: Path) -> None:
    commit(root, {"known.json": "before"})
    write(root, {"known.json": "after", "new.json": "after"})
    (tmp_path / "link.json").symlink_to(root / "known.json")
    (tmp_path / "own.json").write_text("own")
    with changes(root, "HEAD") as found:
        assert found.file_before(Path("known.json")) == b"before"
        assert found.file_before(tmp_path / "link.json") == b"before"
        assert found.file_before(Path("new.json")) == b""
        assert found.file_before(tmp_path / "own.json") is None


def test_t29_wide_characters_hide_no_line(root: Path) -> None:
    """Bytes of UTF-16 look like line feeds where none are."""
    before = "x = '\u0a0a\u0a0a'\n" + "\n" * 5
    (root / "wide.py").write_bytes(before.encode("utf-16"))
    commit(root, {})
    (root / "wide.py").write_bytes((before + LEAK).encode("utf-16"))
    assert scanned(root, "HEAD")[0] == ["wide.py:7"]


def test_the_other_hash() -> None:
    from headway.scan.code.changes import _named

    assert _named(b"", "0" * 64).startswith("473a0f4c3be8a936")
    assert _named(b"", "0" * 40).startswith("e69de29bb2d1d643")
