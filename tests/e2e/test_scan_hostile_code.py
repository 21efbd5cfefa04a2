"""A checkout that is made to hurt: bounded time and memory, a clear word for each file, no crash.

The command as it is started, with its processes.  One honest file stands among the others,
and is found each time.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from headway.scan.code.files import PROJECT
from headway.scan.code.languages import language_of
from headway.scan.code.pool import Pool
from headway.scan.code.worker import Hello, Task
from scan.corpus import secrets_in, tokens

HEADWAY = [sys.executable, "-P", "-c", "from headway.cli import main; main()", "scan", "code"]
LEAK = 'get(base + "/rest/api/3/myself?jwt=" + token)\n'
SIZE = 1_900_000


class Scanned(NamedTuple):
    """What a scan said and took."""

    code: int
    findings: dict[str, list[int]]  # lines by path
    unread: dict[str, str]
    memory: int  # bytes, of the largest process


def scan(root: Path, *options: str) -> Scanned:
    """Scan *root* in a process of its own."""
    environment = {**os.environ, "HEADWAY_SCAN_KEY": "ab" * 32}
    command = [*HEADWAY, ".", "--format", "json", "--jobs", "2", "--no-cache", *options]
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        out, error = process.communicate(timeout=280)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert error == b"", error[-2000:]
    assert secrets_in(out) == []
    document: dict[str, Any] = json.loads(out)
    findings: dict[str, list[int]] = {}
    for each in document["findings"]:
        findings.setdefault(each["place"]["path"], []).append(each["place"]["line"])
    unread = {each["path"]: each["why"] for each in document["summary"]["unread"]}
    return Scanned(process.returncode, findings, unread, used.ru_maxrss * 1024)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one honest file, which is the last."""
    made = tmp_path / "root"
    made.mkdir()
    (made / "zz.py").write_text(LEAK)
    return made


def repeated(text: str) -> str:
    return text * (SIZE // len(text))


# The quick and the slow: what each costs was measured, and only its end is promised.
TEXTS = {
    "brackets.js": "jwt" + repeated("["),
    "braces.ts": repeated("`?jwt=${"),
    "minus.py": "jwt = " + repeated("-"),
    "generics.cs": "var jwt = " + repeated("a<b,"),
    "imports.js": repeated("import {a"),
    "words.py": "jwt = 1\n" + repeated("a:a "),
    "tags.html": repeated("<script>jwt"),
    "aliases.yaml": "openapi: 3.0.0\njwt: 1\na: &a [x]\n"
    + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
    ),
    "deep.yaml": "openapi: 3.0.0\njwt: " + "{a: " * 50_000,
    "strings.py": repeated('"?jwt='),
    "mentions.js": repeated('"?jwt="+x,'),
}


WHYS = {"is nested too deeply", "takes too long to be read", "takes too much memory"}


def test_texts_that_parsers_choke_on() -> None:
    """A tenth of the time that a file has, and each ends when it is over."""
    given = [
        Task(number, language.name, text.encode(), name.encode(), name.encode(), project)
        for number, (name, text) in enumerate(TEXTS.items())
        if (language := language_of(name)) is not None
        for project in ([None, {}] if language.name in PROJECT else [{}])
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Pool(2, Hello(bytes(32), seconds=1.0)) as workers:
        answers = list(workers.answers([*given, Task(len(TEXTS), "python", LEAK.encode())]))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(answers) == len(given) + 1
    assert {each.why for each in answers} - {""} <= WHYS
    assert "takes too long to be read" in {each.why for each in answers}
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert took < 4 * len(given)  # its second, once more alone, and a process each
    assert after.ru_maxrss * 1024 < 1.3 * 2**30


@pytest.mark.soak
def test_texts_that_parsers_choke_on_in_a_folder(root: Path) -> None:
    for name, text in TEXTS.items():
        (root / name).write_text(text)
    found = scan(root)
    assert found.code == 1
    assert found.findings["zz.py"] == [1]
    assert set(found.unread) <= set(TEXTS)
    assert {"brackets.js", "braces.ts"} <= set(found.unread)
    assert set(found.unread.values()) <= WHYS
    assert found.memory < 1.3 * 2**30


def test_one_long_line_among_others(root: Path) -> None:
    (root / "min.js").write_text("x=1;" * 300_000 + "fetch(`${b}?jwt=${t}`);" + "y=2;" * 100_000)
    (root / "long.js").write_text("x=1;" * 600_000)
    with (root / "sparse.py").open("wb") as file:
        file.truncate(1 << 40)
    found = scan(root)
    assert found.findings == {"min.js": [1], "zz.py": [1]}
    assert found.unread == dict.fromkeys(("long.js", "sparse.py"), "has more than 2000000 bytes")


def test_what_is_no_text_or_another_one(root: Path) -> None:
    leak = LEAK.encode()
    for name, data in {
        "latin.py": b"# caf\xe9\xff\xfe\n" + leak,
        "bom.py": b"\xef\xbb\xbf" + leak,
        "wide.py": ("x = 1\n" + LEAK).encode("utf-16"),
        "big.py": b"\xfe\xff" + LEAK.encode("utf-16-be"),
        "cut.py": ("x = '\U0001f600'\n" + LEAK).encode("utf-16")[:-1],
        "surrogates.js": b'x = "\\ud800"; ' + b"fetch(`${b}?jwt=${t}`)\xed\xa0\x80",
        "old.py": leak.replace(b"\n", b"\r"),
        "no-mark.py": LEAK.encode("utf-16-le"),
        "binary.py": os.urandom(1_000) + b"\0",
        "empty.py": b"",
        "late.py": leak + b"#" * 9_000 + b"\0\0",
        "secret.py": f"get('https://h/?jwt=' + t)  # {tokens()['T']}".encode(),
    }.items():
        (root / name).write_bytes(data)
    found = scan(root)
    assert found.findings == {
        "latin.py": [2], "bom.py": [1], "wide.py": [2], "big.py": [1], "cut.py": [2],
        "surrogates.js": [1], "old.py": [1], "late.py": [1], "secret.py": [1], "zz.py": [1],
    }  # fmt: skip
    assert found.unread == dict.fromkeys(("no-mark.py", "binary.py"), "is no text")


def test_what_is_no_file(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket.py"))
    (root / "folder.py").mkdir()
    (root / "folder.py" / "a.py").write_text(LEAK)
    (root / "around.py").symlink_to("around.py")
    (root / "loop").symlink_to(".")
    (root / "loop" / "up").symlink_to("..")
    (tmp_path / "outside.py").write_text(LEAK)
    (root / "outside.py").symlink_to(tmp_path / "outside.py")
    (root / "zero.py").symlink_to("/dev/zero")
    (root / ".gitignore").symlink_to("/dev/zero")
    unread = {"pipe.py": "is a pipe", "socket.py": "no such device or address"}
    try:
        os.mknod(root / "device.py", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
        unread["device.py"] = "is a device"
    except PermissionError:
        pass
    found = scan(root)
    assert found.findings == {"folder.py/a.py": [1], "zz.py": [1]}
    if "device.py" in found.unread and found.unread["device.py"] != "is a device":
        unread["device.py"] = "operation not permitted"  # a mount without devices
    assert found.unread == unread


def test_names(root: Path) -> None:
    names = ["a\nb.py", "\x1b[2J.py", "a b.py", "'\"$(x)`.py", "-x.py", "--ignore-path=*.py",
             "\u202egnp.py", "é.py", "x" * 250 + ".py", "::error::.py", "*.py", "[a].py",
             "{a}.py", "\\.py"]  # fmt: skip
    for name in names:
        (root / name).write_text(LEAK)
    (root / os.fsdecode(b"\xff\xfe.py")).write_text(LEAK)
    deep = root
    for _ in range(60):
        deep /= "d" * 60
        deep.mkdir()
    (deep / "a.py").write_text(LEAK)
    found = scan(root)
    assert set(names) <= set(found.findings)
    assert "\\udcff\\udcfe.py" in found.findings
    assert len(found.findings) == len(names) + 3
    assert found.unread == {}


def test_files_that_come_and_go(root: Path) -> None:
    """Whatever is met, the honest file is found, and nothing ends the scan."""
    for number in range(400):
        (root / f"a{number}.py").write_text(LEAK * 20)
    done = threading.Event()

    def changes() -> None:
        while not done.is_set():
            for number in range(0, 400, 3):
                path = root / f"a{number}.py"
                path.unlink(missing_ok=True)
                if number % 2:
                    path.mkdir(exist_ok=True)
                    path.rmdir()
                path.write_text(LEAK * (number % 7))
                if done.wait(0.001):
                    return

    thread = threading.Thread(target=changes)
    thread.start()
    try:
        found = scan(root)
    finally:
        done.set()
        thread.join()
    assert found.code == 1
    assert found.findings["zz.py"] == [1]
    assert found.findings["a1.py"] == list(range(1, 21))
    assert set(found.unread.values()) <= {"no such file or directory", "is a folder"}


def test_a_folder_that_goes(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub").chmod(0)
    found = scan(root)
    assert found.findings == {"zz.py": [1]}
    assert os.geteuid() == 0 or found.unread == {"./sub": "permission denied"}


def test_ctrl_c_leaves_no_process(root: Path) -> None:
    import signal

    (root / "minus.py").write_text("jwt = " + repeated("-"))
    (root / "other.py").write_text("jwt = " + repeated("- "))
    environment = {**os.environ, "HEADWAY_SCAN_KEY": "ab" * 32}
    with subprocess.Popen(
        [*HEADWAY, ".", "--no-cache"], cwd=root, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while not (children := _children(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert children
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT, 2)
    assert b"Traceback" not in error
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found
