"""Puts the parts together for the daemons: the only place of this room that reads settings."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings

from trading.gateways.connect import Gateways, connect
from trading.outside import endpoints
from trading.rows import serialise
from trading.services.portfolio import landed_tips
from trading.writer import GroupWriter
from wallets.vault import open_trading_key
from workers.conditions import Conditions
from workers.desk import Desk, open_desk_with
from workers.runtime import utc_now


class UnableToTrade(Exception):
    """This mode has no way to trade, so no daemon starts."""


@asynccontextmanager
async def open_gateways() -> AsyncIterator[Gateways]:
    """The configured gateways, closed at the end."""
    async with connect(endpoints()) as gateways:
        yield gateways


@asynccontextmanager
async def open_writer() -> AsyncIterator[GroupWriter]:
    """A running writer; what it was given is committed before it goes.

    The daemons' writers take turns, also on PostgreSQL: two groups of verbs lock the same rows in whatever
    order their verbs came, and each would wait for the other.
    """
    writer = GroupWriter(opening=lambda: serialise("daemons")).start()
    try:
        yield writer
    finally:
        writer.stop()


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    """Everything a trade needs, conditions already asked for once.

    UnableToTrade in paper mode: it must never load a key, and this desk signs what is then really sent.
    """
    if settings.MODE == "paper":
        raise UnableToTrade("paper mode has no simulated fills yet; use sandbox")
    keypair = open_trading_key(settings.TRADING_KEY_FILE)
    wallet = str(keypair.pubkey())
    async with open_gateways() as gateways, open_writer() as writer:
        conditions = Conditions(
            gateways,
            wallet=wallet,
            clock=utc_now,
            chance=random.SystemRandom(),
            read_landed_tips=lambda: writer.read(landed_tips),
        )
        await conditions.refresh_once()
        yield open_desk_with(
            gateways=gateways,
            writer=writer,
            conditions=conditions,
            keypair=keypair,
            clock=utc_now,
        )
