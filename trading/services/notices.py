"""Bodies that tell of transactions: stored before they are answered, read afterwards, each exactly once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from django.db import DatabaseError, DataError, transaction

from audit import services as audit
from trading import live
from trading.domain.hearing import HELIUS
from trading.domain.swaps import TransactionUnreadable
from trading.hmac_auth import KnownSecret
from trading.models import Delivery, Notice
from trading.providers import TURNED_AWAY
from trading.rows import change, insert_many, load_all, parameter
from trading.services.answers import Answer
from trading.services.buckets import Buckets
from trading.services.deliveries import REFUSED_BODY_CHARACTERS
from trading.services.leader_trades import Heard, take_in
from trading.services.pairing import wait_for_webhooks

log = logging.getLogger("notices")
LETTER_CHARACTERS = 20_000


class AlreadyRead(Exception):
    """Another process has read this notice meanwhile; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One authenticated body; `transactions` is None where it is no JSON array."""

    caller: KnownSecret
    body: bytes
    transactions: int | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A transaction in a notice that cannot be used, and why."""

    transaction: Any
    why: str


def count_transactions(body: bytes) -> int | None:
    """How many transactions a body tells of; None when it is not a JSON array in UTF-8."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return len(told) if isinstance(told, list) else None


def receive_notices(posts: Sequence[Post]) -> list[Answer]:
    """Answer posts in their order and store each in one transaction: what is accepted as a notice to be
    read, what is refused as a delivery with its answer.
    """
    buckets = Buckets(posts)
    answers = [_answer(post, buckets) for post in posts]
    buckets.store()
    pairs = list(zip(posts, answers, strict=True))
    accepted = [_notice(post) for post, answer in pairs if not answer.code]
    insert_many(Notice, accepted)
    insert_many(Delivery, [_refused(post, answer) for post, answer in pairs if answer.code])
    if accepted:
        transaction.on_commit(partial(live.wake, live.NOTICE_EAR))
    return answers


def _answer(post: Post, buckets: Buckets) -> Answer:
    if not buckets.take(post.caller.provider_id):
        return Answer(http_status=429, code="rate_limited")
    if post.transactions is None:
        details = {"body": "must be a JSON array of transactions in UTF-8"}
        return Answer(http_status=422, code="validation_failed", details=details)
    return Answer(http_status=200)


def _notice(post: Post) -> dict[str, Any]:
    return {
        "provider": post.caller.provider_id,
        "received_at": post.received_at,
        "body": post.body.decode(),
        "transactions": post.transactions,
    }


def _refused(post: Post, answer: Answer) -> dict[str, Any]:
    text = post.body.decode("utf-8", "replace").replace("\x00", "\ufffd")
    return {
        "provider": post.caller.provider_id,
        "received_at": post.received_at,
        "replay_key": None,
        "body": "" if answer.code in TURNED_AWAY else text[:REFUSED_BODY_CHARACTERS],
        "http_status": answer.http_status,
        "answer": answer.status,
        "code": answer.code,
        "details": answer.details,
    }


def unread_notices(*, at_most: int) -> list[Notice]:
    """What nobody has read yet, in the order in which it came."""
    return load_all(Notice, "read_at IS NULL ORDER BY id LIMIT %s", at_most)


@transaction.atomic
def read_notice(
    number: int, *, heard: Sequence[Heard], unreadable: Sequence[Unreadable], now: datetime
) -> None:
    """Take in what a notice tells of leaders and mark it as read, together; AlreadyRead when it was.

    What cannot be used is set aside, each for itself: the others are used.
    """
    wait_for_webhooks({each.leader_address for each in heard})
    failed = [*unreadable, *(each for one in heard if (each := _take_in(one, now=now)) is not None)]
    changed = change(
        "UPDATE trading_notice SET read_at = %s, trades = %s, unreadable = %s"
        " WHERE id = %s AND read_at IS NULL",
        parameter(Notice, "read_at", now),
        len(heard) + len(unreadable) - len(failed),
        len(failed),
        number,
    )
    if changed != 1:
        raise AlreadyRead(f"notice {number} has been read by somebody else")
    for each in failed:
        _set_aside(number, each, now=now)


def _take_in(heard: Heard, *, now: datetime) -> Unreadable | None:
    """None when it was; a transaction that breaks our code must not hold up the others."""
    try:
        with transaction.atomic():
            take_in(heard, now=now)
    except TransactionUnreadable as error:
        return Unreadable(transaction=heard.transaction, why=str(error))
    except DatabaseError as error:
        if not isinstance(error, DataError):
            raise
        return Unreadable(transaction=heard.transaction, why=type(error).__name__)
    except Exception as error:
        log.exception("%s of %s cannot be taken in", heard.signature, heard.leader_address)
        return Unreadable(transaction=heard.transaction, why=type(error).__name__)
    return None


def _set_aside(number: int, failed: Unreadable, *, now: datetime) -> None:
    # As text: what is outside JSON's rules for a database column must not keep the letter out of it.
    told = orjson.dumps(failed.transaction).decode()[:LETTER_CHARACTERS]
    audit.set_aside(
        source=HELIUS,
        code="TRANSACTION_UNREADABLE",
        text=failed.why,
        payload={"notice": number, "transaction": told},
        is_retryable=False,
        now=now,
    )
