"""Puts the parts together for the daemons: the only place of this room that reads settings."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings
from solders.pubkey import Pubkey

from trading.gateways.transactions import KeySigner, PaperSigner, Signer
from trading.reach import open_gateways
from trading.rows import serialise
from trading.services.portfolio import landed_tips
from trading.writer import GroupWriter
from wallets.vault import open_trading_key
from workers.conditions import Conditions
from workers.desk import Desk, open_desk_with
from workers.runtime import utc_now


def open_signer() -> Signer:
    """Who pays and signs. On paper nobody signs: the wallet is a public address, and no key is opened."""
    if settings.MODE == "paper":
        return PaperSigner(Pubkey.from_string(settings.PAPER_WALLET))
    return KeySigner(open_trading_key(settings.TRADING_KEY_FILE))


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
    """Everything a trade needs, conditions already asked for once."""
    signer = open_signer()
    async with open_writer() as writer, open_gateways(books=writer) as gateways:
        conditions = Conditions(
            gateways,
            wallet=str(signer.pubkey),
            clock=utc_now,
            chance=random.SystemRandom(),
            read_landed_tips=lambda: writer.read(landed_tips),
        )
        await conditions.refresh_once()
        yield open_desk_with(
            gateways=gateways,
            writer=writer,
            conditions=conditions,
            signer=signer,
            clock=utc_now,
        )
