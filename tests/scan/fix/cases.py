"""Code before and after ``--fix``, and the reasons for which it is left to a person."""

from __future__ import annotations

import ast

from headway.scan.code.languages import LANGUAGES
from headway.scan.code.look import look
from headway.scan.fix.python import Mended, Place, mend

IMPORTS = """import requests
import httpx
import aiohttp
import urllib.request
import urllib.parse
from urllib.parse import urlencode, urljoin, quote
"""


def mended(code: str) -> Mended:
    """What becomes of *code*, at each place where the scan finds something."""
    seen = [each for each in look(code, LANGUAGES["python"]) if each.rule == "sends-token-in-url"]
    assert seen, "the scan finds nothing there"
    found = mend(code, [Place(each.line, each.column) for each in seen])
    ast.parse(found.text)
    return found


def function(*lines: str, head: str = "def call(base, url, token, params, key):") -> str:
    """A function with *lines*, after the imports."""
    return IMPORTS + head + "\n" + "".join(f"    {line}\n" if line else "\n" for line in lines)


def fixed(*lines: str, **more: str) -> list[str]:
    """The lines of a function after the fix; nothing in it may be left to a person."""
    code = function(*lines, **more)
    found = mended(code)
    assert [step.why for step in found.steps if step.why] == []
    head = function(**more)
    start = len(head) if found.text.startswith(head) else found.text.index("def ")
    return [line[4:] for line in found.text[start:].splitlines()]


def why(*lines: str, **more: str) -> str:
    """Why the first place in a function is left to a person; the code stays as it is."""
    code = function(*lines, **more)
    found = mended(code)
    assert found.text == code
    return found.steps[0].why
