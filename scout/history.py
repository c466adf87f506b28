"""Reads a wallet's whole history from the chain into rows; killed at any moment, it goes on without a gap.

First the list (getSignaturesForAddress, newest first, a page a transaction), then what is on it
(getTransaction, a batch a transaction). What was listed and not yet fetched stays pending. No database
transaction spans a question to the chain.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from scout.archive import FetchDay, Pending, RawTransaction, Reading, Swap
from scout.chain import ChainReader
from scout.reading import PARSER_VERSION, packed, swaps_of, unpacked
from trading.gateways.base import GatewayError

PAGE = 1_000
BATCH = 50
MOST_TRIES = 5
EXTENSION = timedelta(days=1)


class UnableToRead(Exception):
    """The history is not complete, for a reason that is told; the next try goes on where this one stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much is read: not what is older than `since`, not more than `most` transactions a wallet, and
    no more than `per_day` transactions of all wallets together on one day (UTC)."""

    since: datetime
    most: int
    per_day: int


def read_history(address: str, *, chain: ChainReader, depth: Depth, now: datetime) -> Reading:
    """Bring the wallet's rows up to the chain's present state.

    UnableToRead when a part could not be had, GatewayError when nobody answers; what came is kept.
    """
    _begin(address, since=depth.since)
    while _list_page(address, chain=chain, depth=depth):
        pass
    missing = _fetch_pending(address, chain=chain, depth=depth, now=now)
    Reading.objects.filter(pk=address).update(read_at=now)
    if missing:
        raise UnableToRead(f"{missing} of its transactions are not to be had yet")
    return Reading.objects.get(pk=address)


@transaction.atomic
def _begin(address: str, *, since: datetime) -> None:
    """Go on where the last reader stopped; from the start anew when more of the past is wanted, or when
    the parser has learnt: what is kept of the transactions is then read again, nobody asked.
    """
    reading, _ = Reading.objects.select_for_update().get_or_create(
        address=address, defaults={"since": since, "parser": PARSER_VERSION}
    )
    has_learnt = reading.parser != PARSER_VERSION
    if has_learnt:
        Swap.objects.filter(address=address, slot__gt=0).delete()
    if has_learnt or reading.since is None or since < reading.since - EXTENSION:
        reading.since, reading.complete_since, reading.parser = since, None, PARSER_VERSION
        reading.newest_signature, reading.newest_slot, reading.listed = "", 0, 0
        _close_sweep(reading)
        reading.save()


def _list_page(address: str, *, chain: ChainReader, depth: Depth) -> bool:
    """One page of the list into pending rows; False when the sweep has arrived."""
    reading = Reading.objects.get(pk=address)
    rows = chain.signatures(
        address,
        limit=max(1, min(PAGE, depth.most - reading.sweep_listed)),
        before=reading.sweep_before or None,
        until=reading.newest_signature or None,
    )
    with transaction.atomic():
        current = Reading.objects.select_for_update().get(pk=address)
        if current.sweep_before != reading.sweep_before:
            # Another worker went on meanwhile: what we have is known to it already.
            return True
        return _take_page(current, rows, depth=depth)


def _take_page(reading: Reading, rows: Sequence[dict[str, Any]], *, depth: Depth) -> bool:
    fresh = [row for row in rows if not _is_beyond(row, reading)]
    if rows and not reading.sweep_top:
        reading.sweep_top, reading.sweep_top_slot = rows[0]["signature"], int(rows[0]["slot"])
    good = [row for row in fresh if row.get("err") is None]
    _pend(reading.address, good)
    reading.listed += len(fresh)
    reading.failed += len(fresh) - len(good)
    reading.sweep_listed += len(fresh)
    is_cut = reading.sweep_listed >= depth.most
    if is_cut and fresh:
        reading.complete_since = _block_time(fresh[-1]) or reading.complete_since
    if not rows or len(fresh) < len(rows) or is_cut:
        _arrive(reading)
        return False
    reading.sweep_before = rows[-1]["signature"]
    reading.save()
    return True


def _is_beyond(row: dict[str, Any], reading: Reading) -> bool:
    """Older than what was asked for, or than what is stored: a fork may have taken the newest one away."""
    at = _block_time(row)
    is_old = at is not None and reading.since is not None and at < reading.since
    return is_old or int(row["slot"]) < reading.newest_slot


def _block_time(row: dict[str, Any]) -> datetime | None:
    seconds = row.get("blockTime")
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def _pend(address: str, rows: Iterable[dict[str, Any]]) -> None:
    Pending.objects.bulk_create(
        [
            Pending(address=address, signature=row["signature"], slot=int(row["slot"]))
            for row in rows
        ],
        ignore_conflicts=True,
    )


def _arrive(reading: Reading) -> None:
    if reading.sweep_top:
        reading.newest_signature = reading.sweep_top
        reading.newest_slot = reading.sweep_top_slot
    _close_sweep(reading)
    reading.save()


def _close_sweep(reading: Reading) -> None:
    reading.sweep_top = reading.sweep_before = ""
    reading.sweep_top_slot = reading.sweep_listed = 0


def _fetch_pending(address: str, *, chain: ChainReader, depth: Depth, now: datetime) -> int:
    """Fetch everything listed, newest first; how many are still missing."""
    listed = Pending.objects.filter(address=address).values_list("signature", flat=True)
    return sum(
        _fetch_batch(address, batch, chain=chain, depth=depth, now=now)
        for batch in _batches(list(listed))
    )


def _batches(signatures: list[str]) -> Iterator[list[str]]:
    return (signatures[start : start + BATCH] for start in range(0, len(signatures), BATCH))


def _fetch_batch(
    address: str, signatures: Sequence[str], *, chain: ChainReader, depth: Depth, now: datetime
) -> int:
    kept = RawTransaction.objects.filter(pk__in=signatures)
    found = {raw.signature: unpacked(bytes(raw.body)) for raw in kept}
    wanted = [each for each in signatures if each not in found]
    asked = _ask(wanted, chain=chain, per_day=depth.per_day, now=now) if wanted else {}
    _store(address, signatures, found | asked, new=asked)
    return len(signatures) - len(found) - len(asked)


def read_signatures(
    signatures: Sequence[str], *, chain: ChainReader, per_day: int, now: datetime
) -> int:
    """Store the swaps of whoever paid for these transactions; how many of them could be had.

    UnableToRead when the day's budget is used up. It is no history: nothing says that it has no gaps.
    """
    count = 0
    for batch in _batches(list(signatures)):
        kept = RawTransaction.objects.filter(pk__in=batch)
        found = {raw.signature: unpacked(bytes(raw.body)) for raw in kept}
        wanted = [each for each in batch if each not in found]
        asked = _ask(wanted, chain=chain, per_day=per_day, now=now) if wanted else {}
        _keep(found | asked, new=asked, address=None)
        count += len(found) + len(asked)
    return count


def _ask(
    signatures: Sequence[str], *, chain: ChainReader, per_day: int, now: datetime
) -> dict[str, dict[str, Any]]:
    if not _take_from_budget(len(signatures), per_day=per_day, now=now):
        raise UnableToRead(
            f"the {per_day} transactions that the policy allows a day are used up; it goes on tomorrow"
        )
    replies = chain.transactions(signatures)
    return {
        signature: reply
        for signature, reply in zip(signatures, replies, strict=True)
        if reply is not None and not isinstance(reply, GatewayError)
    }


def _take_from_budget(number: int, *, per_day: int, now: datetime) -> bool:
    day, _ = FetchDay.objects.get_or_create(day=now.date())
    room = FetchDay.objects.filter(pk=day.pk, transactions__lte=per_day - number)
    return room.update(transactions=F("transactions") + number) == 1


@transaction.atomic
def _store(
    address: str,
    signatures: Sequence[str],
    found: dict[str, dict[str, Any]],
    *,
    new: dict[str, dict[str, Any]],
) -> None:
    _keep(found, new=new, address=address)
    listed = Pending.objects.filter(address=address)
    listed.filter(signature__in=found).delete()
    _give_up(address, listed.filter(signature__in=set(signatures) - set(found)))


@transaction.atomic
def _keep(
    found: dict[str, dict[str, Any]], *, new: dict[str, dict[str, Any]], address: str | None
) -> None:
    """The new transactions themselves, and of all the swaps of this wallet, or of who paid for each."""
    RawTransaction.objects.bulk_create(
        [
            RawTransaction(signature=signature, slot=int(body["slot"]), body=packed(body))
            for signature, body in new.items()
        ],
        ignore_conflicts=True,
    )
    Swap.objects.bulk_create(
        [
            swap
            for signature, body in found.items()
            for swap in swaps_of(body, address=address, signature=signature)
        ],
        ignore_conflicts=True,
    )


def _give_up(address: str, missing: Any) -> None:
    """What no node has known for long is lost, and counted: the wallet's page says so."""
    missing.update(tries=F("tries") + 1)
    lost, _ = missing.filter(tries__gte=MOST_TRIES).delete()
    if lost:
        Reading.objects.filter(pk=address).update(lost=F("lost") + lost)
