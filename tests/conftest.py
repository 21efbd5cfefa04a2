"""What every test runs under: no token in any log or output, and coverage by own test file."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import services
from contracts import own_coverage
from contracts.tokens import TokenWatch, token_shaped

ROOT = Path(__file__).resolve().parent.parent
ACE = ROOT / "tests" / "e2e" / "ace" / "node_modules"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile("headway", deadline=None)
hypothesis.settings.load_profile("headway")

_missing = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--own-coverage",
        action="store_true",
        help="fail where a module is not covered by its own test file (needs --cov-context=test)",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine can not run."""
    absent = {
        "browser": None if any(map(shutil.which, BROWSERS)) else "no Chromium on this machine",
        "node": None if shutil.which("node") and ACE.exists() else "no Node.js, or no 'make setup'",
    }
    for item in items:
        for marker, reason in absent.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


# ---- no token in any log or output ----------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_token_in_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every logger at DEBUG, every record looked at; see tests/contracts/tokens.py."""
    if request.node.get_closest_marker("logs_tokens"):
        yield
        return
    root, watch = logging.getLogger(), TokenWatch()
    level = root.level
    root.setLevel(logging.DEBUG)
    with watch:
        yield
    root.setLevel(level)
    if watch.offenders:
        pytest.fail(f"a token was logged by: {', '.join(sorted(watch.offenders))}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when != "teardown" or item.get_closest_marker("logs_tokens"):
        return report
    streams = {name for name, text in report.sections if "log" not in name and token_shaped(text)}
    if streams and report.passed:
        report.outcome = "failed"
        report.longrepr = f"a token was written to: {', '.join(sorted(streams))}"
    return report


# ---- each module is covered by its own test file --------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if not config.getoption("--own-coverage") or hasattr(config, "workerinput"):
        return
    config.stash[_missing] = own_coverage.missing(ROOT)
    if config.stash[_missing] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if missing := config.stash.get(_missing, []):
        terminalreporter.section("not covered by its own test file", red=True)
        for line in missing:
            terminalreporter.line(line)


# ---- real servers ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql() -> Iterator[services.PostgreSQL]:
    """A cluster of our own; skipped, with the reason, where the programs are missing."""
    if services.postgresql_programs() is None:
        pytest.skip("no PostgreSQL programs on this machine (Debian: apt-get install postgresql)")
    cluster = services.PostgreSQL()
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[services.Redis]:
    """A Redis of our own; skipped, with the reason, where the program is missing."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine (Debian: apt-get install redis-server)")
    server = services.Redis()
    yield server
    server.close()
