"""Pages: attributes, hidden fields, scripts, bindings."""

from __future__ import annotations

import pytest

from headway.scan.code.markup import attributes_that_send, bound_expressions, scripts
from scan.code.samples import check, check_pairs, seen_in


def test_the_corpus() -> None:
    check("markup")


def test_the_pairs() -> None:
    check_pairs("markup")


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ('<a href="{{ b }}?jwt={{ t }}">', ["jwt"]),
        ("<img src='<%= b %>?token=<%= t %>'>", ["token"]),
        ('<a href="https://x/?jwt=abc">', []),
        ('<a href="/x?jwt={{ t }}">', []),
        ('<a href="/x?access_token={{ t }}">', ["access_token"]),
        ('<p title="?jwt={{ t }}">', []),
        ('<!-- <a href="x?jwt={{ t }}"> -->', []),
        ('{# <a href="x?jwt={{ t }}"> #}', []),
        ('<form action="https://x/"><input name="token" value="{{ t }}"></form>', ["token"]),
        ('<form action="https://x/" method="post"><input name="token" value="{{ t }}"></form>', []),
        ('<form action="/own"><input name="token" value="{{ t }}"></form>', []),
        ('<form action="https://x/"><input name="token" value="x"><input></form>', []),
        ("<a href='{{", []),
    ],
)
def test_attributes(page: str, names: list[str]) -> None:
    assert [name for _, name, _ in attributes_that_send(page)] == names


def test_scripts_are_cut_out_with_their_place() -> None:
    page = (
        "<p>\n<script>a</script><script lang='ts'>b</script><script type='text/template'>c</script>"
    )
    cuts = [*scripts(page)]
    assert [(cut.text, cut.typescript) for cut in cuts] == [("a", False), ("b", True)]
    assert all(page[cut.start :].startswith(cut.text) for cut in cuts)


def test_bindings_are_expressions() -> None:
    page = '<a :href="b + c" title="x" @click="d"></a><script>:x="y"</script>'
    assert [cut.text for cut in bound_expressions(page)] == ["b + c", "d"]


def test_lines_are_those_of_the_page() -> None:
    page = "<p>\n<script>\n\nfetch(b + '?jwt=' + t)\n</script>"
    assert [seen.line for seen in seen_in("html", page)] == [4]
