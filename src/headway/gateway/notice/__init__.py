"""Telling people that a location goes: changelog, warning, OpenAPI documents, e-mail.

``retirement.py`` says in words what a policy does and when, ``examples.py``
what to send instead.  ``blocks.py`` is how such words are written down without
anything in them becoming markup; ``page.py``, ``openapi.py`` and ``mail.py``
are the notices.  Nothing here sends anything.
"""
