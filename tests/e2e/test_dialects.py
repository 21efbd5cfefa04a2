"""What PHP and Ruby read as a token's name, by PHP and Ruby: no spelling of theirs is missed.

Thousands of spellings around a name are put to the real parsers, each with a
value of its own.  Where a parser finds the value under the token's name, in a
list or not, the gateway has to find the part too: as the parameter itself, or
as a look-alike in the dialect that the parser is of.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import pytest

from headway.gateway.parameters import DIALECTS, find, look_alikes

AROUND = (
    "", " ", "+", "%20", "%09", "%0a", "%0B", "%0d", "%00", "[", "]", "[]", "[x]", "%5B", "%5d",
    "%5Ba%5D", ".", "%2E", "_", "%5F", ";", "; ", ";a;", ";a=1;", "%3B", "&", "& ", "&&", "=",
    "%3D", "%25", "%255B", "-", "\\", "'", "%A0", "%C2%A0", "$", ":", "x", "#", "%", "%5",
)  # fmt: skip
"""What may stand before and behind a name, and, for names of two words, between them."""

SPELLED = {
    "jwt": ("jwt", "JWT", "Jwt", "%6Awt", "j%77t", "j%57t", "%256Awt", "%u006Awt", "jw%00t"),
    "access_token": tuple(
        f"access{between}token"
        for between in ("_", ".", " ", "+", "%20", "%2E", "%5F", "[", "%5B", "-", "%00")
    ),
}
NAMES = frozenset(SPELLED)
VALUE = "v4lue"

PHP = r"""
while (($line = fgets(STDIN)) !== false) {
    $read = [];
    parse_str(json_decode($line), $read);
    $found = [];
    foreach ($read as $name => $value) {
        if (strpos(json_encode($value, JSON_PARTIAL_OUTPUT_ON_ERROR), 'v4lue') !== false)
            $found[] = bin2hex($name);
    }
    echo json_encode($found), "\n";
}
"""
RUBY = r"""
require 'json'
require 'uri'
require 'cgi'
require 'rack'
readers = {
  'nested' => ->(q) { Rack::Utils.parse_nested_query(q) },
  'flat' => ->(q) { Rack::Utils.parse_query(q) },
  'uri' => ->(q) { URI.decode_www_form(q).group_by(&:first) },
  'cgi' => ->(q) { CGI.parse(q) },
}
read = readers[ARGV[0]]
STDIN.each_line do |line|
  begin
    told = read.call(JSON.parse(line, quirks_mode: true))
    found = told.select { |_, v| v.inspect.include?('v4lue') }.keys.compact
    puts JSON.generate(found.map { |n| n.to_s.unpack1('H*') })
  rescue StandardError
    puts '[]'
  end
end
"""


@cache
def queries() -> tuple[str, ...]:
    found = dict.fromkeys(
        f"a=1&{before}{name}{behind}={VALUE}&b=2"
        for spellings in SPELLED.values()
        for before, name, behind in product(AROUND, spellings, AROUND)
    )
    found |= dict.fromkeys(
        f"{first}{second}jwt{behind}={VALUE}"
        for first, second, behind in product(AROUND, AROUND, ("", "[]", "]", "[x"))
    )
    return tuple(each for each in found if " " not in each)  # no request line has one


def readings(command: Sequence[str], asked: Sequence[str]) -> Iterator[set[str]]:
    """The names under which a parser has the value, for each query."""
    lines = "".join(json.dumps(query) + "\n" for query in asked)
    done = subprocess.run(command, input=lines.encode(), capture_output=True, check=True)
    told = done.stdout.splitlines()
    assert len(told) == len(asked), done.stderr
    for line in told:
        yield {bytes.fromhex(name).decode("latin-1") for name in json.loads(line)}


def missed(command: Sequence[str], dialect: str) -> tuple[list[str], int]:
    """The queries in which a parser finds a token and *dialect* does not; and how many it finds."""
    asked, wrong, read = queries(), [], 0
    for query, names in zip(asked, readings(command, asked), strict=True):
        if not names & NAMES:
            continue
        read += 1
        places = {each.place for each in find(query, NAMES)}
        places |= set(look_alikes(query, NAMES, DIALECTS[dialect]))
        if not any(VALUE in part for n, part in enumerate(query.split("&")) if n in places):
            wrong.append(query)
    return wrong, read


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is missing")
@pytest.mark.parametrize("dialect", ["php", "any"])
def test_t13_php_reads_no_token_that_is_not_found(dialect: str) -> None:
    wrong, read = missed(["php", "-d", "max_input_vars=100000", "-r", PHP], dialect)
    assert not wrong, (len(wrong), wrong[:40])
    assert read > 400  # the spellings are real


@pytest.fixture(scope="module")
def ruby() -> str:
    program = shutil.which("ruby") or ""
    asks = [program, "-e", "require 'rack'"]
    if not program or subprocess.run(asks, capture_output=True, check=False).returncode:
        pytest.skip("Ruby, or its Rack, is missing")
    return program


@pytest.mark.parametrize("dialect", ["rack", "any"])
@pytest.mark.parametrize("reader", ["nested", "flat", "uri", "cgi"])
def test_t13_ruby_reads_no_token_that_is_not_found(ruby: str, reader: str, dialect: str) -> None:
    wrong, read = missed([ruby, "-e", RUBY, reader], dialect)
    assert not wrong, (len(wrong), wrong[:40])
    assert read > 50
