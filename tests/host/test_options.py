"""Settings as text and as values: every entry reads the same table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headway.errors import ConfigurationError
from headway.host import options
from headway.host.clock import parse_date
from headway.host.options import OPTIONS, Option, environment, settings
from headway.host.settings import Settings


class Colour(StrEnum):
    RED = "red"


class More(msgspec.Struct, frozen=True):
    colour: Colour = Colour.RED


def test_the_table_is_the_settings() -> None:
    assert tuple(OPTIONS) == Settings.__struct_fields__
    assert settings({}) == Settings()
    assert OPTIONS["app_name"].flag == "--app-name"
    assert OPTIONS["app_name"].variable == "HEADWAY_HOST_APP_NAME"


GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "host.md").read_text("utf-8")


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_the_guide_has_each(option: Option) -> None:
    assert f"| `{option.flag}` |" in GUIDE


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_each_says_what_it_is_for(option: Option) -> None:
    assert option.help.endswith(".")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("name", "jira.localhost", "jira.localhost"),
        ("port", "0", 0),
        ("data", "/a/b", Path("/a/b")),
        ("at", "2022-02-01", parse_date("2022-02-01")),
        ("callback_seconds", "2.5", 2.5),
        ("allow_private", "true", True),
        ("allow_private", "0", False),
    ],
)
def test_a_text_is_read(name: str, text: str, value: object) -> None:
    assert getattr(settings({name: text}), name) == value
    assert getattr(settings(environment({OPTIONS[name].variable: text})), name) == value
    assert getattr(settings({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("port", "many", "port: takes a number"),
        ("port", "9" * 5000, "port: takes a number"),
        ("port", True, "port: takes int"),
        ("port", 1.5, "port: takes int"),
        ("port", "65536", "port: is a number from 0 to 65535"),
        ("upload_limit", "-1", "upload_limit: is a number from 0 to"),
        ("callback_seconds", "inf", "callback_seconds: is a number from 0 to"),
        ("callback_seconds", "nan", "callback_seconds: is a number from 0 to"),
        ("allow_private", "maybe", "'maybe' is neither true nor false"),
        ("at", "tomorrow", "at: A date is written as"),
        ("at", "1900-01-01", "at: The site's date is from 2000"),
        ("colour", "red", "colour: there is no such setting; there are name, "),
    ],
)
def test_what_is_no_setting_is_named(name: str, value: object, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings({name: value})
    assert says in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_an_entry_says_it_in_its_own_words() -> None:
    with pytest.raises(ConfigurationError, match="--callback-seconds: takes a number"):
        settings({"callback_seconds": "x"}, lambda option: option.flag)


def test_what_is_not_given_has_its_default() -> None:
    assert settings({"port": None, "callback_seconds": 3}).callback_seconds == 3.0
    assert environment({"HEADWAY_HOST_NAME": "", "HEADWAY_SECRET": "x"}) == {}


def test_a_setting_of_another_type_reads_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "Settings", More)
    monkeypatch.setattr(options, "OPTIONS", options._options())
    made: Any = options.settings({"colour": "red"})
    assert made.colour is Colour.RED
    with pytest.raises(ConfigurationError, match="'blue' is not a valid Colour"):
        options.settings({"colour": "blue"})
