from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from headway.host.body_view import ATTRIBUTES, CLASSES, TAGS, Links, sanitised, view
from headway.host.storage_format import Macro

LINKS = Links(
    page=lambda title, key: None if title == "Gone" else f"/wiki/{key or 'HERE'}/{title}",
    file=lambda name: None if name == "gone.png" else f"/files/{name}",
    user=lambda account_id: f"<{account_id}>",
)


def shown(body: str) -> str:
    return view(body, LINKS, lambda macro: None)


INFO, END = '<ac:structured-macro ac:name="info">', "</ac:structured-macro>"
EVIL = (
    "<script>alert(1)</script>",
    '<img src="x" onerror="alert(1)" />',
    '<a href="javascript:alert(1)">a</a>',
    '<a href=" jav&#x09;ascript:alert(1)">a</a>',
    '<a href="data:text/html,x">a</a>',
    '<iframe src="/inspector"></iframe>',
    '<form action="/logout"><input name="csrf" /></form>',
    '<style>p { display: none }</style><p style="position: fixed">a</p>',
    '<svg><script>alert(1)</script><a xlink="x">a</a></svg>',
    "<math><mtext><style>x</style></mtext></math>",
    '<p id="main" class="hw-flag" data-app-key="x">a</p>',
    '<div class="hw-module" data-app-key="x" data-module-key="y"></div>',
    '<meta name="hw-csrf" content="x" /><base href="//evil" /><link rel="x" />',
    '<ac:link><ri:url ri:value="javascript:alert(1)" /></ac:link>',
    '<ac:image><ri:url ri:value="javascript:alert(1)" /></ac:image>',
    "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
    "<p><![CDATA[<script>alert(1)</script>]]></p>",
    '<ac:link><ri:page ri:content-title="&quot; onclick=&quot;x" /></ac:link>',
    '<ac:structured-macro ac:name="&lt;script&gt;" />',
    f'{INFO}<ac:parameter ac:name="title">&lt;img src=x onerror=x&gt;</ac:parameter>{END}',
    '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
)


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_that_runs_or_steers_gets_through(evil: str) -> None:
    reader = Reader()
    reader.feed(shown(evil))
    for tag, attributes in reader.found:
        assert tag in TAGS
        for name, value in attributes:
            assert name in {"class", "rel", *ATTRIBUTES.get(tag, ())}
            assert name != "class" or set((value or "").split()) <= CLASSES[tag]
            if name in ("href", "src"):
                assert urlsplit(value or "").scheme in ("", "http", "https", "mailto")


class Reader(HTMLParser):
    """A second reading of what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_no_class_of_the_sites_own_is_allowed() -> None:
    assert not any(name.startswith("hw-") for names in CLASSES.values() for name in names)


def test_plain_html_stays() -> None:
    body = '<h2>a</h2><ul><li>b<br></li></ul><table><tbody><tr><th scope="col">c</th></tr>'
    assert shown(f"{body.replace('<br>', '<br/>')}</tbody></table>") == f"{body}</tbody></table>"
    assert shown("<p>&nbsp;&copy; a &amp; b</p>") == "<p>&nbsp;© a &amp; b</p>"


def test_links() -> None:
    assert shown('<ac:link><ri:page ri:content-title="T" /></ac:link>') == (
        '<a href="/wiki/HERE/T" rel="noopener noreferrer">T</a>'
    )
    other = '<ac:link><ri:page ri:content-title="T" ri:space-key="K" /><ac:link-body><b>x</b>'
    assert 'href="/wiki/K/T"' in shown(f"{other}</ac:link-body></ac:link>")
    assert "<b>x</b></a>" in shown(f"{other}</ac:link-body></ac:link>")
    assert shown('<ac:link><ri:page ri:content-title="Gone" /></ac:link>') == "Gone"
    assert shown('<ac:link ac:anchor="part" />') == "part"
    assert ">a.png</a>" in shown('<ac:link><ri:attachment ri:filename="a.png" /></ac:link>')
    person = '<ac:link><ri:user ri:account-id="u1" /></ac:link>'
    assert shown(person) == '<span class="confluence-userlink">&lt;u1&gt;</span>'
    url = '<ac:link><ri:url ri:value="https://x.example" /><ac:plain-text-link-body>'
    assert ">x</a>" in shown(f"{url}<![CDATA[x]]></ac:plain-text-link-body></ac:link>")


def test_pictures() -> None:
    sized = '<ac:image ac:width="20" ac:height="x" ac:alt="A"><ri:attachment ri:filename="a.png" />'
    assert shown(f"{sized}</ac:image>") == '<img src="/files/a.png" alt="A" width="20">'
    gone = '<ac:image><ri:attachment ri:filename="gone.png" /></ac:image>'
    assert shown(gone) == "gone.png"
    assert shown("<ac:image />") == ""
    assert shown('<ac:image><ri:url ri:value="" /></ac:image>') == ""


def test_other_elements_of_the_format() -> None:
    tasks = "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-body>do</ac:task-body>"
    assert shown(f"{tasks}</ac:task></ac:task-list>") == (
        '<ul class="inline-task-list"><li>do</li></ul>'
    )
    layout = "<ac:layout><ac:layout-section><ac:layout-cell>x</ac:layout-cell></ac:layout-section>"
    assert shown(f"{layout}</ac:layout>") == "<div><div><div>x</div></div></div>"
    assert shown("<ac:placeholder>type here</ac:placeholder>") == ""
    assert shown('<ac:emoticon ac:emoji-fallback=":)" />') == ":)"
    assert shown("<ac:unknown>kept <b>text</b></ac:unknown>") == "kept <b>text</b>"


def test_the_sites_own_macros() -> None:
    def macro(name: str, inner: str = "", rich: bool = True) -> str:
        body = "ac:rich-text-body" if rich else "ac:plain-text-body"
        return shown(
            f'<ac:structured-macro ac:name="{name}"><ac:parameter ac:name="title">T</ac:parameter>'
            f"<{body}>{inner}</{body}></ac:structured-macro>"
        )

    info = macro("info", "<p>x</p>")
    assert "confluence-information-macro-information" in info
    assert "<p><strong>T</strong></p><p>x</p></div>" in info
    assert macro("code", "<![CDATA[a < b]]>", rich=False).endswith("<pre>a &lt; b</pre>")
    assert macro("expand", "x") == "<details><summary>T</summary>x</details>"
    assert macro("status") == '<span class="status-macro">T</span>'
    assert macro("excerpt", "x") == "x"
    assert macro("panel", "x").startswith('<div class="panel">')
    untitled = '<ac:structured-macro ac:name="expand"><ac:rich-text-body>x</ac:rich-text-body>'
    assert "Click here" in shown(f"{untitled}</ac:structured-macro>")


def test_other_macros_are_asked_for() -> None:
    asked: list[Macro] = []

    def render(macro: Macro) -> str | None:
        asked.append(macro)
        return '<div class="hw-module" data-app-key="a"></div>' if macro.name == "app" else None

    body = """<p>before</p><ac:structured-macro ac:name="app" /><ac:structured-macro
        ac:name="nobodys" /><table><tbody><tr><td><ac:structured-macro ac:name="app" /></td></tr>
        </tbody></table>"""
    html = view(body, LINKS, render)
    assert html.count('<div class="hw-module" data-app-key="a"></div>') == 2
    assert '<div class="confluence-unknown-macro">nobodys</div>' in html
    assert [macro.name for macro in asked] == ["app", "nobodys", "app"]


def test_somebodys_html() -> None:
    assert sanitised("<p onclick=x>a<script>b</script></p>") == "<p>a</p>"
    with pytest.raises(ValueError, match="well-formed"):
        shown("<p>")
