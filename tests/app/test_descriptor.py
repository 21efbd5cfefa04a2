from __future__ import annotations

import json

import pytest

from headway.app.descriptor import LIFECYCLE_PATHS, Descriptor, Module, Vendor, key_of, module_of
from headway.descriptor.typed import ConfigurePage, GeneralPage, Webhook, WebPanel
from headway.errors import ConfigurationError


def test_everything_a_host_wants_to_know():
    descriptor = Descriptor(
        key="com.example.app",
        name="Example",
        base_url="https://app.example/base",
        description="An example",
        scopes=("READ", "ACT_AS_USER"),
        modules=(
            Module("webPanels", {"key": "a"}),
            Module("webhooks", {"event": "e"}),
            Module("webPanels", {"key": "b"}),
        ),
    )
    assert descriptor.to_json() == {
        "key": "com.example.app",
        "name": "Example",
        "description": "An example",
        "baseUrl": "https://app.example/base",
        "authentication": {"type": "jwt"},
        "apiVersion": 1,
        "apiMigrations": {"gdpr": True, "signed-install": True, "context-qsh": True},
        "lifecycle": {
            "installed": "/installed",
            "enabled": "/enabled",
            "disabled": "/disabled",
            "uninstalled": "/uninstalled",
        },
        "scopes": ["READ", "ACT_AS_USER"],
        "modules": {"webPanels": [{"key": "a"}, {"key": "b"}], "webhooks": [{"event": "e"}]},
        "links": {"self": "https://app.example/base/atlassian-connect.json"},
    }


def test_no_description_is_left_out():
    told = Descriptor(key="a", name="A", base_url="https://app.example").to_json()
    assert "description" not in told


@pytest.mark.parametrize("key", ["", "a b", "a/b", "ä", "a" * 65, "a\n"])
def test_a_key_that_no_host_takes(key):
    with pytest.raises(ConfigurationError, match="field"):
        key_of(key, "field")
    with pytest.raises(ConfigurationError):
        Descriptor(key=key, name="A", base_url="https://app.example")


def test_a_scope_that_is_not_there():
    with pytest.raises(ConfigurationError, match="'ROOT'"):
        Descriptor(key="a", name="A", base_url="https://app.example", scopes=("ROOT",))


def test_all_that_an_app_can_say():
    descriptor = Descriptor(
        key="a",
        name="A",
        base_url="https://app.example",
        vendor=Vendor("Example", "https://example.com"),
        licensing=True,
        lifecycle={"installed": "/hooks/installed"},
        more={
            "apiVersion": 3,
            "links": {"homepage": "https://example.com"},
            "translations": {"paths": {}},
            "apiMigrations": {"brand-new": True},
        },
        modules=(ConfigurePage(key="c", name="C", url="/c"),),
        unknown={"brandNew": {"key": "b"}},
    )
    told = descriptor.to_json()
    assert told["vendor"] == {"name": "Example", "url": "https://example.com"}
    assert told["enableLicensing"] is True
    assert told["lifecycle"] == {"installed": "/hooks/installed"}
    assert (told["apiVersion"], told["translations"]) == (3, {"paths": {}})
    assert told["links"] == {
        "homepage": "https://example.com",
        "self": "https://app.example/atlassian-connect.json",
    }
    assert told["apiMigrations"]["brand-new"]
    assert told["apiMigrations"]["signed-install"]
    assert told["modules"] == {
        "brandNew": {"key": "b"},
        "configurePage": {"key": "c", "name": {"value": "C"}, "url": "/c"},
    }


@pytest.mark.parametrize(
    ("lifecycle", "problem"),
    [
        ({"installed": "https://app.example/installed"}, "lifecycle.installed"),
        ({"installed": "//evil.example"}, "lifecycle.installed"),
        ({"uninstalled": "/u?x=1"}, "lifecycle.uninstalled"),
        ({"updated": "/u"}, "no event 'updated'"),
    ],
)
def test_a_lifecycle_that_can_not_be_served(lifecycle, problem):
    with pytest.raises(ConfigurationError, match=problem):
        Descriptor(key="a", name="A", lifecycle=lifecycle)


# ---- modules --------------------------------------------------------------------------------

ABOUT = Descriptor(
    key="a",
    name="A",
    base_url="https://app.example",
    modules=(GeneralPage(key="p", name="P", url="/p"), ConfigurePage(key="c", name="C", url="/c")),
    unknown={"brandNew": []},
)


def test_a_module_that_may_join():
    panel = WebPanel(key="w", name="W", url="/w", location="l")
    assert module_of(panel, ABOUT) is panel
    hook = Webhook(event="jira:issue_updated", url="/hook")
    assert module_of(hook, ABOUT) is hook
    other = Module("quantumPages", {"anything": 1})
    assert module_of(other, ABOUT) is other


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (GeneralPage(key="q", name="Q", url="//evil.example"), "not below .*generalPages.1..url"),
        (GeneralPage(key="c", name="C", url="/c2"), "this key occurs twice: c"),
        (ConfigurePage(key="c2", name="C", url="/c2"), "configurePage: an app has one"),
        (Module("webPanels", {"key": "w", "url": "/w"}), r"`name` - at `\$.modules.webPanels.0.`"),
        (Webhook(event="e", url="/h?jwt={jwt}"), r"\$.modules.webhooks.0..url"),
        (Module("brandNew", {"key": "b"}), "stands in the file"),
    ],
    ids=range(6),
)
def test_a_module_that_may_not(module, problem):
    with pytest.raises(ConfigurationError, match=problem):
        module_of(module, ABOUT)


def test_webhooks_need_a_scope():
    blind = Descriptor(key="a", name="A", base_url="https://app.example", scopes=("NONE",))
    with pytest.raises(ConfigurationError, match="scope READ"):
        module_of(Webhook(event="e", url="/h"), blind)


# ---- files ----------------------------------------------------------------------------------

BASE = "https://app.example/base"
FILE = {
    "key": "my-app",
    "name": "My app",
    "description": "What it does",
    "baseUrl": "{{localBaseUrl}}",
    "vendor": {"name": "Example", "url": "https://example.com"},
    "authentication": {"type": "jwt"},
    "lifecycle": {"installed": "/hooks/installed"},
    "scopes": ["read", "ACT_AS_USER"],
    "enableLicensing": True,
    "apiVersion": 7,
    "translations": {"paths": {"de": "/de.json"}},
    "modules": {
        "webPanels": [{"key": "p", "name": {"value": "P"}, "url": "/p", "location": "l"}],
        "configurePage": {"key": "c", "name": {"value": "C"}, "url": "/c"},
        "webhooks": [{"event": "jira:issue_updated", "url": "/hook"}],
        "quantumPages": {"key": "q"},
    },
}


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "atlassian-connect.json"

    def write(document=None, **changes):
        if document is None:
            document = {k: v for k, v in {**FILE, **changes}.items() if v is not None}
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        path.write_bytes(data)
        return path

    return write


def test_a_file_is_served_as_it_is_but_for_its_base_url(write, caplog):
    told = Descriptor.read(write(), BASE).to_json()
    assert told == {
        **FILE,
        "baseUrl": BASE,
        "scopes": ["READ", "ACT_AS_USER"],
        "lifecycle": {
            "installed": "/hooks/installed",
            "enabled": "/enabled",
            "disabled": "/disabled",
            "uninstalled": "/uninstalled",
        },
        "apiMigrations": {"gdpr": True, "signed-install": True, "context-qsh": True},
        "links": {"self": f"{BASE}/atlassian-connect.json"},
    }
    (record,) = caplog.records
    assert "$.modules.quantumPages: no type of modules has this name. If" in record.getMessage()


def test_the_least_that_a_file_says(write):
    told = Descriptor.read(write({"key": "my-app"}), BASE)
    assert (told.name, told.scopes, told.vendor) == ("my-app", (), None)
    assert dict(told.lifecycle) == dict(LIFECYCLE_PATHS)


def test_an_event_that_other_code_serves_stays_in_the_file(write):
    """A migration between regions (``dare-migration``) is an event of the lifecycle there."""
    file = write(lifecycle={"installed": "/i", "dare-migration": "/migrate"})
    about = Descriptor.read(file, BASE)
    assert set(about.lifecycle) == set(LIFECYCLE_PATHS)
    told = about.to_json()["lifecycle"]
    assert (told["installed"], told["dare-migration"]) == ("/i", "/migrate")


def test_all_errors_of_a_file_come_with_their_places(write):
    with pytest.raises(ConfigurationError) as caught:
        Descriptor.read(
            write(
                key="a b",
                scopes=["ROOT", "MORE"],
                modules={"webPanels": [{}, {}, {}, {}]},
            ),
            BASE,
        )
    text = str(caught.value)
    assert "atlassian-connect.json: $.key: " in text
    assert "$.scopes[0]: " in text
    assert "$.modules.webPanels[1]: " in text
    assert text.endswith("; and 2 more")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"", "no object of JSON"),
        (b"[]", "no object of JSON"),
        (b'{"a":' * 100_000, "no object of JSON"),
        (b" " * 600_000, "no object of JSON"),
        ({"key": "k" * 70}, "key: 1 to 64"),
        ({"key": "a", "lifecycle": 7}, r"\$.lifecycle"),
        (
            {"key": "a", "lifecycle": {"installed": f"{BASE}/i"}},
            "lifecycle.installed: write a path",
        ),
        ({"key": "a", "authentication": {"type": "none"}}, r"\$.authentication.type"),
        ({"key": "a", "modules": []}, r"\$.modules"),
        ({"key": "a", "vendor": "Me"}, r"\$.vendor"),
    ],
    ids=range(10),
)
def test_what_no_file_may_say(write, document, problem):
    with pytest.raises(ConfigurationError, match=problem):
        Descriptor.read(write(document), BASE)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.json: No such file"):
        Descriptor.read(tmp_path / "none.json", BASE)
