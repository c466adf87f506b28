"""The site as an app: it brings the stylesheet and the system checks."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "chimera_site"

    def ready(self) -> None:
        """Register the system checks."""
        from chimera_site import checks  # noqa: F401
