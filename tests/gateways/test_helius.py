"""Registering webhooks at Helius: the sandbox's copy of it, what goes wrong there, and what it is known to say."""

from collections.abc import AsyncIterator

import pytest
from solders.keypair import Keypair

from tests.cluster import Sandbox
from trading.gateways.base import GatewayError, InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.helius import Account, HeliusRegistry, open_registry, read_webhook

KEY, SECRET = "sandbox-helius-key", "what is to come back"
DOOR = "http://127.0.0.1:9/api/v1/providers/helius"


def wallets(count: int) -> list[str]:
    return [str(Keypair().pubkey()) for _ in range(count)]


def at(sandbox: Sandbox, *, key: str = KEY, door: str = DOOR, secret: str = SECRET):
    account = Account(api_key=key, post_to=door, secret=secret)
    return open_registry(f"{sandbox.url}/helius", account=account, requests_per_second=0)


@pytest.fixture
async def registry(sandbox: Sandbox) -> AsyncIterator[HeliusRegistry]:
    async with at(sandbox) as opened:
        # The cluster is shared, and others register there too.
        await _take_all_away(opened)
        yield opened
        sandbox.clear()
        await _take_all_away(opened)


async def _take_all_away(registry: HeliusRegistry) -> None:
    for each in await registry.webhooks():
        await registry.delete(each.id)


async def test_a_webhook_is_made_changed_as_a_whole_and_taken_away(registry: HeliusRegistry):
    ada, bob, eve = wallets(3)
    made = await registry.create([ada, bob])
    assert (made.url, made.addresses, made.is_sound) == (DOOR, {ada, bob}, True)
    assert await registry.webhooks() == [made]
    changed = await registry.update(made.id, [bob, eve])
    assert (changed.id, changed.addresses) == (made.id, {bob, eve})
    await registry.delete(made.id)
    assert await registry.webhooks() == []


async def test_webhooks_that_post_elsewhere_are_left_alone(
    sandbox: Sandbox, registry: HeliusRegistry
):
    async with at(sandbox, door="http://127.0.0.1:9/somewhere/else") as other:
        theirs = await other.create(wallets(1))
        assert await registry.webhooks() == []
        await other.delete(theirs.id)


async def test_after_a_rotation_the_webhook_is_not_sound(
    sandbox: Sandbox, registry: HeliusRegistry
):
    made = await registry.create(wallets(1))
    async with at(sandbox, secret="the next secret") as rotated:
        [seen] = await rotated.webhooks()
        assert not seen.is_sound
        assert (await rotated.update(made.id, made.addresses)).is_sound


async def test_what_is_no_address_is_refused_with_its_name(registry: HeliusRegistry):
    with pytest.raises(Refused, match="invalid address: nobody"):
        await registry.create(["nobody"])


async def test_a_wrong_key_is_no_answer_and_is_never_told(sandbox: Sandbox):
    async with at(sandbox, key="a very secret key") as registry:
        with pytest.raises(Unavailable) as caught:
            await registry.webhooks()
    assert "401" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "http_error", "status": 429}, RateLimited),
        ({"kind": "http_error", "status": 503}, Unavailable),
        ({"kind": "garbage"}, InvalidReply),
        ({"kind": "http_error", "status": 400, "data": {"error": f"bad {KEY} {SECRET}"}}, Refused),
    ],
)
async def test_whatever_goes_wrong_has_a_name_and_tells_no_secret(
    sandbox: Sandbox, registry: HeliusRegistry, fault: dict[str, object], error: type[GatewayError]
):
    sandbox.fault(plane="helius", **fault)
    with pytest.raises(error) as caught:
        await registry.webhooks()
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("reply", [None, [], {}, {"webhookID": 7}, {"accountAddresses": [None]}])
def test_what_is_no_webhook_is_an_invalid_reply(reply: object):
    with pytest.raises(InvalidReply):
        read_webhook(reply, secret=SECRET)


def test_a_webhook_of_another_type_or_switched_off_is_not_sound():
    told = {
        "webhookID": "7f",
        "wallet": "somebody's",
        "webhookURL": DOOR,
        "transactionTypes": ["ANY"],
        "accountAddresses": [],
        "webhookType": "enhanced",
    }
    assert read_webhook(told, secret=SECRET).is_sound
    for change in (
        {"webhookType": "raw"},
        {"transactionTypes": ["SWAP"]},
        {"active": False},
        {"authHeader": ""},
    ):
        assert not read_webhook({**told, **change}, secret=SECRET).is_sound
