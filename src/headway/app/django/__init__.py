"""Connect apps on Django: an app for ``INSTALLED_APPS``, a middleware, URLs.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    def hello(request, context): ...

    urlpatterns = [path("", include(connect.urls))]

and in the settings:

    INSTALLED_APPS = [..., "headway.app.django"]
    MIDDLEWARE = ["headway.app.django.middleware.ConnectMiddleware", ...]
    HEADWAY_CONNECT = "hello.connect"
"""

from headway.app.context import Context, SyncContext
from headway.app.django.connect import Connect

__all__ = ["Connect", "Context", "SyncContext"]
