"""The live socket: who gets in, what it sends, how often."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings as configured
from django.test import Client

from chimera_site.asgi import application
from tests.factories import make_position, make_trading_state, make_user
from trading.consumers import press
from trading.live import GROUP

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = b"http://localhost"


@pytest.fixture(autouse=True)
def _memory(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def session(db) -> str:
    """The session cookie of a trader."""
    client = Client()
    client.force_login(make_user())
    make_trading_state()
    return client.cookies[configured.SESSION_COOKIE_NAME].value


def page(
    session: str = "", *, origin: bytes = ORIGIN, path: str = "/ws/live/"
) -> WebsocketCommunicator:
    cookie = f"{configured.SESSION_COOKIE_NAME}={session}".encode()
    headers = [(b"origin", origin), (b"host", b"localhost"), (b"cookie", cookie)]
    return WebsocketCommunicator(application, path, headers=headers)


async def hint(*topics: str) -> None:
    await get_channel_layer().group_send(GROUP, {"type": "live.hint", "topics": list(topics)})


async def everything_within(seconds: float, reader: WebsocketCommunicator) -> list[str]:
    """What arrives in that time; unlike a receive that times out it leaves the page open."""
    found, deadline = [], time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not await reader.receive_nothing(timeout=left):
            found.append(str(await reader.receive_from()))
    return found


async def is_admitted(communicator: WebsocketCommunicator) -> bool:
    admitted, _ = await communicator.connect(timeout=5)
    await communicator.disconnect()
    return admitted


async def test_nobody_gets_in_without_logging_in():
    assert not await is_admitted(page())


async def test_a_made_up_session_does_not_get_in(session):
    assert not await is_admitted(page("0" * 32))


async def test_another_site_does_not_get_in_with_our_cookie(session):
    assert not await is_admitted(page(session, origin=b"https://evil.example"))


async def test_a_deactivated_user_does_not_get_in(session):
    from django.contrib.auth.models import User

    await User.objects.aupdate(is_active=False)
    assert not await is_admitted(page(session))


async def test_a_fresh_page_gets_every_section_at_once(session):
    reader = page(session)
    await reader.connect(timeout=5)
    first = await reader.receive_from(timeout=5)
    for section in ("health", "money", "curve", "positions", "signals", "closed"):
        assert f'<section id="{section}"' in first
    await reader.disconnect()


async def test_each_page_gets_its_own_sections_only(session):
    centre, latency = page(session), page(session, path="/ws/live/latency/")
    for reader in (centre, latency):
        await reader.connect(timeout=5)
    await hint("signals", "health")
    shown = "".join(await everything_within(1.5, latency))
    assert '<div id="latency"' in shown
    assert '<section id="health"' not in shown
    assert '<div id="latency"' not in "".join(await everything_within(1.5, centre))
    for reader in (centre, latency):
        await reader.disconnect()


async def test_a_hint_brings_only_the_sections_of_its_topic(session):
    reader = page(session)
    await reader.connect(timeout=5)
    await reader.receive_from(timeout=5)
    position = await sync_to_async(make_position)(symbol="NEWCOIN")
    await hint("positions")
    pushed = await reader.receive_from(timeout=5)
    assert "NEWCOIN" in pushed
    assert str(position.uuid) in pushed
    assert '<section id="signals"' not in pushed
    assert 'hx-swap-oob="true"' in pushed
    await reader.disconnect()


async def test_a_storm_of_hints_is_at_most_two_renders_a_second(session):
    reader = page(session)
    await reader.connect(timeout=5)
    await reader.receive_from(timeout=5)
    started, received = time.monotonic(), 0
    while time.monotonic() - started < 2:
        await hint("positions", "signals")
        received += len(await everything_within(0.05, reader))
    assert 2 <= received <= 5
    await reader.disconnect()


async def test_two_pages_get_the_same_print(session):
    readers = [page(session), page(session)]
    for reader in readers:
        await reader.connect(timeout=5)
        await everything_within(1.2, readers[0])
    await hint("equity")
    first, second = [await everything_within(1.2, reader) for reader in readers]
    assert first[-1:] == second[-1:] != []
    for reader in readers:
        await reader.disconnect()


async def test_the_press_stops_when_nobody_reads_and_starts_again(session):
    for _ in range(2):
        reader = page(session)
        await reader.connect(timeout=5)
        assert '<section id="health"' in await reader.receive_from(timeout=5)
        await reader.disconnect()
        deadline = time.monotonic() + 2
        while press.is_running and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert not press.is_running


async def test_what_a_page_sends_is_ignored(session):
    reader = page(session)
    await reader.connect(timeout=5)
    await reader.receive_from(timeout=5)
    await reader.send_to(text_data='{"halt": true}')
    await hint("health")
    assert '<section id="health"' in await reader.receive_from(timeout=5)
    await reader.disconnect()
