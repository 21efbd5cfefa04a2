"""Write the reference of refusals from the registry: every id, whose fault, what to do.

    .venv/bin/python tools/refusals.py > docs/refusals.md

The text of a section is the code's own: change it in ``src/headway/errors.py`` or
``refusals.py``.
"""

from __future__ import annotations

import inspect

from headway.errors import Fault, Refusal, registry

HEAD = """\
# Refusals

Made by `tools/refusals.py` from `src/headway/errors.py` and `refusals.py`; a test compares the two.

Every request that Headway refuses is refused by one of these ids. The id is the `code` of the
JSON answer, the label of the metric and the name of the bad example in `vectors/`; it does not
change. What was expected and found stands in the server's log, never a token or a secret.
"""
FAULTS = {
    Fault.CALLER: "whoever sent the request",
    Fault.OPERATOR: "whoever runs this side",
    Fault.PEER: "a system that this side asked",
}


def page() -> str:
    """A chapter a family, a section an id."""
    parts = [HEAD]
    family: type | None = None
    for leaf in registry().values():
        if leaf.__base__ is not family and leaf.__base__ is not None:
            family = leaf.__base__
            parts.append(f"## {family.__name__}\n\n{inspect.cleandoc(family.__doc__ or '')}\n")
        parts.append(section(leaf))
    return "\n".join(parts)


def section(leaf: type[Refusal]) -> str:
    """One id."""
    facts = [f"status {leaf.status}", f"fault of {FAULTS[leaf.fault]}"]
    if leaf.outside:
        facts.append(f"told to outsiders as `{leaf.outside}`")
    return (
        f"### `{leaf.id}`\n\n"
        f"{sentence(leaf.title)} {inspect.cleandoc(leaf.__doc__ or '')}\n\n"
        f"- {', '.join(facts)}\n"
        f"- raised as `{leaf.__name__}`\n"
        f"- **what to do:** {leaf.hint}\n"
    )


def sentence(title: str) -> str:
    """A title as the first sentence of a section."""
    return f"{title[0].upper()}{title[1:]}."


if __name__ == "__main__":
    print(page(), end="")
