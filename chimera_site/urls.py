"""Routes of the pages, the admin and the API."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path

from chimera_site.entrance import Entrance
from chimera_site.people import people
from trading.views import health_probe, metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("trading.urls")),
    path("", include("scout.urls")),
    path("login/", Entrance.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("api/v1/", people.urls),
    path("health", health_probe, name="health"),
    path("metrics", metrics, name="metrics"),
]
