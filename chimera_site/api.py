"""The signal door's NinjaAPI object, and the one error envelope {status, reason, details} of every API."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from trading.api import router as signals


class SignalAPI(NinjaAPI):
    """Makes the response that a view may fill only for a view that does: ours bring their own."""

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """What the answer of a view that returns plain data is written into."""
        make = super().create_temporal_response
        return cast("HttpResponse", SimpleLazyObject(lambda: make(request)))


api = SignalAPI(title="Chimera", version="1", urls_namespace="api", docs_url="/docs")
api.add_router("", signals)


def use_one_envelope(door: NinjaAPI) -> None:
    """Have the API answer every error as {status, reason, details}."""

    @door.exception_handler(ValidationError)
    def explain_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        """422 with one line per wrong field."""
        details = {".".join(map(str, item["loc"])): item["msg"] for item in error.errors}
        body = {"status": "rejected", "reason": "validation_failed", "details": details}
        return door.create_response(request, body, status=422)

    @door.exception_handler(AuthenticationError)
    def explain_stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        """401 for whoever has not signed in."""
        body = {"status": "rejected", "reason": "authentication_failed"}
        return door.create_response(request, body, status=401)

    @door.exception_handler(HttpError)
    def explain_refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        """Any status a view has chosen, in the same envelope."""
        body = {"status": "rejected", "reason": str(error)}
        return door.create_response(request, body, status=error.status_code)


use_one_envelope(api)
