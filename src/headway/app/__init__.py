"""Build a Connect app: its descriptor, its lifecycle, its pages, its calls to the host.

``headway.app.starlette`` is where an app for Starlette or FastAPI begins; what
does not depend on a framework stands in the modules beside it.
"""
