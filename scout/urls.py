"""Routes of the pages of roster and runs."""

from django.urls import path

from scout import acts, views

urlpatterns = [
    path("roster/", views.roster_page, name="roster"),
    path("roster/act/<slug:name>/", acts.change_leaders, name="change_leaders"),
    path("roster/<str:address>/", views.wallet_page, name="wallet"),
    path("scout/", views.runs_page, name="scout_runs"),
    path("scout/begin/", acts.begin_run, name="begin_run"),
    path("scout/<uuid:uuid>/", views.run_page, name="scout_run"),
    path("scout/<uuid:uuid>/end/", acts.end_run, name="end_run"),
]
