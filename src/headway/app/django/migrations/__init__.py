"""The versions of the store, one migration of Django's for each."""
