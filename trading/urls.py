"""Routes of the trading pages."""

from django.urls import path

from trading import confirmations, rulings, views

urlpatterns = [
    path("", views.command_center, name="command_center"),
    path("latency/", views.latency_page, name="latency"),
    path("sources/", views.sources_page, name="sources"),
    path("signals/<uuid:uuid>/", views.signal_page, name="signal"),
    path("positions/<uuid:uuid>/", views.position_page, name="position"),
    path("positions/<uuid:uuid>/close/", confirmations.close_position, name="close_position"),
    path("submissions/<int:pk>/", rulings.evidence_page, name="evidence"),
    path("submissions/<int:pk>/node/<int:number>/", rulings.ask_node, name="ask_node"),
    path("submissions/<int:pk>/engine/", rulings.ask_engine, name="ask_engine"),
    path("submissions/<int:pk>/wallet/", rulings.ask_wallet, name="ask_wallet"),
    path("submissions/<int:pk>/landed/", rulings.rule_landed, name="rule_landed"),
    path("submissions/<int:pk>/never-landed/", rulings.rule_never_landed, name="rule_never_landed"),
    path("entries/halt/", confirmations.halt, name="halt"),
    path("entries/resume/", confirmations.resume, name="resume"),
    path("breaker/reset/", confirmations.reset_breaker, name="reset_breaker"),
    path("positions/close-everything/", confirmations.close_everything, name="close_everything"),
]
