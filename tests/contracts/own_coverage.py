"""Each module is covered by its own test file: the root wholly, everything else to 95 %.

Coverage records which test ran a line (``--cov-context=test``).  For a module
only its own test file's contexts count, and the empty one: what runs when a
module is imported.  Subprocesses and end-to-end tests count for nobody.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import coverage
from contracts.modules import Module, modules

ROOT_PERCENT = 100.0
EDGE_PERCENT = 95.0
SHOWN = 12

RATCHET: dict[str, float] = {}
"""Modules that fall short, with what they reach; this list may only get shorter."""


def missing(root: Path) -> list[str]:
    """One line for each module that its own test file does not cover as far as it must."""
    measured = coverage.Coverage(data_file=root / ".coverage", config_file=root / "pyproject.toml")
    measured.load()
    return [line for module in modules() if (line := _shortfall(measured, module))]


def _shortfall(measured: coverage.Coverage, module: Module) -> str | None:
    required = RATCHET.get(module.name, ROOT_PERCENT if module.is_root else EDGE_PERCENT)
    own = ["^$", f"^{re.escape(module.test_file)}::"]
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        report = Path(folder) / "report.json"
        try:
            measured.json_report([str(module.path)], outfile=str(report), contexts=own)
        except coverage.exceptions.NoDataError:
            return f"{module.name}: not measured at all"
        file = next(iter(json.loads(report.read_text())["files"].values()))
    reached = file["summary"]["percent_covered"]
    if reached >= required:
        return None
    lacks = [*file["missing_lines"], *(f"{a}->{b}" for a, b in file.get("missing_branches", []))]
    shown = ", ".join(map(str, lacks[:SHOWN])) + (", ..." if len(lacks) > SHOWN else "")
    return f"{module}: {reached:.1f} % of {required:.0f} % by {module.test_file}; lacks {shown}"
