"""The ASGI application of the web process: pages over HTTP, live hints over WebSocket."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chimera_site.settings")
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - models need the apps loaded above
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import path  # noqa: E402

from trading.consumers import LiveConsumer  # noqa: E402
from trading.timings import keep_sampling  # noqa: E402

# Django's path() is typed for views; Channels' own documentation routes sockets with it.
live = LiveConsumer.as_asgi()
sockets = URLRouter(
    [
        path("ws/live/", live),  # type: ignore[arg-type, list-item]
        path("ws/live/latency/", live, {"page": "latency"}),  # type: ignore[arg-type, list-item]
        path("ws/live/sources/", live, {"page": "sources"}),  # type: ignore[arg-type, list-item]
    ]
)
application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets)),
    }
)
keep_sampling()
