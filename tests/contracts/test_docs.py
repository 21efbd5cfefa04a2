"""The documents: their examples run, their links lead somewhere."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from contracts.modules import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED_TEST = re.compile(r"`(tests/[\w/]+(?:\.py|/)?)`|`(test_\w+)`")
LINK = re.compile(r"\[[^]]*\]\(([^)#\s]+)(#[^)\s]+)?\)")

ALL = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())


def test_the_documents_are_there() -> None:
    names = {p.name for p in PAGES}
    assert {"README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "refusals.md"} <= names
    assert {"api.md", "fidelity.md", "qsh.md"} <= names


@ALL
def test_examples_run(page: Path) -> None:
    """Examples with prompts run as one session a page; all others at least compile."""
    fences = FENCE.findall(page.read_text(encoding="utf-8"))
    session = "\n".join(fence for fence in fences if ">>> " in fence)
    for fence in fences:
        if ">>> " not in fence:
            compile(fence, str(page), "exec")
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    test = doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), 0)
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=report.append)
    assert failed == 0, "".join(report)


@ALL
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        aim = page.parent / target
        assert aim.exists(), target
        if anchor and aim.suffix == ".md":
            assert anchor in anchors(aim), f"{target}{anchor}"


@ALL
def test_tests_that_are_named_are_there(page: Path) -> None:
    """A page that says what shows a promise names files and then tests in them."""
    file = ROOT / "tests"
    for path, name in NAMED_TEST.findall(page.read_text(encoding="utf-8")):
        file = ROOT / path if path else file
        assert file.exists(), path
        assert not name or f"def {name}(" in file.read_text(encoding="utf-8"), f"{file}: {name}"


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
