"""``--fix`` and suggested patches: tokens out of URLs, into headers, and nothing else changed."""
