from __future__ import annotations

from pathlib import Path

import pytest

from headway.errors import ConfigurationError
from headway.gateway.notice.contacts import FILE_BYTES_MAX, Contact, address_of, read_contacts


def written(folder: Path, text: str | bytes, name: str = "contacts.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_csv(tmp_path: Path) -> None:
    text = (
        '\ufeffclient,email,name\nacme,a@acme.example,"Ann, Ö."\n\nacme,b@acme.example,\nx,x@x,\n'
    )
    found = read_contacts(written(tmp_path, text))
    assert found["acme"] == Contact(
        client="acme", emails=("a@acme.example", "b@acme.example"), name="Ann, Ö."
    )
    assert found["x"].emails == ("x@x",)
    swapped = read_contacts(written(tmp_path, "email,client\na@b.example,c\na@b.example,c\n"))
    assert swapped == {"c": Contact(client="c", emails=("a@b.example",))}


def test_toml(tmp_path: Path) -> None:
    text = (
        '[[contact]]\nclient = "acme"\nemail = ["a@b.example", "c@d.example"]\n'
        '[[contact]]\nclient = "x"\nemail = "x@x.example"\nname = "X"\n'
    )
    found = read_contacts(written(tmp_path, text, "contacts.toml"))
    assert found["acme"].emails == ("a@b.example", "c@d.example")
    assert found["x"].name == "X"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.csv", "", r"c\.csv:1: the first line is"),
        ("c.csv", "client,mail\n", r"c\.csv:1: the first line is"),
        ("c.csv", "client,email\na,b@c,d\n", r"c\.csv:2: has not 2 cells"),
        ("c.csv", "client,email\na,b@c\nx,nobody\n", r"c\.csv:3: email: is no address"),
        ("c.csv", "client,email\n,b@c\n", r"c\.csv:2: needs a client"),
        ("c.csv", 'client,email\n"a,b@c\n', r"c\.csv:2: "),
        ("c.csv", b"client,email\n\xff,b@c\n", r"c\.csv: is not UTF-8"),
        ("c.csv", b"x" * (FILE_BYTES_MAX + 1), r"c\.csv: is larger"),
        ("c.toml", "x", r"c\.toml: "),
        ("c.toml", '[[contact]]\nclient = "a"\n', r"c\.toml: .*email"),
        ("c.toml", '[[contact]]\nclient = "a"\nemail = []\n', r"c\.toml: contact\[0\]: needs"),
        (
            "c.toml",
            '[[contact]]\nclient = "a"\nemail = "a@b\\r\\nBcc: c@d"\n',
            r"c\.toml: contact\[0\]: email: is no address",
        ),
    ],
    ids=range(12),
)
def test_what_is_no_list_of_contacts(
    tmp_path: Path, name: str, text: str | bytes, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        read_contacts(written(tmp_path, text, name))
    assert "nobody" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_contacts(tmp_path / "none.csv")


def test_senders() -> None:
    named = address_of('"API, team" <api@api.example>')
    assert (named.display_name, named.addr_spec) == ("API, team", "api@api.example")
    assert address_of("api@api.example").display_name == ""


@pytest.mark.parametrize(
    "text", ["", "api", "A <a@b", "A <a@b>\r\nBcc: <c@d>", "A\r\nB <a@b>", "<a b@c>", "ü@a"]
)
def test_what_is_no_sender(text: str) -> None:
    with pytest.raises(ConfigurationError, match="an address"):
        address_of(text)
