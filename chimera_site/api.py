"""The NinjaAPI object: mounts each app's router and gives every error the one envelope {status, reason, details}."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from trading.api import router as signals

api = NinjaAPI(title="Chimera", version="1", urls_namespace="api", docs_url="/docs")
api.add_router("", signals)


@api.exception_handler(ValidationError)
def explain_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """422 with one line per wrong field."""
    details = {".".join(map(str, item["loc"])): item["msg"] for item in error.errors}
    body = {"status": "rejected", "reason": "validation_failed", "details": details}
    return api.create_response(request, body, status=422)


@api.exception_handler(HttpError)
def explain_refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Any status a view has chosen, in the same envelope."""
    body = {"status": "rejected", "reason": str(error)}
    return api.create_response(request, body, status=error.status_code)
