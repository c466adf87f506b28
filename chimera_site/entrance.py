"""The login page."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse


class Entrance(LoginView):
    """Asks for name and password, and leads back to the page that was asked for.

    When a session ends while a page is open, that page's next question for a part of itself is led here too.
    Swapped in, this page would stand inside the other one and its form would post there; so the browser is
    told to load the open page anew, which then comes here as a whole.
    """

    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        if request.htmx:  # type: ignore[attr-defined]
            response["HX-Refresh"] = "true"
        return response
