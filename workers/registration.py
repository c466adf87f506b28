"""Keeps what Helius is registered for what the roster wants: looks, gathers, edits. Every step may be the last."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from trading.domain.registrations import (
    Difference,
    Edit,
    Pace,
    Registered,
    may_edit,
    may_look,
    plan_edits,
)
from trading.gateways.base import GatewayError
from trading.gateways.helius import MOST_ADDRESSES, HeliusRegistry, Webhook
from trading.services import registration

log = logging.getLogger("registration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """`open_registry` opens the way to Helius, for each time it is asked something."""

    open_registry: Callable[[], AbstractAsyncContextManager[HeliusRegistry]]
    pace: Pace
    most_addresses: int = MOST_ADDRESSES

    def step(self, *, now: datetime) -> None:
        """Look and edit where it is time for that; tell people of what does not go away.

        A GatewayError is kept as the row's trouble. Several processes may call it at once: one works.
        """
        wanted = registration.wanted_wallets(now=now)
        moments = registration.notice_wanted(wanted, now=now)
        if may_look(moments, self.pace, now=now):
            self.work(wanted, edits=may_edit(moments, self.pace, now=now), now=now)
        registration.tell_if_lasting(self.pace, now=now)

    def work(self, wanted: Sequence[str], *, edits: bool, now: datetime) -> Difference | None:
        """Look, and edit where asked to; what differs afterwards, None when Helius or our turn was not to be had."""
        if not registration.take_turn(now=now):
            return None
        is_editing = False
        try:
            registered = asyncio.run(self._look())
            planned = plan_edits(registered, wanted, most=self.most_addresses) if edits else []
            if planned:
                is_editing = True
                registered = asyncio.run(self._edit(planned))
                log.info("helius: %s edits for %s wallets", len(planned), len(wanted))
            return registration.note_look(registered, wanted, is_edited=is_editing, now=now)
        except GatewayError as error:
            log.warning("helius: %s", error)
            registration.note_trouble(str(error), is_edited=is_editing, now=now)
            return None
        finally:
            registration.end_turn()

    async def _look(self) -> list[Registered]:
        async with self.open_registry() as registry:
            return [_registered(each) for each in await registry.webhooks()]

    async def _edit(self, edits: Sequence[Edit]) -> list[Registered]:
        """Everything registered afterwards, as Helius tells it."""
        async with self.open_registry() as registry:
            for edit in edits:
                if not edit.id:
                    await registry.create(edit.addresses)
                elif edit.addresses:
                    await registry.update(edit.id, edit.addresses)
                else:
                    await registry.delete(edit.id)
            return [_registered(each) for each in await registry.webhooks()]


def _registered(webhook: Webhook) -> Registered:
    return Registered(id=webhook.id, addresses=webhook.addresses, is_sound=webhook.is_sound)
