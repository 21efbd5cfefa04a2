"""The edge that keeps things: installations and used tokens, in SQLite or in memory.

Modules are imported by name (``headway.store.installations``), so that the
replay cache can be had without a database driver.
"""
