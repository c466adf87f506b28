"""Registration of webhooks at Helius: which wallets' transactions it posts, and where. Shapes: formats.md
section 2. What has to be registered is decided elsewhere.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from trading.gateways.base import Endpoints, InvalidReply
from trading.gateways.http import Host, authority_of, new_session
from trading.gateways.quota import Allowance
from trading.gateways.shapes import as_list, as_object, as_text

MOST_ADDRESSES = 100_000
"""That one webhook takes."""
WEBHOOK_TYPE, TRANSACTION_TYPES = "enhanced", ["ANY"]
"""Every type: what Helius calls UNKNOWN may be a swap."""
TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 60.0
_PATH = "/v0/webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One registered webhook. `is_sound`: it sends what we read, in the form and with the secret we expect."""

    id: str
    url: str
    addresses: frozenset[str]
    is_sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose webhooks: the key of the account, where they are to post, and what they send back with it."""

    api_key: str
    post_to: str
    secret: str


class HeliusRegistry:
    """Every method raises only GatewayErrors. A call costs 100 credits, so calls are few and far between."""

    def __init__(self, host: Host, *, account: Account, allowance: Allowance) -> None:
        self._host, self._account, self._allowance = host, account, allowance
        self._suffix = f"?api-key={quote(account.api_key, safe='')}"

    async def webhooks(self) -> list[Webhook]:
        """All that post to us; others of the same account are nobody's business."""
        await self._allowance.take()
        reply = await self._host.get(_PATH + self._suffix)
        found = [as_object(each, "webhook") for each in as_list(reply, "webhooks")]
        ours = [each for each in found if each.get("webhookURL") == self._account.post_to]
        return [await self._whole(each) for each in ours]

    async def create(self, addresses: Iterable[str]) -> Webhook:
        """Register one more; without an answer it may exist all the same, which the next look shows."""
        await self._allowance.take()
        reply = await self._host.post(_PATH + self._suffix, self._body(addresses))
        return read_webhook(reply, secret=self._account.secret)

    async def update(self, webhook_id: str, addresses: Iterable[str]) -> Webhook:
        """Replace all of it: Helius takes full objects only."""
        await self._allowance.take()
        reply = await self._host.put(self._at(webhook_id), self._body(addresses))
        return read_webhook(reply, secret=self._account.secret)

    async def delete(self, webhook_id: str) -> None:
        """Take one away; whether it is gone the next look shows."""
        await self._allowance.take()
        with suppress(InvalidReply):  # the status was good, and an empty body is no JSON
            await self._host.delete(self._at(webhook_id))

    async def _whole(self, listed: dict[str, Any]) -> Webhook:
        """Lists may leave the addresses out."""
        if "accountAddresses" not in listed:
            await self._allowance.take()
            at = self._at(as_text(listed.get("webhookID"), "webhookID"))
            listed = as_object(await self._host.get(at), "webhook")
        return read_webhook(listed, secret=self._account.secret)

    def _at(self, webhook_id: str) -> str:
        return f"{_PATH}/{quote(webhook_id, safe='')}{self._suffix}"

    def _body(self, addresses: Iterable[str]) -> dict[str, Any]:
        return {
            "webhookURL": self._account.post_to,
            "transactionTypes": TRANSACTION_TYPES,
            "accountAddresses": sorted(addresses),
            "webhookType": WEBHOOK_TYPE,
            "authHeader": self._account.secret,
        }


def read_webhook(reply: object, *, secret: str) -> Webhook:
    """A webhook as Helius tells it; where it tells no secret, ours is taken to be there."""
    told = as_object(reply, "webhook")
    types = as_list(told.get("transactionTypes"), "transactionTypes")
    addresses = as_list(told.get("accountAddresses"), "accountAddresses")
    is_sound = (
        told.get("webhookType") == WEBHOOK_TYPE
        and "ANY" in types
        and told.get("authHeader", secret) == secret
        and told.get("active", True) is True
    )
    return Webhook(
        id=as_text(told.get("webhookID"), "webhookID"),
        url=as_text(told.get("webhookURL"), "webhookURL"),
        addresses=frozenset(as_text(each, "address") for each in addresses),
        is_sound=is_sound,
    )


@asynccontextmanager
async def open_registry(
    url: str, *, account: Account, requests_per_second: float
) -> AsyncIterator[HeliusRegistry]:
    """The registry at this host, closed at the end."""
    where = Endpoints(
        rpc_urls=(),
        jito_url="",
        jupiter_url="",
        dexscreener_url="",
        timeout_seconds=TIMEOUT_SECONDS,
    )
    allowance = Allowance(
        authority_of(url), per_second=requests_per_second, patience_seconds=PATIENCE_SECONDS
    )
    async with new_session(where) as session:
        host = Host(
            session,
            url,
            reply_limit_bytes=where.reply_limit_bytes,
            secrets=(account.api_key, account.secret),
        )
        yield HeliusRegistry(host, account=account, allowance=allowance)
