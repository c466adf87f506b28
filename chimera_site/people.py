"""The NinjaAPI object of the web process: what people who have signed in may ask and do by HTTP."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from chimera_site.api import use_one_envelope
from scout.api import answer_refused
from scout.api import router as rosters
from scout.roster_file import RosterRefused

people = NinjaAPI(
    title="Chimera, for people", version="1", urls_namespace="people", docs_url="/docs"
)
people.add_router("", rosters)
use_one_envelope(people)


@people.exception_handler(RosterRefused)
def explain_roster(request: HttpRequest, error: RosterRefused) -> HttpResponse:
    """Why a roster is not taken over, with the status of its kind."""
    body, status = answer_refused(error)
    return people.create_response(request, body, status=status)
