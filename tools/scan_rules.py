"""Write the reference of the scan's rules from the rules: what, why, what to do, who mends it.

    .venv/bin/python tools/scan_rules.py > docs/scan-rules.md

The text of a section is the rule's own: change it in ``src/headway/scan/rules/``.
"""

from __future__ import annotations

from headway.scan.rules import RULES, Fix, Looks, Rule

HEAD = """\
# Rules of the scan

Made by `tools/scan_rules.py` from `src/headway/scan/rules/`; a test compares the two. How to scan:
[scan.md](scan.md).
"""
LOOKS = {
    Looks.TEXT: "texts: logs, HAR files, traces",
    Looks.PROFILE: "profiles of browsers",
    Looks.CODE: "code",
    Looks.CONFIGURATION: "configurations of proxies",
}
FIXES = {
    Fix.AUTOMATIC: "a command",
    Fix.SUGGESTED: "a suggested patch",
    Fix.PERSON: "a person",
}


def page() -> str:
    """A section for each rule."""
    return "\n".join([HEAD, *(section(rule) for rule in RULES.values())])


def section(rule: Rule) -> str:
    """One rule."""
    todo = "\n".join(f"- {sentence}" for sentence in rule.todo)
    return (
        f"## `{rule.id}`\n\n{rule.title}. Severity: {rule.severity}; looks at {LOOKS[rule.looks]}; "
        f"mended by {FIXES[rule.fix]}.\n\n{rule.why}\n\n"
        f"Found (`TOKEN` stands for one):\n\n```text\n{rule.bad}\n```\n\n"
        f"Fine:\n\n```text\n{rule.good}\n```\n\n{todo}\n"
    )


if __name__ == "__main__":
    print(page(), end="")
