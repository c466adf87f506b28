"""Jito's block engine: bundles, their fate, tip accounts and the tip floor. Shapes: formats.md
section 3. A bundle id is no transaction signature.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any

from trading.domain.tips import TipFloor
from trading.gateways.base import InvalidReply, RateLimited, Refused
from trading.gateways.chain_facts import Commitment, as_commitment, value_of
from trading.gateways.http import Host
from trading.gateways.json_rpc import Caller
from trading.gateways.quota import Allowance
from trading.gateways.shapes import (
    as_address,
    as_decimal,
    as_integer,
    as_list,
    as_signature,
    as_text,
    field,
)
from trading.gateways.transactions import signature_of

# The only accounts ever tipped. One wrong letter still decodes and would burn the money, hence
# the list lives here alone, under a checksum and a comparison with formats.md in the tests.
TIP_ACCOUNTS = (
    "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
    "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
    "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
    "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
    "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
    "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
    "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
    "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
)

MAX_BUNDLE_TRANSACTIONS = 5
BUNDLES_PER_CALL = 5
_LAMPORTS_PER_SOL = 10**9
# Who may go by the nodes as well is there sooner than by waiting longer.
_PATIENCE_SECONDS = 1.0


class InflightState(StrEnum):
    """The engine's own words; INVALID = not seen in the last five minutes."""

    PENDING = "Pending"
    LANDED = "Landed"
    FAILED = "Failed"
    INVALID = "Invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleStatus:
    """A bundle that landed; `err` None = all of it succeeded."""

    bundle_id: str
    signatures: tuple[str, ...]
    slot: int
    confirmation_status: Commitment
    err: object


@dataclass(frozen=True, slots=True, kw_only=True)
class InflightStatus:
    bundle_id: str
    state: InflightState
    landed_slot: int | None


def bundle_id(signatures: Sequence[str]) -> str:
    """The id the engine will give to a bundle of transactions with these first signatures."""
    return hashlib.sha256(",".join(signatures).encode()).hexdigest()


class BlockEngine:
    """Every method raises only GatewayErrors.

    `bundles` speaks to `{engine}/api/v1/bundles`; the tip floor is read from `tip_floor_path` of
    `tip_floor_host`, which may be a host of its own. All but the tip floor shares one allowance: more
    than `requests_per_second` wait a moment in the order of urgency and then are RateLimited, unasked,
    as is everything but an exit while the engine wants us to wait.
    """

    def __init__(
        self,
        bundles: Caller,
        *,
        tip_floor_host: Host,
        tip_floor_path: str,
        requests_per_second: float = 0.0,
    ) -> None:
        self._bundles = bundles
        self._allowance = Allowance(
            bundles.name, per_second=requests_per_second, patience_seconds=_PATIENCE_SECONDS
        )
        self._tip_floor_host = tip_floor_host
        self._tip_floor_path = tip_floor_path

    def bundle_id(self, signatures: Sequence[str]) -> str:
        return bundle_id(signatures)

    async def send_bundle(self, wires: Sequence[bytes]) -> str:
        """The bundle id once the engine took the signed transactions (one to five).

        Taken is not landed. Refused: the engine did not take them; RateLimited and Unavailable:
        unknown. A bundle whose transactions have landed already counts as taken.
        """
        signatures = [signature_of(wire) for wire in wires]
        encoded = [base64.b64encode(wire).decode() for wire in wires]
        try:
            result = await self._ask("sendBundle", [encoded, {"encoding": "base64"}])
        except Refused as refusal:
            if "already processed" in refusal.message.lower():
                return bundle_id(signatures)
            raise
        return as_text(result, "bundle id")

    async def bundle_statuses(self, bundle_ids: Sequence[str]) -> list[BundleStatus | None]:
        """In the order asked; None = not landed as far as the engine knows."""
        rows = await self._rows("getBundleStatuses", bundle_ids)
        found = {status.bundle_id: status for status in map(_read_status, rows)}
        return [found.get(wanted) for wanted in bundle_ids]

    async def inflight_statuses(self, bundle_ids: Sequence[str]) -> list[InflightStatus | None]:
        """In the order asked; None = the engine says nothing about it (it looks 5 minutes back)."""
        rows = await self._rows("getInflightBundleStatuses", bundle_ids)
        found = {status.bundle_id: status for status in map(_read_inflight, rows)}
        return [found.get(wanted) for wanted in bundle_ids]

    async def tip_accounts(self) -> tuple[str, ...]:
        """Those of our allow-list that the engine names too; empty = send no bundles."""
        result = await self._ask("getTipAccounts", [])
        named = {as_address(entry, "tip account") for entry in as_list(result, "tip accounts")}
        return tuple(account for account in TIP_ACCOUNTS if account in named)

    async def tip_floor(self) -> TipFloor:
        reply = await self._tip_floor_host.get(self._tip_floor_path)
        return read_tip_floor(reply)

    async def _ask(self, method: str, params: list[Any]) -> Any:
        await self._allowance.take()
        try:
            return await self._bundles.call(method, params)
        except RateLimited as limit:
            self._allowance.rest(limit.retry_after_seconds)
            raise

    async def _rows(self, method: str, bundle_ids: Sequence[str]) -> list[Any]:
        """What is known of the bundles; `[]`, `[null]` and a null value all mean nothing."""
        rows: list[Any] = []
        for start in range(0, len(bundle_ids), BUNDLES_PER_CALL):
            part = list(bundle_ids[start : start + BUNDLES_PER_CALL])
            result = await self._ask(method, [part])
            value = None if result is None else value_of(result)
            rows.extend(row for row in as_list(value or [], method) if row is not None)
        return rows


def read_tip_floor(reply: object) -> TipFloor:
    """From `[{landed_tips_25th_percentile, …}]`, numbers in SOL."""
    rows = as_list(reply, "tip floor")
    if not rows:
        raise InvalidReply("tip floor: empty")
    return TipFloor(
        p25_lamports=_lamports(rows[0], "landed_tips_25th_percentile"),
        p50_lamports=_lamports(rows[0], "landed_tips_50th_percentile"),
        p75_lamports=_lamports(rows[0], "landed_tips_75th_percentile"),
        p95_lamports=_lamports(rows[0], "landed_tips_95th_percentile"),
        p99_lamports=_lamports(rows[0], "landed_tips_99th_percentile"),
        ema50_lamports=_lamports(rows[0], "ema_landed_tips_50th_percentile"),
    )


def _lamports(row: object, name: str) -> int:
    sol = as_decimal(field(row, name), name)
    if not 0 <= sol <= 1_000_000:
        raise InvalidReply(f"{name}: no tip")
    return int((sol * Decimal(_LAMPORTS_PER_SOL)).to_integral_value(ROUND_CEILING))


def _read_status(row: object) -> BundleStatus:
    signatures = as_list(field(row, "transactions"), "bundle transactions")
    err = field(row, "err")
    # Rust's Result as JSON: {"Ok": null} or {"Err": …}; some replies have plain null.
    succeeded = err is None or (isinstance(err, dict) and "Ok" in err)
    return BundleStatus(
        bundle_id=as_text(field(row, "bundle_id"), "bundle_id"),
        signatures=tuple(as_signature(entry, "bundle transaction") for entry in signatures),
        slot=as_integer(field(row, "slot"), "bundle slot"),
        confirmation_status=as_commitment(field(row, "confirmation_status")),
        err=None if succeeded else err,
    )


def _read_inflight(row: object) -> InflightStatus:
    landed_slot = field(row, "landed_slot")
    try:
        state = InflightState(as_text(field(row, "status"), "bundle status"))
    except ValueError:
        raise InvalidReply("bundle status: an unknown word") from None
    return InflightStatus(
        bundle_id=as_text(field(row, "bundle_id"), "bundle_id"),
        state=state,
        landed_slot=None if landed_slot is None else as_integer(landed_slot, "landed_slot"),
    )
