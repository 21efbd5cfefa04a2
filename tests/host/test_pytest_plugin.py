"""The plugin, in suites of its own: fresh state for each test, one site for each worker."""

from __future__ import annotations

import subprocess
import sys

import pytest

PLUGIN = ("-p", "no:cacheprovider")

SUITE = """
    def test_a_change(jira_site):
        jira_site.issue("DEMO-1").summary = "Changed"
        jira_site.at("2022-02-02")
        jira_site.author = "user"
        jira_site.faults.next("/status", status=503)

    def test_it_is_gone(jira_site):
        assert jira_site.issue("DEMO-1").summary == "Watch a token travel"
        assert jira_site.client().get("/status").status_code == 200
        assert jira_site.author == "admin"
        assert jira_site.running.site.clock.moved == 0

    def test_the_other_product(confluence_site):
        assert confluence_site.url.endswith("/wiki")

    def test_and_back(jira_site):
        assert not jira_site.url.endswith("/wiki")
"""


def test_each_test_has_a_fresh_site(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=4)


def test_a_suite_says_what_its_site_is(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def headway_settings():
            return {"policy": "rehearsal", "at": "2021-12-01", "sockets": True}
        """
    )
    pytester.makepyfile(
        """
        def test_it(jira_site):
            assert jira_site.policy == "rehearsal"
            assert jira_site.client().get("/status").status_code == 200
        """
    )
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


def test_workers_do_not_meet(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_a_worker_has_its_own(jira_site, number):
            assert jira_site.issue("DEMO-1").summary == "Watch a token travel"
            jira_site.issue("DEMO-1").summary = f"By {number}"
            assert jira_site.issue("DEMO-1").summary == f"By {number}"
        """
    )
    done = pytester.runpytest_subprocess(*PLUGIN, "-n", "2")
    done.assert_outcomes(passed=6)


def test_whoever_tests_something_else_pays_nothing(pytester: pytest.Pytester) -> None:
    code = "import headway.host.pytest_plugin, sys; print('starlette' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_pytest_finds_it_by_itself(pytester: pytest.Pytester) -> None:
    """By the entry point of the installed package; no option names it."""
    done = pytester.runpytest_subprocess("--fixtures")
    assert "jira_site" in done.stdout.str()
