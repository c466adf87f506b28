"""Puts the parts together for the daemons: the only place of this room that reads settings."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from solders.pubkey import Pubkey

from trading.domain.registrations import Pace
from trading.gateways.helius import Account, open_registry
from trading.gateways.transactions import KeySigner, PaperSigner, Signer
from trading.reach import open_gateways
from trading.services.portfolio import landed_tips
from trading.services.registration import helius_secret
from trading.writer import GroupWriter
from wallets.vault import open_trading_key
from workers.conditions import Conditions
from workers.desk import Desk, open_desk_with
from workers.registration import Registrar
from workers.runtime import utc_now


def open_signer() -> Signer:
    """Who pays and signs. On paper nobody signs: the wallet is a public address, and no key is opened."""
    if settings.MODE == "paper":
        return PaperSigner(Pubkey.from_string(settings.PAPER_WALLET))
    return KeySigner(open_trading_key(settings.TRADING_KEY_FILE))


@asynccontextmanager
async def open_writer() -> AsyncIterator[GroupWriter]:
    """A running writer; what it was given is committed before it goes."""
    writer = GroupWriter().start()
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


def open_registrar(*, now: datetime) -> Registrar | None:
    """Who keeps Helius registered; None where no key, no address to post to or no secret is configured."""
    secret = helius_secret(now=now)
    if not (settings.HELIUS_API_KEY and settings.HELIUS_POST_TO and secret):
        return None
    account = Account(
        api_key=settings.HELIUS_API_KEY, post_to=settings.HELIUS_POST_TO, secret=secret
    )
    return Registrar(
        open_registry=partial(
            open_registry,
            settings.HELIUS_API_URL,
            account=account,
            requests_per_second=settings.HELIUS_REQUESTS_PER_SECOND,
        ),
        pace=Pace(
            between_looks=timedelta(seconds=settings.HELIUS_LOOK_SECONDS),
            gathering=timedelta(seconds=settings.HELIUS_GATHERING_SECONDS),
            between_edits=timedelta(seconds=settings.HELIUS_EDIT_SECONDS),
        ),
    )
