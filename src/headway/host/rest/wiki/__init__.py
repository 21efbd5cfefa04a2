"""Confluence's REST API, one file per kind of thing."""
