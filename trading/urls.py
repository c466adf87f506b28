"""Routes of the trading pages."""

from django.urls import path

from trading import confirmations, views

urlpatterns = [
    path("", views.command_center, name="command_center"),
    path("signals/<uuid:uuid>/", views.signal_page, name="signal"),
    path("positions/<uuid:uuid>/", views.position_page, name="position"),
    path("positions/<uuid:uuid>/close/", confirmations.close_position, name="close_position"),
    path("entries/halt/", confirmations.halt, name="halt"),
    path("entries/resume/", confirmations.resume, name="resume"),
    path("breaker/reset/", confirmations.reset_breaker, name="reset_breaker"),
    path("positions/close-everything/", confirmations.close_everything, name="close_everything"),
]
