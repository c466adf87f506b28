"""What people do meanwhile, by their own verbs: they change policy and roster, and invite a provider."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction

from audit import services as audit
from trading.domain.policy import as_json
from trading.models import Provider, ProviderSecret
from trading.services.policy import active_policy
from wallets import services as roster
from wallets.models import LeaderStatus, LeaderStrategy
from workers.runtime import utc_now

ACTOR = "journey"
PARTS = ("shield", "spear", "breaker")


@asynccontextmanager
async def another_policy(why: str, **changes: Any) -> AsyncIterator[None]:
    """A new revision for as long as the block runs; then the one before is activated again.

    `shield`, `spear` and `breaker` take a mapping of what changes in that part.
    """
    before = await sync_to_async(_revise)(why, changes)
    try:
        yield
    finally:
        await sync_to_async(audit.activate_revision)(
            before, actor=ACTOR, reason=f"over: {why}", now=utc_now()
        )


def _revise(why: str, changes: Mapping[str, Any]) -> int:
    policy, number = active_policy()
    parts = {
        name: replace(getattr(policy, name), **changes[name]) for name in PARTS & changes.keys()
    }
    revised = replace(policy, **{**changes, **parts}).validate()
    audit.propose_revision(as_json(revised), actor=ACTOR, reason=why, now=utc_now())
    return number


@asynccontextmanager
async def copied_otherwise(address: str, **settings: Any) -> AsyncIterator[None]:
    """Other copy settings of a leader for as long as the block runs; None means no limit again."""
    await sync_to_async(_configure)(address, settings)
    try:
        yield
    finally:
        await sync_to_async(_configure)(address, dict.fromkeys(settings))


async def follow_leader(
    address: str, *, name: str, active_for: timedelta | None = None, **settings: Any
) -> None:
    """A new ACTIVE leader on the roster with these copy settings, for so long when that is given."""
    await sync_to_async(_follow)(address, name, active_for, settings)


@transaction.atomic
def _follow(
    address: str, name: str, active_for: timedelta | None, settings: Mapping[str, Any]
) -> None:
    now = utc_now()
    roster.follow(
        address=address,
        name=name,
        status=LeaderStatus.CANDIDATE,
        strategy=LeaderStrategy.SHIELD,
        label="journey",
        actor=ACTOR,
        reason=name,
        now=now,
    )
    until = None if active_for is None else now + active_for
    roster.promote(address, actor=ACTOR, reason=name, now=now, active_until=until)
    roster.configure(address, settings, actor=ACTOR, reason=name, now=now)


def _configure(address: str, settings: Mapping[str, Any]) -> None:
    roster.configure(address, settings, actor=ACTOR, reason="journey", now=utc_now())


async def invite_provider(name: str, *, key: bytes, requests_per_second: int, burst: int) -> str:
    """A second provider with limits of its own; its secret, as Standard Webhooks show them."""
    secret = f"whsec_{base64.b64encode(key).decode()}"
    await sync_to_async(_invite)(name, secret, requests_per_second, burst, utc_now())
    return secret


@transaction.atomic
def _invite(name: str, secret: str, per_second: int, burst: int, now: datetime) -> None:
    provider = Provider.objects.create(name=name, requests_per_second=per_second, burst=burst)
    ProviderSecret.objects.create(provider=provider, secret=secret, created_at=now)
