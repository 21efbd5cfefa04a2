"""What reads a token from an address: APIs, and not the routes of frames."""

from __future__ import annotations

import pytest

from scan.code.samples import check, check_pairs, seen_in


def test_the_corpus() -> None:
    check("reading")


def test_the_pairs() -> None:
    check_pairs("reading")


@pytest.mark.parametrize(
    ("language", "code", "reads"),
    [
        ("javascript", 'app.get("/api/x", (req, res) => res.json(f(req.query.jwt)))', True),
        ("javascript", 'app.get("/panel", (req, res) => res.render("x", f(req.query.jwt)))', False),
        ("javascript", 'app.get("/x", (req, res) => res.send(f(req.query.jwt)))', False),
        ("python", 'def f():\n    return jsonify(g(request.args["token"]))', True),
        ("python", 'def f():\n    request.args["token"] = 1\n    return jsonify(1)', False),
        ("python", "x = request.args['token']", False),
        ("php", "<?php function f() { $t = $_GET['jwt']; return response()->json(g($t)); }", True),
        ("typescript", "function f(req) { return api(req.params['access_token']); }", False),
        ("javascript", "app.get('/api/x', ({ query: { jwt } }, res) => res.json(f(jwt)))", True),
        (
            "javascript",
            "app.get('/api/x', (r, res) => { const q = r.query; res.json(f(q.jwt)) })",
            True,
        ),
        (
            "javascript",
            "app.get('/api/x', (req, res) => res.json(f(url.parse(req.url).query.jwt)))",
            True,
        ),
        ("kotlin", 'interface A { @GET("x") fun f(@Query("access_token") t: String): B }', False),
        ("python", "def f():\n    return api(request.args['access_token'])", True),
        ("python", "def callback():\n    return api(request.args['access_token'])", False),
        ("python", "def f():\n    return jsonify(request.values['access_token'])", True),
        ("ruby", "def create\n  render json: f(params[:access_token])\nend", False),
        ("python", "KEY = 'api_key'\ndef f():\n    return jsonify(request.args[KEY])", True),
    ],
)
def test_one_route(language: str, code: str, reads: bool) -> None:
    assert any(seen.rule == "reads-token-from-url" for seen in seen_in(language, code)) is reads
