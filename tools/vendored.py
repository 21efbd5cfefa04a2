"""Copy what browsers get from ``node_modules`` into the package, with its licences.

    python tools/vendored.py

Git does not hold these files; the wheel does, so that whoever installs it
needs no Node.js.  Bundles carry parts of the packages they were built from, so
the licence of everything that a package depends on goes along.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
PARTS = ROOT / "src" / "headway"
STYLES = "atlassian-connect-js/dist"


class Bundle(NamedTuple):
    """What one folder gets: *packages*, of which *files* are copied under a name of ours."""

    folder: Path
    packages: tuple[str, ...]
    files: Mapping[str, str]
    about: str


BRIDGE = Bundle(
    folder=PARTS / "host" / "static" / "vendor",
    packages=("atlassian-connect-js", "simple-xdm"),
    files={
        "atlassian-connect-js/dist/iframe.js": "iframe.js",
        "simple-xdm/dist/host.min.js": "xdm-host.js",
    },
    about="""\
iframe.js is dist/iframe.js of atlassian-connect-js, styles are its style sheets, xdm-host.js is
dist/host.min.js of simple-xdm, all unchanged; the site serves iframe.js with one line changed.
They contain parts of the packages below.
""",
)
CHARTS = Bundle(
    folder=PARTS / "gateway" / "dashboard" / "static" / "vendor",
    packages=("chart.js",),
    files={"chart.js/dist/chart.umd.min.js": "chart.js"},
    about="""\
chart.js is dist/chart.umd.min.js of Chart.js, but for its last line, which names a source map.
It contains parts of the packages below.
""",
)
SOURCE_MAP = b"//# sourceMappingURL="


def main() -> None:
    """Write the vendor folders anew."""
    for bundle in (BRIDGE, CHARTS):
        shutil.rmtree(bundle.folder, ignore_errors=True)
        bundle.folder.mkdir(parents=True)
        for source, target in bundle.files.items():
            shutil.copyfile(MODULES / source, bundle.folder / target)
        (bundle.folder / "LICENSES.txt").write_text(licences(bundle), encoding="utf-8")
    (BRIDGE.folder / "styles").mkdir()
    for style in sorted((MODULES / STYLES).rglob("*.css")):
        if not style.name.startswith("connect-host"):
            shutil.copyfile(style, BRIDGE.folder / "styles" / style.name)
    chart = CHARTS.folder / "chart.js"
    kept = [x for x in chart.read_bytes().splitlines(keepends=True) if not x.startswith(SOURCE_MAP)]
    chart.write_bytes(b"".join(kept))


def licences(bundle: Bundle) -> str:
    """Who owns what in a bundle: each package's own licence file, else its declaration."""
    parts = [bundle.about]
    seen = set()
    for folder in sorted(set(folders(bundle.packages))):
        package = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
        title = f"{package['name']} {package['version']}: {package.get('license', 'no licence')}"
        if title not in seen:
            seen.add(title)
            parts.append(f"{title}\n\n{licence_file(ROOT / folder)}")
    parts.append("Apache License, Version 2.0\n\n" + (ROOT / "LICENSE").read_text(encoding="utf-8"))
    return f"\n{'-' * 80}\n".join(parts)


def folders(packages: tuple[str, ...]) -> Iterator[str]:
    """Where *packages* and all that they depend on lie, as the lock says."""
    lock: dict[str, Any] = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    waiting, known = [f"node_modules/{name}" for name in packages], set[str]()
    while waiting:
        folder = waiting.pop()
        if folder in known:
            continue
        known.add(folder)
        yield folder
        for kind in ("dependencies", "optionalDependencies", "peerDependencies"):
            waiting += filter(None, (found(lock, folder, n) for n in lock[folder].get(kind, {})))


def found(lock: Mapping[str, Any], folder: str, name: str) -> str | None:
    """Where the package in *folder* finds *name*: in its own folder, or in one above."""
    while True:
        place = f"{folder}/node_modules/{name}" if folder else f"node_modules/{name}"
        if place in lock or not folder:
            return place if place in lock else None
        folder = folder.rpartition("/node_modules/")[0] if "/node_modules/" in folder else ""


def licence_file(package: Path) -> str:
    """The package's own text; simple-xdm, for one, ships none and only declares Apache-2.0."""
    for path in sorted(package.iterdir()):
        if path.is_file() and path.name.lower().startswith(("licen", "notice", "copying")):
            return path.read_text(encoding="utf-8").strip() + "\n"
    return "The package carries no licence file; the line above is what it declares.\n"


if __name__ == "__main__":
    main()
