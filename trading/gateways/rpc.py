"""Solana's JSON-RPC over several endpoints: reads ask one after the other, what a reply
says is read in chain_facts, sending is in broadcast.
"""

import asyncio
import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from trading.gateways.base import GatewayError, InvalidReply, Refused, Unavailable
from trading.gateways.broadcast import Broadcast
from trading.gateways.chain_facts import (
    AccountData,
    Blockhash,
    ChainTip,
    Commitment,
    SignatureStatus,
    SignatureStatuses,
    Simulation,
    TokenHolding,
    read_account,
    read_accounts,
    read_blockhash,
    read_holdings,
    read_largest_accounts,
    read_signature_rows,
    read_simulation,
    read_statuses,
    read_tip,
    value_of,
)
from trading.gateways.failover import (
    WELL_SECONDS,
    Endpoint,
    EndpointState,
    RpcWeather,
    in_order,
    probe,
)
from trading.gateways.json_rpc import Node
from trading.gateways.shapes import as_flag, as_integer, as_object, as_text

__all__ = [
    "AccountData",
    "Blockhash",
    "ChainTip",
    "Commitment",
    "EndpointState",
    "Rpc",
    "RpcWeather",
    "SignatureStatus",
    "SignatureStatuses",
    "Simulation",
    "TokenHolding",
]

T = TypeVar("T")

# The RPC's own limits on one request.
_STATUSES_PER_CALL = 256
_ACCOUNTS_PER_CALL = 100


class Rpc:
    """Every method raises only GatewayErrors.

    Reads: the first fit endpoint answers; one that is Unavailable or gives an InvalidReply is
    passed over for the next; a Refused is an answer. When all fail, the last error is raised. An
    endpoint that gave way comes back after being well for `well_seconds`. One that asked us to wait is
    left alone for so long, and one whose `requests_per_second` are used up comes after one with room.
    """

    def __init__(
        self,
        endpoints: Sequence[Node],
        *,
        well_seconds: float = WELL_SECONDS,
        requests_per_second: float = 0.0,
    ) -> None:
        self._endpoints = tuple(
            Endpoint(each, well_seconds=well_seconds, requests_per_second=requests_per_second)
            for each in endpoints
        )
        self._broadcast = Broadcast(self._endpoints)

    async def latest_blockhash(self, commitment: Commitment = "confirmed") -> Blockhash:
        return await self._read("getLatestBlockhash", [{"commitment": commitment}], read_blockhash)

    async def is_blockhash_valid(
        self, blockhash: str, commitment: Commitment = "processed"
    ) -> bool:
        params = [blockhash, {"commitment": commitment}]
        return await self._read(
            "isBlockhashValid", params, lambda r: as_flag(value_of(r), "isBlockhashValid")
        )

    async def block_height(self, commitment: Commitment = "finalized") -> int:
        return await self._read_integer("getBlockHeight", [{"commitment": commitment}])

    async def slot(self, commitment: Commitment = "confirmed") -> int:
        return await self._read_integer("getSlot", [{"commitment": commitment}])

    async def tip(self, commitment: Commitment = "finalized") -> ChainTip:
        """Slot and block height of one and the same block of one endpoint."""
        return await self._read("getEpochInfo", [{"commitment": commitment}], read_tip)

    async def health(self) -> None:
        """Returns when an endpoint calls itself healthy; else raises."""
        await self._read("getHealth", [], _expect_ok)

    async def signature_statuses(
        self, signatures: Sequence[str], *, search_history: bool = True
    ) -> list[SignatureStatus | None]:
        """In the order asked, None for what the node does not know.

        None alone proves nothing, since the answering node may be behind: see `has_expired`.
        """
        found: list[SignatureStatus | None] = []
        for start in range(0, len(signatures), _STATUSES_PER_CALL):
            part = signatures[start : start + _STATUSES_PER_CALL]
            found.extend((await self._statuses(part, search_history)).statuses)
        return found

    async def has_expired(self, signature: str, *, last_valid_block_height: int) -> bool:
        """True only with proof that this transaction did not and never will land.

        Proof: a finalized block above its last valid height, and a node whose own slot is at
        least that block's and that knows no status for it. Expiry is by height, never by clock.
        """
        tip = await self.tip("finalized")
        if tip.block_height <= last_valid_block_height:
            return False
        answer = await self._statuses([signature], True)
        return answer.context_slot >= tip.slot and answer.statuses == (None,)

    async def transaction(
        self, signature: str, *, commitment: Commitment = "confirmed"
    ) -> dict[str, Any] | None:
        """The raw `result` with encoding json, versions up to 1; None = not known."""
        return await self._read(
            "getTransaction", _transaction_params(signature, commitment), _read_transaction
        )

    async def transactions(
        self, signatures: Sequence[str], *, commitment: Commitment = "confirmed"
    ) -> list[dict[str, Any] | GatewayError | None]:
        """As `transaction` for several at once, in the order asked: one request where the node takes
        batches, else one each. A single one that failed is its error.
        """
        params = [_transaction_params(each, commitment) for each in signatures]
        failure: GatewayError = Unavailable("no RPC endpoint is configured")
        for endpoint in in_order(self._endpoints):
            try:
                replies = await endpoint.call_many("getTransaction", params)
                return [_transaction_or_error(each) for each in replies]
            except Refused:
                return [await self._one_of_many(each, commitment) for each in signatures]
            except (Unavailable, InvalidReply) as error:
                failure = error
        raise failure

    async def transactions_together(
        self, signatures: Sequence[str], *, commitment: Commitment = "confirmed"
    ) -> list[dict[str, Any] | GatewayError | None]:
        """As `transactions` in one request to the best endpoint and to nobody else; its GatewayError,
        Refused too, when that brings none of them.
        """
        best = next(iter(in_order(self._endpoints)), None)
        if best is None:
            raise Unavailable("no RPC endpoint is configured")
        params = [_transaction_params(each, commitment) for each in signatures]
        replies = await best.call_many("getTransaction", params)
        return [_transaction_or_error(each) for each in replies]

    async def _one_of_many(
        self, signature: str, commitment: Commitment
    ) -> dict[str, Any] | GatewayError | None:
        try:
            return await self.transaction(signature, commitment=commitment)
        except GatewayError as error:
            return error

    async def signatures_for_address(
        self,
        address: str,
        *,
        limit: int = 1000,
        before: str | None = None,
        until: str | None = None,
    ) -> list[dict[str, Any]]:
        """Newest first; each row has at least `signature` and `slot`."""
        options = {"limit": limit, "before": before, "until": until, "commitment": "confirmed"}
        given = {name: value for name, value in options.items() if value is not None}
        return await self._read("getSignaturesForAddress", [address, given], read_signature_rows)

    async def account(
        self, address: str, *, commitment: Commitment = "confirmed"
    ) -> AccountData | None:
        params = [address, {"encoding": "base64", "commitment": commitment}]
        return await self._read("getAccountInfo", params, lambda r: read_account(value_of(r)))

    async def accounts(
        self, addresses: Sequence[str], *, commitment: Commitment = "confirmed"
    ) -> list[AccountData | None]:
        """In the order asked, None for an account that does not exist."""
        found: list[AccountData | None] = []
        for start in range(0, len(addresses), _ACCOUNTS_PER_CALL):
            part = list(addresses[start : start + _ACCOUNTS_PER_CALL])
            options = {"encoding": "base64", "commitment": commitment}
            found.extend(
                await self._read("getMultipleAccounts", [part, options], _accounts_reader(part))
            )
        return found

    async def balance(self, address: str, *, commitment: Commitment = "confirmed") -> int:
        """Lamports; 0 for an account that does not exist."""
        params = [address, {"commitment": commitment}]
        return await self._read("getBalance", params, lambda r: as_integer(value_of(r), "balance"))

    async def token_holdings(
        self, owner: str, *, commitment: Commitment = "confirmed"
    ) -> list[TokenHolding]:
        """Every token account of the owner, empty ones too, of both token programs."""
        options = {"encoding": "jsonParsed", "commitment": commitment}
        parts = await asyncio.gather(
            *(
                self._read(
                    "getTokenAccountsByOwner",
                    [owner, {"programId": str(program)}, options],
                    read_holdings,
                )
                for program in (TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID)
            )
        )
        return [holding for part in parts for holding in part]

    async def token_largest_accounts(self, mint: str) -> list[tuple[str, int]]:
        """At most 20 (token account, raw amount), largest first."""
        params = [mint, {"commitment": "confirmed"}]
        return await self._read("getTokenLargestAccounts", params, read_largest_accounts)

    async def minimum_rent(self, size: int) -> int:
        """Lamports that keep an account of `size` bytes alive."""
        return await self._read_integer("getMinimumBalanceForRentExemption", [size])

    async def simulate_transaction(
        self, wire: bytes, *, accounts: Sequence[str] = ()
    ) -> Simulation:
        """On the newest state, with a fresh blockhash and without signature checks."""
        options: dict[str, Any] = {
            "encoding": "base64",
            "commitment": "processed",
            "sigVerify": False,
            "replaceRecentBlockhash": True,
        }
        if accounts:
            options["accounts"] = {"encoding": "base64", "addresses": list(accounts)}
        return await self._read(
            "simulateTransaction",
            [base64.b64encode(wire).decode(), options],
            lambda r: read_simulation(r, wanted=len(accounts)),
        )

    async def send_transaction(self, wire: bytes) -> str:
        """Gives the signed bytes to all endpoints at once; the signature once one took them.

        Refused: every endpoint said no, so none of them passed on *these* bytes by *this* call.
        Unavailable: unknown, since at least one may have taken them.
        """
        return await self._broadcast.send(wire)

    async def probe(self) -> list[EndpointState]:
        """Asks every endpoint how it is, whether or not anything trades; never raises."""
        await probe(self._endpoints)
        return self.endpoint_states()

    def endpoint_states(self) -> list[EndpointState]:
        """In the configured order, as of the last calls and probes."""
        return [endpoint.state() for endpoint in self._endpoints]

    def weather(self) -> RpcWeather:
        """How the first endpoint fared lately; nothing is asked for it."""
        if not self._endpoints:
            return RpcWeather(calls=0, failures=0, failed_over_seconds_ago=None)
        return self._endpoints[0].weather(has_others=len(self._endpoints) > 1)

    async def aclose(self) -> None:
        """Ends the sends that still run in the background."""
        await self._broadcast.aclose()

    async def _statuses(self, signatures: Sequence[str], search: bool) -> SignatureStatuses:
        params = [list(signatures), {"searchTransactionHistory": search}]
        return await self._read(
            "getSignatureStatuses", params, lambda r: read_statuses(r, wanted=len(signatures))
        )

    async def _read_integer(self, method: str, params: list[Any]) -> int:
        return await self._read(method, params, lambda r: as_integer(r, method))

    async def _read(self, method: str, params: list[Any], reader: Callable[[Any], T]) -> T:
        failure: GatewayError = Unavailable("no RPC endpoint is configured")
        for endpoint in in_order(self._endpoints):
            try:
                return reader(await endpoint.call(method, params))
            except (Unavailable, InvalidReply) as error:
                failure = error
        raise failure


def _transaction_params(signature: str, commitment: Commitment) -> list[Any]:
    options = {
        "encoding": "json",
        "commitment": commitment,
        "maxSupportedTransactionVersion": 1,
    }
    return [signature, options]


def _read_transaction(result: object) -> dict[str, Any] | None:
    return None if result is None else as_object(result, "transaction")


def _transaction_or_error(result: object) -> dict[str, Any] | GatewayError | None:
    try:
        return result if isinstance(result, GatewayError) else _read_transaction(result)
    except InvalidReply as error:
        return error


def _expect_ok(result: object) -> None:
    if as_text(result, "getHealth") != "ok":
        raise Unavailable("the node calls itself unhealthy")


def _accounts_reader(part: Sequence[str]) -> Callable[[Any], tuple[AccountData | None, ...]]:
    return lambda result: read_accounts(value_of(result), wanted=len(part))
