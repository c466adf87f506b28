"""The scout app."""

from django.apps import AppConfig


class ScoutConfig(AppConfig):
    name = "scout"
