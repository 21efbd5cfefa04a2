"""What is logged: followed from where a token is put into an address."""

from __future__ import annotations

import pytest

from scan.code.samples import check, check_pairs, seen_in

PUTS = "  def f(self):\n    self.u = b + '?jwt=' + t\n"
SETS = "const u = new URL(b); u.searchParams.set('jwt', t);"
QUERY = 'b + "?jwt=" + t'


def test_the_corpus() -> None:
    check("logging")


def test_the_pairs() -> None:
    check_pairs("logging", "logging a request")


@pytest.mark.parametrize(
    ("language", "code", "lines"),
    [
        ("python", "url = b + '?jwt=' + t\nlog.info(url)", [2]),
        ("python", "log.info(url)\nurl = b + '?jwt=' + t", []),
        ("python", "url = b + '?jwt=' + t\nlog.info(len(url))", []),
        ("python", "url = b + '?jwt=' + t\nlog.info(mask(url))", []),
        ("python", "url = b + '?jwt=' + t\nlog.info(x.url)", []),
        ("python", "url = b + '?jwt=' + t\nx = url\ny = str(x)\nprint(y)", [4]),
        ("python", "r = get(b + '?jwt=' + t)\nprint(r)", []),
        ("python", "params = {'jwt': t}\nu = b + '?' + urlencode(params)\nprint(u, params)", [3]),
        ("python", "def f():\n    return b + '?jwt=' + t\n\ndef g():\n    print(f())", [5]),
        ("python", "def f():\n  u = b + '?jwt=' + t\n  return u\n\ndef g():\n  print(f())", [6]),
        ("python", "def f():\n    u = b + '?jwt=' + t\n\ndef g(u):\n    print(u)", []),
        ("python", f"class A:\n{PUTS}  def g(self):\n    print(self.u)", [5]),
        ("python", "f = lambda: b + '?jwt=' + t\nprint(1)", []),
        ("javascript", "const f = (t) => b + '?jwt=' + t;\nconsole.log(f(1));", [2]),
        ("javascript", f"const f = async (t) => {{ {SETS} return u; }};\nconsole.log(f(1));", [2]),
        ("javascript", "const o = { url: b + '?jwt=' + t };\nconsole.log(o.name);", []),
        ("javascript", "login(b + '?jwt=' + t);\nlogin(u);", []),
        ("javascript", "a.b.c = b + '?jwt=' + t;\nconsole.log(a);", []),
        ("ruby", "def f(t)\n  @u = \"#{b}?jwt=#{t}\"\n  puts @u\nend", [3]),
        ("ruby", "xs.each do |x|\n  u = \"#{b}?jwt=#{t}\"\n  puts u\nend", [3]),
        ("ruby", "def u(t)\n  \"#{b}?jwt=#{t}\"\nend\nputs u(1)", [4]),
        ("python", "def f():\n    print(u)\n    return get(b + '?jwt=' + t)", []),
        ("python", "u = b + '?jwt=' + t\ndef g(u):\n    return u\nx = 1\nprint(x)", []),
        ("go", f"package a\nfunc f() {{\nu := {QUERY}\nfmt.Fprintln(w, u)\nlog.Print(u) }}", [5]),
        ("go", f"package a\nfunc f() {{\nu, err := {QUERY}\nlog.Print(err) }}", []),
    ],
)  # fmt: skip
def test_an_address_is_followed(language: str, code: str, lines: list[int]) -> None:
    seen = seen_in(language, code)
    assert [each.line for each in seen if each.rule == "logs-token-in-url"] == lines


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("x = request.args['jwt']\nlog.info(request.url)", [2]),
        ("x = request.headers['jwt']\nlog.info(request.url)", []),
        ("x = request.args['jwt']\nlog.info(redact(request.url))", []),
        ("x = request.args['jwt']\nlog.info(request.url.path)", []),
        ("x = request.args['jwt']\nstore(request.url)", []),
    ],
)
def test_a_request_that_has_a_token_is_not_logged_whole(code: str, lines: list[int]) -> None:
    seen = seen_in("python", code)
    assert [each.line for each in seen if each.rule == "logs-token-in-url"] == lines


def test_an_access_log_is_told_where_a_token_is_read() -> None:
    reads = "app.get('/api', (req, res) => res.json(f(req.query.jwt)));\n"
    for log in ("app.use(morgan('combined'));", "app.use(morgan(':method :url'));"):
        assert [s.rule for s in seen_in("javascript", reads + log)] == [
            "reads-token-from-url", "logs-token-in-url",
        ]  # fmt: skip
        assert seen_in("javascript", log) == []
    assert [s.rule for s in seen_in("javascript", reads + "const route = ':url';")] == [
        "reads-token-from-url"
    ]
