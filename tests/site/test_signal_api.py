"""The door's API makes the response that a view may fill only when one does."""

from django.http import HttpRequest, HttpResponse
from ninja.testing import TestAsyncClient

from chimera_site.api import SignalAPI

door = SignalAPI(urls_namespace="test_signal_api")


@door.get("/plain")
async def plain(request: HttpRequest) -> dict[str, int]:
    return {"signals": 1}


@door.get("/filled")
async def filled(request: HttpRequest, response: HttpResponse) -> dict[str, int]:
    response["Retry-After"] = "5"
    return {"signals": 2}


async def test_plain_data_is_written_into_a_response_of_its_own() -> None:
    first, second = [await TestAsyncClient(door).get("/plain") for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.json() == {"signals": 1}
    assert not first.has_header("Retry-After")


async def test_a_view_may_fill_its_response() -> None:
    answer = await TestAsyncClient(door).get("/filled")
    assert (answer.status_code, answer.json()) == (200, {"signals": 2})
    assert answer["Retry-After"] == "5"
