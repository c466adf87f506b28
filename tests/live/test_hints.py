"""Hints: they arrive, they come together, and they never cost more than themselves."""

import asyncio
import logging
import socket
import time
from typing import Any

import pytest
from channels_redis.core import RedisChannelLayer
from django.utils import timezone

from chimera_site import settings as settings_of_the_project
from tests import factories
from trading import live
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Strategy
from trading.services.intake import receive_signal


@pytest.fixture
def layer(broker, settings) -> RedisChannelLayer:
    """A listener's own layer; `publish` uses the configured one from its own thread."""
    # Another test's last hints may still be on their way.
    time.sleep(3 * live.FLUSH_SECONDS)
    hosts = [f"unix://{broker}"]
    backend = "channels_redis.core.RedisChannelLayer"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": hosts}}}
    return RedisChannelLayer(hosts=hosts)


async def hints_within(seconds: float, layer: RedisChannelLayer, publish) -> list[list[str]]:
    channel = await layer.new_channel()
    await layer.group_add(live.GROUP, channel)
    publish()
    found = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                found.append((await layer.receive(channel))["topics"])
    except TimeoutError:
        return found
    finally:
        await layer.group_discard(live.GROUP, channel)
        await layer.close_pools()


async def test_a_hint_reaches_the_group(layer):
    assert await hints_within(1.5, layer, lambda: live.publish("signals", "health")) == [
        ["health", "signals"]
    ]


async def test_many_hints_become_a_few_messages(layer):
    def burst():
        for _ in range(500):
            live.publish("positions")
            live.publish("equity")

    found = await hints_within(1.5, layer, burst)
    assert 1 <= len(found) <= 10, "a thousand hints within a moment"
    assert {topic for topics in found for topic in topics} == {"positions", "equity"}


async def test_a_quiet_broker_is_no_broken_broker(broker):
    config: Any = settings_of_the_project.CHANNEL_LAYERS["default"]["CONFIG"]
    hosts = [{**host, "address": f"unix://{broker}"} for host in config["hosts"]]
    layer = RedisChannelLayer(**{**config, "hosts": hosts})
    assert await hints_within(6, layer, lambda: None) == []


def test_publishing_does_not_wait(layer):
    started = time.perf_counter()
    for _ in range(1_000):
        live.publish("signals")
    assert time.perf_counter() - started < 0.2


def test_a_lost_broker_is_logged_once_and_raises_nothing(settings, caplog, tmp_path):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [f"unix://{tmp_path}/nobody.sock"]},
        }
    }
    with caplog.at_level(logging.WARNING, logger="trading.live"):
        for _ in range(4):
            live.publish("signals")
            time.sleep(0.15)
    assert len([line for line in caplog.records if "broker" in line.getMessage()]) <= 1


def test_an_unknown_topic_is_an_error_in_the_log_and_goes_nowhere(caplog):
    with caplog.at_level(logging.ERROR, logger="trading.live"):
        live.publish("weather")
    assert "weather" in caplog.text


def test_waking_sends_every_executor_one_datagram(settings, tmp_path):
    settings.RUNTIME_DIR = tmp_path
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as first,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second,
    ):
        for listener, name in ((first, "wake.1"), (second, "wake.2")):
            listener.bind(str(tmp_path / name))
            listener.settimeout(1)
        live.wake(what=live.EXIT)
        assert [first.recv(16), second.recv(16)] == [live.EXIT, live.EXIT]


def test_the_ear_of_a_killed_executor_is_cleared_away_and_keeps_nobody_from_hearing(
    settings, tmp_path
):
    settings.RUNTIME_DIR = tmp_path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(tmp_path / "wake.1"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as alive:
        alive.bind(str(tmp_path / "wake.2"))
        alive.settimeout(1)
        live.wake()
        assert alive.recv(16) == live.EXIT + live.ENTRY
    assert [each.name for each in tmp_path.iterdir()] == ["wake.2"]


@pytest.mark.parametrize(("action", "what"), [(Action.BUY, live.ENTRY), (Action.SELL, live.EXIT)])
def test_a_new_signal_wakes_those_who_work_on_its_kind(settings, tmp_path, database, action, what):
    settings.RUNTIME_DIR = tmp_path
    factories.make_policy_revision()
    factories.make_trading_state()
    request = SignalRequest(
        strategy=Strategy.SHIELD,
        action=action,
        symbol="BONK",
        mint=factories.MINT,
        amount_lamports=factories.sol(1) if action is Action.BUY else 0,
        leader_address=factories.LEADER,
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(live.ear()))
        listener.settimeout(1)
        receive_signal(request, source="provider", now=timezone.now())
        assert listener.recv(16) == what


def test_waking_nobody_is_fine(settings, tmp_path):
    settings.RUNTIME_DIR = tmp_path
    live.wake()


def test_waking_never_waits_for_a_listener_that_does_not_read(settings, tmp_path):
    settings.RUNTIME_DIR = tmp_path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(live.ear()))
        started = time.perf_counter()
        for _ in range(2_000):
            live.wake()
        assert time.perf_counter() - started < 2
