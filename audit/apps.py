"""The audit app: what was changed, by whom, and what could not be processed."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
