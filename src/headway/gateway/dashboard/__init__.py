"""The dashboard: how far each retirement is, who is left, who would break next, and a way to stop.

``figures.py`` makes what is shown of policy, records and a moment; ``access.py``
says who may look and who may change; ``pages.py`` is the ASGI app of both.
"""
