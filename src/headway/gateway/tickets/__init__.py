"""Tickets: a token in a header is traded for a URL that works once, for seconds."""
