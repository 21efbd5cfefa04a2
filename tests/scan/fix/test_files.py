"""Files that are mended: read, shown as a patch, written by consent, and otherwise left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.scan.code.scanning import scan_code
from headway.scan.findings import Finding, Fingerprints
from headway.scan.fix.files import (
    SUGGESTED_MAX,
    FileFix,
    Left,
    decoded,
    has_libcst,
    mended_files,
    wanted_libcst,
    write,
)
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.writing import NotWritten

SENDS = (
    'import requests\n\ndef call(base, token):\n    return requests.get(base + "?jwt=" + token)\n'
)


def found(*paths: Path) -> list[Finding]:
    """What a scan finds."""
    report = Collecting()
    scan_code(map(str, paths), Telling(report, Fingerprints(bytes(32))))
    return report.findings


def fix_of(path: Path) -> FileFix:
    """The fix of the one file."""
    (fix,) = mended_files(found(path))
    assert isinstance(fix, FileFix)
    return fix


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (SENDS.encode(), "utf-8"),
        (SENDS.replace("\n", "\r\n").encode(), "utf-8"),
        (b"\xef\xbb\xbf" + SENDS.encode(), "utf-8"),
        (
            b"\xef\xbb\xbf"
            + SENDS.replace(
                "import requests\n\n", 'import requests; requests.get(b + "?jwt=" + t)\n'
            ).encode(),
            "utf-8",
        ),
        (("# coding: latin-1\n# \xe9\n" + SENDS).encode("latin-1"), "iso-8859-1"),
        (SENDS.rstrip().encode(), "utf-8"),
        (("# \U0001f600 \u4e2d\n" + SENDS).encode(), "utf-8"),
    ],
    ids=["plain", "crlf", "mark", "mark-first-line", "latin-1", "no-newline", "wide"],
)
def test_a_file(tmp_path: Path, data: bytes, encoding: str) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(data)
    path.chmod(0o640)
    fix = fix_of(path)
    assert (fix.before, fix.encoding, fix.left) == (data, encoding, ())
    assert path.read_bytes() == data, "nothing is written without consent"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "a.py").write_bytes(data)
    write(fix)
    assert path.read_bytes() == fix.after != data
    assert b"?jwt=" not in fix.after
    assert (path.stat().st_mode & 0o777) == 0o640
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    assert found(path) == []
    for program in (["git", "apply", "-"], ["patch", "-p1", "--binary"]):
        (copy / "a.py").write_bytes(data)
        patch = fix.patch_bytes(str(tmp_path))
        done = subprocess.run(program, input=patch, cwd=copy, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert (copy / "a.py").read_bytes() == fix.after


def test_names_of_patches(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.py"
    path.write_text(SENDS)
    fix = fix_of(path)
    assert fix.patch_bytes(str(tmp_path)).startswith(b"--- a/in/a.py\n")
    outside = fix.patch_bytes(str(tmp_path / "other"))
    assert outside.startswith(b"--- a" + os.fsencode(path) + b"\n")


def test_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(b, t):\n    return b + '?jwt=' + t\n")
    (tmp_path / "b.js").write_text("fetch(`${b}?jwt=${t}`)")
    (tmp_path / "c.py").write_text('def f(b, t):\n    print(b + "?jwt=" + t)\n')
    (tmp_path / "d.py").write_bytes(b"# coding: klingon\n" + SENDS.encode())
    (tmp_path / "e.py").write_bytes(b"# \xff\n" + SENDS.encode())
    (tmp_path / "f.py").write_bytes(
        SENDS.replace("import requests\n\n", "import requests\r\r").encode()
    )
    fixes = [*mended_files(found(tmp_path))]
    told = {
        Path(each.finding.place.path).name: each.why
        for fix in fixes
        for each in ([fix] if isinstance(fix, Left) else fix.left)
    }
    assert told == {
        "a.py": "it is returned: who calls this sends it",
        "b.js": "is no Python: --patch suggests what to change",
        "d.py": "its encoding can not be read",
        "e.py": "its encoding can not be read",
        "f.py": "its encoding can not be read",
    }


def test_suggestions(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_bytes(
        b"\xef\xbb\xbf// \xc3\xb6\r\nfetch(`${b}?jwt=${t}`);\r\n"
        b"open(`${b}?jwt=${t}`);\r\nfetch(`${b}?jwt=${t}`);\r\n"
    )
    (fix,) = mended_files(found(path), suggestions=True)
    assert isinstance(fix, FileFix)
    assert fix.after.count(b"Authorization: `JWT ${t}`") == 2
    assert [each.why for each in fix.left] == ["no suggestion is known for it"]
    data = fix.patch_bytes(str(tmp_path))
    done = subprocess.run(["git", "apply", "-"], input=data, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == fix.after


def test_many_suggestions_have_an_end(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text("fetch(`${b}?jwt=${t}`);\n" * (SUGGESTED_MAX + 1))
    (fix,) = mended_files(found(path), suggestions=True)
    assert isinstance(fix, FileFix)
    assert len(fix.done) == SUGGESTED_MAX
    assert [each.why for each in fix.left] == ["there are too many in this file"]


def test_a_suggestion_that_meets_another(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text("axios.get(u, {\n  params: {\n    jwt: t,\n    access_token: t\n  } });\n")
    (fix,) = mended_files(found(path), suggestions=True)
    assert isinstance(fix, FileFix)
    assert [each.why for each in fix.left] == ["it meets another suggestion"]


def test_python_without_libcst_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    findings = found(path)
    monkeypatch.setitem(sys.modules, "libcst", None)
    (left,) = mended_files(findings, suggestions=True)
    assert isinstance(left, Left)
    assert "LibCST" in left.why


def test_links_and_other_names_are_left(tmp_path: Path) -> None:
    """T26: a link out of the tree is never followed, and no other name is torn off."""
    outside = tmp_path / "outside.py"
    outside.write_text(SENDS)
    tree = tmp_path / "tree"
    tree.mkdir()
    link = tree / "link.py"
    link.symlink_to(outside)
    assert found(tree) == []
    (left,) = mended_files(found(link))
    assert isinstance(left, Left)
    assert "is a link" in left.why
    (tree / "hard.py").hardlink_to(outside)
    (left,) = mended_files(found(tree / "hard.py"))
    assert isinstance(left, Left)
    assert "2 names" in left.why
    assert outside.read_text() == SENDS


def test_what_has_gone_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    findings = found(path)
    path.unlink()
    (left,) = mended_files(findings)
    assert isinstance(left, Left)
    assert "no such file" in left.why


def test_a_file_that_changed_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    fix = fix_of(path)
    path.write_text(SENDS + "# more\n")
    with pytest.raises(NotWritten, match="changed meanwhile"):
        write(fix)
    assert path.read_text() == SENDS + "# more\n"
    path.unlink()
    path.write_text(SENDS)  # the same bytes, and another file
    os.link(path, tmp_path / "kept")
    with pytest.raises(NotWritten, match="names"):
        write(fix)


def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    """T26: somebody exchanges the folder between the patch and the writing."""
    (tmp_path / "in").mkdir()
    (tmp_path / "other").mkdir()
    path = tmp_path / "in" / "a.py"
    path.write_text(SENDS)
    (tmp_path / "other" / "a.py").write_text(SENDS)
    fix = fix_of(path)
    (tmp_path / "in").rename(tmp_path / "was")
    (tmp_path / "in").symlink_to(tmp_path / "other")
    with pytest.raises(NotWritten):
        write(fix)
    assert (tmp_path / "other" / "a.py").read_text() == SENDS
    assert [each.name for each in (tmp_path / "other").iterdir()] == ["a.py"]


def test_the_text_of_a_file() -> None:
    assert decoded(b"\xef\xbb\xbfa = 1\n") == ("a = 1\n", "utf-8", b"\xef\xbb\xbf")
    with pytest.raises(UnicodeError):
        decoded(b"a = 1\rb = 2\n")


def test_without_libcst(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_libcst()
    wanted_libcst()
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert not has_libcst()
    with pytest.raises(ConfigurationError, match=r"pip install '\.\[fix\]'"):
        wanted_libcst()


def test_the_scan_works_without_libcst(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    code = (
        "import sys; sys.modules['libcst'] = None\n"
        "from headway.cli.commands import run\n"
        f"assert run(['scan', 'code', {str(tmp_path)!r}]) == 1\n"
    )
    environment = {**os.environ, "HEADWAY_SCAN_KEY": "ab" * 32}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
