"""Suggested patches, by the form of a call, and what none is suggested for."""

# ruff: noqa: E501, ISC004 - code before and after, each as it stands

from __future__ import annotations

import pytest

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import look
from headway.scan.fix.edits import edited
from headway.scan.fix.suggestions import suggest
from scan.code.samples import samples
from scan.corpus import tokens


def suggested(language: str, code: str) -> str:
    """*code* after the suggestion for its first finding; itself where there is none."""
    known = LANGUAGES[language]
    seen = [each for each in look(code, known) if each.rule == "sends-token-in-url"]
    assert seen, "the scan finds nothing there"
    return edited(code, suggest(code, known, seen[0].line))


JS = "headers: { Authorization: `JWT ${token}` }"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('fetch(base + "/x?jwt=" + token);', f'fetch(base + "/x", {{ {JS} }});'),
        ("fetch(`${base}/x?jwt=${token}`, {});", f"fetch(`${{base}}/x`, {{ {JS} }});"),
        ("fetch(`${base}/x?jwt=${token}`, { method });",
         f"fetch(`${{base}}/x`, {{ method, {JS} }});"),
        ("fetch(`${base}/x?jwt=${token}`, { headers: { A: b } });",
         "fetch(`${base}/x`, { headers: { A: b, Authorization: `JWT ${token}` } });"),
        ("fetch(`${base}/x?jwt=${token}`, {\n  headers: {\n    A: b,\n  },\n});",
         "fetch(`${base}/x`, {\n  headers: {\n    A: b,\n    Authorization: `JWT ${token}`,\n  },\n});"),
        ("axios.get(url, { params: { jwt: token } });", f"axios.get(url, {{ {JS} }});"),
        ("axios.get(url, { params: { access_token: token, a: 1 } });",
         "axios.get(url, { params: { a: 1 }, headers: { Authorization: `Bearer ${token}` } });"),
        ("axios.get(url, { params: { a: 1, jwt: token } });",
         f"axios.get(url, {{ params: {{ a: 1 }}, {JS} }});"),
        ("axios.get(url, {\n  params: {\n    jwt: token,\n    a: 1,\n  },\n});",
         f"axios.get(url, {{\n  params: {{\n    a: 1,\n  }},\n  {JS},\n}});"),
        ("axios.get(url, { params: { jwt: token }, headers: { A: b } });",
         "axios.get(url, { headers: { A: b, Authorization: `JWT ${token}` } });"),
        ("axios.get(url, { params: { jwt } });",
         "axios.get(url, { headers: { Authorization: `JWT ${jwt}` } });"),
        ("axios.post(`${url}?jwt=${token}`, data);", f"axios.post(`${{url}}`, data, {{ {JS} }});"),
        ("axios({ url: `${url}?jwt=${token}` });", f"axios({{ url: `${{url}}`, {JS} }});"),
        ('$.ajax({ url: base + "?jwt=" + token });', f"$.ajax({{ url: base, {JS} }});"),
        ("got(url, { searchParams: { jwt: token } });", f"got(url, {{ {JS} }});"),
        ("function f(token) {\n  const url = `${b}/x?jwt=${token}`;\n  console.log('at', url);\n  return fetch(url);\n}",
         f"function f(token) {{\n  const url = `${{b}}/x`;\n  console.log('at', url);\n  return fetch(url, {{ {JS} }});\n}}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_scripts(language: str, before: str, after: str) -> None:
    assert suggested(language, before) == after


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("ruby", 'HTTParty.get("#{base}/x?jwt=#{token}")',
         'HTTParty.get("#{base}/x", headers: { "Authorization" => "JWT #{token}" })'),
        ("ruby", "Typhoeus.get(url, params: { jwt: token, a: 1 })",
         'Typhoeus.get(url, params: { a: 1 }, headers: { "Authorization" => "JWT #{token}" })'),
        ("ruby", "HTTP.get(url, params: { access_token: token })",
         'HTTP.get(url, headers: { "Authorization" => "Bearer #{token}" })'),
        ("ruby", "RestClient.get(url, { params: { jwt: token } })",
         'RestClient.get(url, { "Authorization" => "JWT #{token}" })'),
        ("php", "<?php\n$client->get($url, ['query' => ['jwt' => $token, 'a' => 1]]);",
         "<?php\n$client->get($url, ['query' => ['a' => 1], "
         "'headers' => ['Authorization' => 'JWT ' . $token]]);"),
        ("php", '<?php\nuse GuzzleHttp\\Client;\n$client->request("GET", "$base/x?jwt=$token");',
         '<?php\nuse GuzzleHttp\\Client;\n$client->request("GET", "$base/x", '
         "['headers' => ['Authorization' => 'JWT ' . $token]]);"),
        ("php", "<?php\n  $ch = curl_init($base . '/x?jwt=' . $token);\n",
         "<?php\n  $ch = curl_init($base . '/x');\n"
         "  curl_setopt($ch, CURLOPT_HTTPHEADER, ['Authorization: JWT ' . $token]);\n"),
        ("java", 'class A { void f() {\n  HttpRequest.newBuilder(URI.create(b + "?jwt=" + t)).build();\n} }',
         'class A { void f() {\n  HttpRequest.newBuilder(URI.create(b))'
         '.header("Authorization", "JWT " + t).build();\n} }'),
        ("java", 'class A { void f() {\n  new Request.Builder().url(b + "?jwt=" + t).build();\n} }',
         'class A { void f() {\n  new Request.Builder().url(b)'
         '.header("Authorization", "JWT " + t).build();\n} }'),
        ("java", 'class A { void f() {\n  HttpGet get = new HttpGet(b + "?jwt=" + t);\n  go(get);\n} }',
         'class A { void f() {\n  HttpGet get = new HttpGet(b);\n'
         '  get.setHeader("Authorization", "JWT " + t);\n  go(get);\n} }'),
        ("java", 'class A { void f() { Unirest.get(u).queryString("jwt", t).asString(); } }',
         'class A { void f() { Unirest.get(u).header("Authorization", "JWT " + t).asString(); } }'),
        ("kotlin", 'val r = Request.Builder().url("$b/x?jwt=$t").build()',
         'val r = Request.Builder().url("$b/x").header("Authorization", "JWT " + t).build()'),
        ("go", 'package a\n\nfunc f() {\n\treq, err := http.NewRequest("GET", b+"/x?jwt="+t, nil)\n'
         "\tif err != nil {\n\t\treturn\n\t}\n\tgo(req)\n}\n".replace("go(req)", "send(req)"),
         'package a\n\nfunc f() {\n\treq, err := http.NewRequest("GET", b+"/x", nil)\n'
         '\tif err != nil {\n\t\treturn\n\t}\n\treq.Header.Set("Authorization", "JWT "+t)\n'
         "\tsend(req)\n}\n"),
        ("go", 'package a\n\nfunc f() {\n\treq, _ := http.NewRequest("GET", b+"/x?jwt="+t, nil)\n\tsend(req)\n}\n',
         'package a\n\nfunc f() {\n\treq, _ := http.NewRequest("GET", b+"/x", nil)\n'
         '\treq.Header.Set("Authorization", "JWT "+t)\n\tsend(req)\n}\n'),
        ("go", 'package a\n\nfunc f() {\n\tq := req.URL.Query()\n\tq.Set("jwt", t)\n'
         "\treq.URL.RawQuery = q.Encode()\n}\n",
         'package a\n\nfunc f() {\n\tq := req.URL.Query()\n\treq.Header.Set("Authorization", "JWT "+t)\n'
         "\treq.URL.RawQuery = q.Encode()\n}\n"),
        ("go", 'package a\n\nfunc f(c *resty.Client) {\n\tc.R().SetQueryParam("jwt", t).Get(u)\n}\n',
         'package a\n\nfunc f(c *resty.Client) {\n\tc.R().SetHeader("Authorization", "JWT "+t).Get(u)\n}\n'),
        ("csharp", 'class A { void F() {\n  var r = new HttpRequestMessage(HttpMethod.Get, $"{b}/x?jwt={t}");\n} }',
         'class A { void F() {\n  var r = new HttpRequestMessage(HttpMethod.Get, $"{b}/x");\n'
         '  r.Headers.TryAddWithoutValidation("Authorization", "JWT " + t);\n} }'),
        ("csharp", 'class A { void F(RestRequest r) { r.AddQueryParameter("jwt", t ?? ""); } }',
         'class A { void F(RestRequest r) { r.AddHeader("Authorization", "JWT " + (t ?? "")); } }'),
    ],
)  # fmt: skip
def test_other_languages(language: str, before: str, after: str) -> None:
    assert suggested(language, before) == after


@pytest.mark.parametrize(
    ("language", "code"),
    [
        # what sends no header
        ("javascript", "window.open(`${b}/rest/x?jwt=${t}`);"),
        ("javascript", "new WebSocket(`wss://${b}?jwt=${t}`);"),
        ("javascript", "new EventSource(`${b}/rest/x?jwt=${t}`);"),
        ("javascript", "img.src = `${b}/rest/x?jwt=${t}`;"),
        ("javascript", "location.href = `${b}/rest/x?jwt=${t}`;"),
        ("javascript", "res.redirect(`${b}/rest/x?jwt=${t}`);"),
        # what can not be seen
        ("javascript", "client.get(`${b}/rest/x?jwt=${t}`);"),
        ("javascript", "fetch(`${b}/rest/x?jwt=${t}`, options);"),
        ("javascript", "fetch(`${b}/rest/x?jwt=${t}`, { headers });"),
        ("javascript", "axios.post(`${b}/rest/x?jwt=${t}`);"),
        ("javascript", "axios.post(url, `${b}/rest/x?jwt=${t}`);"),
        ("javascript", "axios.get(url, { ...config, params: { a: 1, jwt: t } });"),
        ("javascript", "axios.get(url, { data: `${b}/rest/x?jwt=${t}` });"),
        ("javascript", "axios.get(url, { a: { jwt: t }, params: { jwt: t } });"),
        ("javascript", "axios.get(url, { params: { jwt: t } }, { headers: h });"),
        ("javascript", "const url = `${b}/rest/x?jwt=${t}`; fetch(url);"),
        ("javascript", "function f() { const url = `${b}/rest/x?jwt=${t}`; fetch(url); g(url); }"),
        ("javascript", "function f() { const url = `${b}/rest/x?jwt=${t}`; return url; }"),
        ("javascript", "function f() { const url = `${b}/rest/x?jwt=${t}`; g(url); }"),
        ("javascript", "function f() { const url = `${b}/rest/x?jwt=${t}`; fetch(a, url); }"),
        ("php", "<?php\n$client->get(\"$b/x?jwt=$t\");"),
        ("php", "<?php\n$ch = curl_init(\"$b/x?jwt=$t\"); go($ch);"),
        ("php", "<?php\n$ch = curl_init(\"$b/x?jwt=$t\");\ncurl_setopt($ch, CURLOPT_HTTPHEADER, $h);"),
        ("go", 'package a\nfunc f() {\n\treq, err := http.NewRequest("GET", b+"?jwt="+t, nil)\n\tsend(req, err)\n}'),
        ("go", 'package a\nfunc f(q url.Values) {\n\tq.Set("jwt", t)\n\tu.RawQuery = q.Encode()\n}'),
        ("java", 'class A { void f() { send(new HttpGet(b + "?jwt=" + t)); } }'),
        ("java", 'class A { void f() { UriBuilder.fromUri(b).queryParam("jwt", t); } }'),
        ("kotlin", 'fun f() = client.get("$b/rest/x?jwt=$t")'),
        ("ruby", 'def f\n  redirect_to "#{b}/rest/x?jwt=#{t}"\nend'),
        ("scala", 'val r = basicRequest.get(uri"$b/rest/x?jwt=$t")'),
        ("javascript", "fetch(`${b}/rest/x?jwt=${t}`);" + "//" * 50_000),
        # a header that is set
        ("javascript", "fetch(`${b}/x?jwt=${t}`, { headers: { Authorization: a } });"),
        ("javascript", "axios.get(url, { params: { jwt: t }, auth: a });"),
        ("java", 'class A { void f() { new Request.Builder().url(b + "?jwt=" + t).header("Authorization", a); } }'),
        # another name
        ("javascript", "fetch(`${b}/x?api_key=${t}`);"),
        # twice
        ("javascript", "fetch(`${b}/x?jwt=${t}&u=${t}`);"),
        ("java", 'class A { void f() { new Request.Builder().url(b + "?jwt=" + t + t); } }'),
    ],
)  # fmt: skip
def test_nothing_is_suggested(language: str, code: str) -> None:
    assert suggested(language, code) == code


@pytest.mark.parametrize(
    ("language", "code", "value"),
    [
        ("javascript", "fetch(`${base}?jwt=${encodeURIComponent(token)}`)", "`JWT ${token}`"),
        ("javascript", "fetch(base + '?jwt=' + encodeURIComponent(get()))", "`JWT ${get()}`"),
        ("php", "<?php $client = new GuzzleHttp\\Client();\n$client->get($base . '/x?jwt=' . urlencode($token));", "'JWT ' . $token]"),
        ("java", 'class A { void f() {\nHttpGet g = new HttpGet(b + "?jwt=" + URLEncoder.encode(token, StandardCharsets.UTF_8));\n} }', '"JWT " + token)'),
        ("java", 'class A { void f() {\nHttpGet g = new HttpGet(b + "?jwt=" + URLEncoder.encode(t.get(), "UTF-8"));\n} }', '"JWT " + t.get())'),
        ("ruby", 'HTTParty.get("#{base}?jwt=#{CGI.escape(token)}")', '"JWT #{token}"'),
        ("go", 'package a\nfunc f() {\n\treq, _ := http.NewRequest("GET", base+"?jwt="+url.QueryEscape(token), nil)\n}\n', '"JWT "+token)'),
        ("csharp", 'class A { void F() {\nvar m = new HttpRequestMessage(HttpMethod.Get, b + "?jwt=" + Uri.EscapeDataString(token));\n} }', '"JWT " + token)'),
    ],
)  # fmt: skip
def test_a_header_has_the_token_as_it_is(language: str, code: str, value: str) -> None:
    line = 1 + code[: code.index("jwt=")].count("\n")
    after = edited(code, suggest(code, LANGUAGES[language], line))
    assert value in after
    assert "encode" not in after
    assert "scape" not in after


def test_no_token_of_the_code_is_repeated() -> None:
    code = f"const old = '{tokens()['T']}';\nfetch(`${{b}}/x?jwt=${{t}}`);\n"
    assert suggested("javascript", code) == code


def test_how_many_samples_have_one() -> None:
    """The corpus has mostly what is no call of its own: builders, redirects, other names."""
    count = 0
    for language, sample in samples():
        if language in ("python", "openapi", "html", "vue"):
            continue
        known = LANGUAGES[language]
        for seen in look(sample["code"], known):
            if seen.rule == "sends-token-in-url":
                edits = suggest(sample["code"], known, seen.line)
                count += bool(edits)
    assert count == 24
