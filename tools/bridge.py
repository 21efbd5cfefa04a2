"""Copy the host's iframe bridge from ``node_modules`` into the package, with its licences.

    python tools/bridge.py

Git does not hold these files; the wheel does, so that whoever installs it
needs no Node.js.  The bundles carry parts of the packages they were built
from, so the licence of every locked package goes along.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src" / "headway" / "host" / "static" / "vendor"
STYLES = "atlassian-connect-js/dist"
FILES = {
    "atlassian-connect-js/dist/iframe.js": "iframe.js",
    "simple-xdm/dist/host.min.js": "xdm-host.js",
}
ABOUT = """\
iframe.js is dist/iframe.js of atlassian-connect-js, styles are its style sheets, xdm-host.js is
dist/host.min.js of simple-xdm, all unchanged; the site serves iframe.js with one line changed.
They contain parts of the packages below.
"""


def main() -> None:
    """Write the vendor folder anew."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, target in FILES.items():
        shutil.copyfile(MODULES / source, VENDOR / target)
    (VENDOR / "styles").mkdir()
    for style in sorted((MODULES / STYLES).rglob("*.css")):
        if not style.name.startswith("connect-host"):
            shutil.copyfile(style, VENDOR / "styles" / style.name)
    (VENDOR / "LICENSES.txt").write_text(licences(), encoding="utf-8")


def licences() -> str:
    """Who owns what in the bundles: each package's own licence file, else its declaration."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    parts = [ABOUT]
    seen = set()
    for folder in sorted(filter(None, lock)):
        package = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
        title = f"{package['name']} {package['version']}: {package.get('license', 'no licence')}"
        if title not in seen:
            seen.add(title)
            parts.append(f"{title}\n\n{licence_file(ROOT / folder)}")
    parts.append("Apache License, Version 2.0\n\n" + (ROOT / "LICENSE").read_text(encoding="utf-8"))
    return f"\n{'-' * 80}\n".join(parts)


def licence_file(package: Path) -> str:
    """The package's own text; simple-xdm, for one, ships none and only declares Apache-2.0."""
    for path in sorted(package.iterdir()):
        if path.is_file() and path.name.lower().startswith(("licen", "notice", "copying")):
            return path.read_text(encoding="utf-8").strip() + "\n"
    return "The package carries no licence file; the line above is what it declares.\n"


if __name__ == "__main__":
    main()
