"""Documents as people write and read them: as text with marks, and as HTML.

A document is a tree of nodes in the words of the Atlassian Document Format; a
wiki's page is read into one and written back (``storage``).
"""

from __future__ import annotations

from headway.host.documents.reading import named, read, read_plain
from headway.host.documents.writing import Written, write, write_plain

__all__ = ["Written", "named", "read", "read_plain", "write", "write_plain"]
