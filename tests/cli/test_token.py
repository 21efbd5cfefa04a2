"""``headway token``: decode, hash, sign, verify; with rubbish, and without a secret in sight."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headway import jwt
from headway.cli import token as module
from headway.cli.commands import run
from headway.keys import RsaPrivateKey
from headway.model import Secret

SECRET = "0123456789abcdef0123"


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command with this standard input; its code and both its outputs."""
    monkeypatch.setenv(module.SECRET_VARIABLE, SECRET)

    def command(*arguments: str, given: str | bytes = "") -> tuple[int, str, str]:
        data = io.BytesIO(given if isinstance(given, bytes) else given.encode())
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data, "utf-8"))
        code = run(["token", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def made(say: Any, *arguments: str) -> str:
    code, out, _ = say("sign", "--json", *arguments)
    assert code == 0
    token: str = json.loads(out)["token"]
    return token


@pytest.mark.parametrize(
    "kind",
    [
        ["--issuer", "my-app"],
        ["--issuer", "site", "--kind", "context"],
        ["--issuer", "my-app", "--kind", "session", "--audience", "site"],
        ["--issuer", "c", "--kind", "assertion", "--subject", "u", "--site", "https://x.example",
         "--audience", "https://auth.example", "--life", "60"],
    ],
    ids=["request", "context", "session", "assertion"],
)  # fmt: skip
def test_what_is_signed_verifies(say: Any, kind: list[str]) -> None:
    token = made(say, *kind)
    options = kind[2:4] if "--kind" in kind else []
    more = ["--app-key", "my-app"] if "session" in kind else []
    more += ["--audience", "https://auth.example"] if "assertion" in kind else []
    code, out, err = say("verify", *options, *more, given=token)
    if "session" in kind:  # no installation stands behind a key given by hand
        assert (code, "audience-mismatch" in err) == (1, True)
        more += ["--audience", "site"]
        code, out, err = say("verify", *options, *more, given=token)
    assert (code, err) == (0, "")
    assert out.startswith("VERIFIED")
    assert token not in out


def test_lifecycle_with_keys_in_files(say: Any, tmp_path: Path) -> None:
    key = RsaPrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    private.write_bytes(key.to_pem())
    public.write_bytes(key.public_pem())
    options = ["--kind", "lifecycle", "--method", "POST", "--url", "/installed"]
    options += ["--audience", "https://app.example"]
    token = made(say, "--issuer", "site", "--key-id", "k1", "--key-file", str(private), *options)
    code, out, _ = say("verify", "--json", "--key-file", str(public), *options, given=token)
    assert (code, json.loads(out)["kind"]) == (0, "lifecycle")
    assert say("verify", *options, given=token)[0] == 2
    assert say("verify", "--key-file", str(tmp_path / "none"), *options, given=token)[0] == 2


def test_decode_says_unverified_and_when(say: Any) -> None:
    token = made(say, "--issuer", "my-app")
    code, out, _ = say("decode", given=token)
    assert code == 0
    assert out.startswith("UNVERIFIED")
    assert "UTC, in " in out
    told = json.loads(say("decode", "--json", given=token)[1])
    assert (told["verified"], told["claims"]["iss"]) == (False, "my-app")


@pytest.mark.parametrize("given", ["", "rubbish", "\0\xff", "a.b.c", "x" * 100_000])
def test_rubbish_is_one_clear_line(say: Any, given: str) -> None:
    code, out, err = say("decode", given=given)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_token_as_argument_warns(say: Any) -> None:
    token = made(say, "--issuer", "my-app")
    code, out, err = say("verify", token)
    assert code == 0
    assert "history" in err
    assert token not in out + err


def test_a_mismatch_is_explained(say: Any) -> None:
    token = made(say, "--issuer", "my-app", "--url", "/a?b=1")
    code, _, err = say("verify", "--url", "/a?b=1&utm_source=x", given=token)
    assert code == 1
    assert "qsh-mismatch" in err
    assert "theirs  GET&/a&b=1" in err
    told = json.loads(say("verify", "--json", "--url", "/c", given=token)[1])
    assert (told["refused"], told["verified"]) == ("qsh-mismatch", False)
    assert told["explain"]["ours"] == "GET&/c&"
    refused = json.loads(say("verify", "--json", "--kind", "context", given=token)[1])
    assert refused["refused"] == "kind-refused"


def test_qsh(say: Any) -> None:
    code, out, _ = say("qsh", "GET", "https://x.example/app/a?b=1&jwt=eyJ#f", "--base-path", "/app")
    assert (code, out.splitlines()[0]) == (0, "GET&/a&b=1")
    assert say("qsh", "GET", "https://x.example")[1].startswith("GET&/&")
    assert say("qsh", "GET", "//a")[0] == 1
    assert json.loads(say("qsh", "GET", "//a", "--json")[1])["refused"] == "path-not-normal"
    assert say("qsh")[0] == 2


def test_qsh_of_many_lines(say: Any) -> None:
    lines = ['{"method": "GET", "raw_path": "/a"}', "rubbish", '{"method": "GET"}',
             '{"method": "GET", "raw_path": "//"}']  # fmt: skip
    code, out, _ = say("qsh", "--lines", given="\n".join(lines))
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [sorted(answer) for answer in answers] == [
        ["canonical", "qsh"], ["error"], ["error"], ["refused"]]  # fmt: skip


def test_the_secret_comes_from_a_file_a_prompt_or_not_at_all(
    say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    file.write_text("another secret of 16\n")
    token = made(say, "--issuer", "a", "--secret-file", str(file))
    assert say("verify", given=token)[0] == 1
    assert say("verify", "--secret-file", str(file), given=token)[0] == 0
    monkeypatch.delenv(module.SECRET_VARIABLE)
    monkeypatch.setattr(module, "_has_terminal", lambda: False)
    code, _, err = say("sign", "--issuer", "a")
    assert (code, "no secret" in err) == (2, True)
    monkeypatch.setattr(module, "_has_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: SECRET)
    assert run(["token", "sign", "--issuer", "a"]) == 0
    monkeypatch.setenv(module.SECRET_VARIABLE, "short")
    capsys.readouterr()
    code, _, err = say("sign", "--issuer", "a")
    assert (code, "short" in err.replace("too short", "").replace("too-short", "")) == (2, False)


def test_what_forge_makes_is_not_made_here(say: Any) -> None:
    assert say("sign", "--issuer", "a", "--kind", "invocation")[0] == 2
    assert say("verify", "--kind", "invocation", given="x")[0] == 2


def test_a_lifecycle_token_needs_what_makes_it_acceptable(say: Any) -> None:
    for missing, options in (
        ("--audience", ["--kind", "lifecycle", "--key-id", "k"]),
        ("--key-id", ["--kind", "lifecycle", "--audience", "https://a.example"]),
        ("--audience", ["--kind", "session"]),
        ("--subject", ["--kind", "assertion", "--audience", "x"]),
    ):
        code, _, err = say("sign", "--issuer", "a", *options)
        assert (code, f"for {missing}: is needed" in err) == (2, True)


def test_a_key_file_that_holds_no_key_is_no_refusal_of_the_token(say: Any, tmp_path: Path) -> None:
    private, rubbish = tmp_path / "key.pem", tmp_path / "rubbish.pem"
    private.write_bytes(RsaPrivateKey.generate().to_pem())
    rubbish.write_text("rubbish")
    options = ["--kind", "lifecycle", "--audience", "https://app.example", "--key-id", "k"]
    token = made(say, "--issuer", "site", "--key-file", str(private), *options)
    code, _, err = say("verify", "--key-file", str(rubbish), *options[:4], given=token)
    assert (code, err.startswith("headway: --key-file: key-unusable")) == (2, True)
    assert say("sign", "--issuer", "site", "--key-file", str(rubbish), *options)[0] == 2


@pytest.mark.parametrize(
    "given", [b"\xff\xfe\x00binary", b"\0" * 200_000, b"a.b.c" * 50_000, b"\n\n"]
)
def test_bytes_that_are_no_text_are_one_clear_line(say: Any, given: bytes) -> None:
    code, out, err = say("decode", given=given)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_bytes_that_are_no_text_among_lines(say: Any) -> None:
    code, out, _ = say("qsh", "--lines", given=b'\xff\n\n{"method": 1}\n[]\n')
    assert code == 0
    assert [list(json.loads(line)) for line in out.splitlines()] == [["error"]] * 4


def test_a_header_value_is_taken_as_it_was_copied(say: Any) -> None:
    token = made(say, "--issuer", "my-app")
    assert say("verify", given=f"  JWT {token}\r\nmore")[0] == 0


def test_every_form_of_the_hash_where_that_is_asked_for(say: Any) -> None:
    target = "/a?b=%61&b=B"
    token = made(say, "--issuer", "my-app", "--url", target)
    assert say("verify", "--all-forms", "--url", target, given=token)[0] == 0


def test_a_refusal_without_a_mismatch_is_told_in_words(say: Any) -> None:
    token = made(say, "--issuer", "my-app")
    code, out, err = say("verify", "--kind", "context", given=token)
    assert (code, out) == (1, "")
    assert err.startswith("REFUSED: kind-refused")
    assert "ours" not in err


def test_what_a_claim_quotes_is_shown_without_its_secrets(say: Any) -> None:
    context = {"password": "hunter2", "from": "/panel?jwt=abc&b=1", "colour": "\x1b[31m",
               "list": ["?token=xyz"], "token=": None}  # fmt: skip
    claims = {"iss": "a", "iat": 1, "exp": 2, "aud": ["x", "y"], "context": context}
    token = jwt.encode({"typ": "JWT", "kid": "k"}, claims, Secret(SECRET))
    for options in ([], ["--json"]):
        code, out, _ = say("decode", *options, given=token)
        assert code == 0
        assert not [w for w in ("hunter2", "abc", "xyz", "\x1b") if w in out]
        assert "b=1" in out
    assert "1970-01-01 00:00:02 UTC" in say("decode", given=token)[1]
    code, out, _ = say("verify", "--json", given=token)
    assert "hunter2" not in out


@pytest.mark.parametrize("name", ["jwt", "token", "clientSecret", "password"])
def test_a_claim_that_is_named_like_a_secret_is_not_shown(say: Any, name: str) -> None:
    claims = {"iss": "a", "context": {name: "s3cr3t-value-of-20", "a": [{name: "another"}]}}
    code, out, _ = say("decode", "--json", given=str(jwt.encode({}, claims, Secret(SECRET))))
    shown = json.loads(out)["claims"]["context"]
    assert (code, shown) == (0, {name: "REDACTED", "a": [{name: "REDACTED"}]})


# ---- in a terminal --------------------------------------------------------------------------


def in_a_terminal(typed: str, *arguments: str) -> str:
    """What a terminal shows of ``headway token ...`` when *typed* answers its prompt."""
    command = [sys.executable, "-c", "from headway.cli import main; main()", "token", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    environment.pop(module.SECRET_VARIABLE, None)
    ours, theirs = os.openpty()
    process = subprocess.Popen(command, env=environment, preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    shown = b""
    try:
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # Linux: the other side is closed
                break
            if typed and shown.rstrip().endswith(b":"):
                os.write(ours, typed.encode() + b"\n")
                typed = ""
    finally:
        os.close(ours)
        process.wait(30)
    return shown.decode()


def test_the_prompt_does_not_show_what_is_typed() -> None:
    shown = in_a_terminal(SECRET, "sign", "--issuer", "a", "--json")
    assert "Shared secret:" in shown
    assert SECRET not in shown
    assert '{"token": ' in shown


def test_a_token_is_asked_for_and_not_shown() -> None:
    shown = in_a_terminal("rubbish.of.mine", "decode")
    assert shown.startswith("Token:")
    assert "rubbish.of.mine" not in shown
    assert "headway: token-" in shown


def test_there_is_a_terminal_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "open", lambda path, flags: os.dup(0))
    assert module._has_terminal()

    def none(path: str, flags: int) -> int:
        raise OSError

    monkeypatch.setattr(module.os, "open", none)
    assert not module._has_terminal()


def test_a_terminal_as_standard_input_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: " JWT a.b.c ")
    assert module._token("-") == "a.b.c"
