"""The verbs of the paper ledger: capital paid in, submissions taken, and what became of them, once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha512

from django.db import transaction
from django.db.models import Max, Q, Sum
from solders.signature import Signature

from trading.domain.lifecycle import SignalStatus
from trading.domain.paper import (
    MOST_SAMPLES,
    PaperError,
    PaperFill,
    PenaltySource,
    assumed_fill,
    failure,
    observed_fill,
)
from trading.domain.values import Action
from trading.models import PaperStatus, PaperTransaction, Submission
from trading.rows import serialise
from trading.services.steps import note

LEDGER = "trading.paper"
OUTCOME = (
    "status", "number", "slot", "landed_at", "error", "fee_lamports", "penalty_bps",
    "penalty_source", "penalty_samples", "balance_before_lamports", "balance_after_lamports",
    "account_before_lamports", "account_after_lamports", "held_before_raw", "held_after_raw",
)  # fmt: skip
SENTENCES = {
    PenaltySource.OBSERVED: "quoted again when it would have landed",
    PenaltySource.MEASURED: "the mean of our last {samples} submissions",
    PenaltySource.PRIOR: "assumed, as long as too few of ours are observed",
}
FAILURES = {
    PaperError.SLIPPAGE: "the price left the slippage limit before it landed",
    PaperError.INSUFFICIENT_FUNDS: "the paper wallet does not hold what it would pay",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is known of a submission when the paper market takes it."""

    signature: str
    token_account: str
    token_program: str
    decimals: int
    fee_lamports: int
    rent_lamports: int
    closes_account: bool


@transaction.atomic
def ensure_capital(*, lamports: int, now: datetime) -> None:
    """Pay in, or out, the difference between the wanted paper capital and what was ever paid in.

    No more is paid out than is there. Called twice with the same wish it changes nothing.
    """
    serialise(LEDGER)
    deposits = PaperTransaction.objects.filter(submission=None)
    paid = deposits.aggregate(total=Sum("balance_after_lamports") - Sum("balance_before_lamports"))
    balance, number = balance_lamports(), _next_number()
    difference = max(-balance, lamports - (paid["total"] or 0))
    if difference == 0:
        return
    PaperTransaction.objects.create(
        signature=_deposit_name(number),
        status=PaperStatus.LANDED,
        accepted_at=now,
        lands_at=now,
        landed_at=now,
        number=number,
        slot=0,
        balance_before_lamports=balance,
        balance_after_lamports=balance + difference,
    )


def recorded(signature: str) -> Submission | None:
    """The submission that was committed under this signature: only what is in the books can be taken."""
    return Submission.objects.filter(signature=signature).first()


def is_taken(signature: str) -> bool:
    """Whether the paper market has it already."""
    return PaperTransaction.objects.filter(signature=signature).exists()


def known_account(mint: str) -> PaperTransaction | None:
    """An earlier transaction in this mint, which knows its program, decimals and our account."""
    return PaperTransaction.objects.filter(mint=mint).order_by("-id").first()


@transaction.atomic
def take(taken: Taken, *, lands_at: datetime, now: datetime) -> bool:
    """Commit that the market has this submission; False when it had it before."""
    serialise(LEDGER)
    submission = Submission.objects.get(signature=taken.signature)
    _, is_new = PaperTransaction.objects.get_or_create(
        signature=taken.signature,
        defaults={
            "submission": submission,
            "status": PaperStatus.PENDING,
            "accepted_at": now,
            "lands_at": lands_at,
            "mint": submission.mint,
            "decimals": taken.decimals,
            "token_program": taken.token_program,
            "token_account": taken.token_account,
            "closes_account": taken.closes_account,
            "fee_lamports": taken.fee_lamports,
            "tip_lamports": submission.tip_lamports,
            "rent_lamports": taken.rent_lamports,
        },
    )
    return is_new


def pending(signatures: Collection[str], *, now: datetime) -> list[PaperTransaction]:
    """Those that would have landed by now and have no outcome yet, with their submissions."""
    return list(
        PaperTransaction.objects.filter(
            signature__in=signatures, status=PaperStatus.PENDING, lands_at__lte=now
        ).select_related("submission")
    )


@transaction.atomic
def land(
    signature: str, *, out_at_landing_raw: int | None, slot: int, landed_at: datetime, now: datetime
) -> bool:
    """Write down the outcome of a taken submission, for good; False when it has one.

    `out_at_landing_raw` is what its amount was quoted at when it would have landed, None when nobody
    could be asked in time: then the penalty is what our own submissions say.
    """
    serialise(LEDGER)
    row = PaperTransaction.objects.select_related("submission").get(signature=signature)
    submission = row.submission
    if row.status != PaperStatus.PENDING or submission is None:
        return False
    fill = _fill(submission, out_at_landing_raw)
    row.number, row.slot, row.landed_at = _next_number(), slot, landed_at
    row.penalty_bps, row.penalty_source = fill.penalty_bps, fill.source
    row.penalty_samples = fill.samples
    error = _settle(row, submission, fill)
    text = FAILURES[error] if error else _sentence(fill)
    row.status = PaperStatus.FAILED if error else PaperStatus.LANDED
    row.error = error or ""
    if not _write(row):
        return False
    note(submission.signal_id, status=SignalStatus.EXECUTING, now=now, code="PAPER", text=text)
    return True


def _write(row: PaperTransaction) -> bool:
    """The outcome of a pending row; False when somebody else has written one."""
    outcome = {name: getattr(row, name) for name in OUTCOME}
    waiting = PaperTransaction.objects.filter(pk=row.pk, status=PaperStatus.PENDING)
    return waiting.update(**outcome) == 1


def _fill(submission: Submission, out_at_landing_raw: int | None) -> PaperFill:
    quoted = int(submission.quoted_out_raw)
    if out_at_landing_raw is not None:
        return observed_fill(quoted_out_raw=quoted, out_at_landing_raw=out_at_landing_raw)
    return assumed_fill(quoted_out_raw=quoted, observed_bps=_observed(submission.action))


def _settle(row: PaperTransaction, submission: Submission, fill: PaperFill) -> PaperError | None:
    """What the transaction leaves behind, as a chain would: all of it, or nothing but the network's fee."""
    is_buy = submission.action == Action.BUY
    paid, out = int(submission.in_amount_raw), fill.out_raw
    balance, account = balance_lamports(), newest(row.token_account)
    held = int(account.held_after_raw) if account else 0
    locked = account.account_after_lamports if account else 0
    costs = row.fee_lamports + row.tip_lamports
    rent = row.rent_lamports if is_buy and not locked else 0
    row.balance_before_lamports, row.account_before_lamports = balance, locked
    row.held_before_raw = row.held_after_raw = held
    row.account_after_lamports = locked
    lamports_needed = costs + rent + (paid if is_buy else 0)
    error = failure(
        fill,
        minimum_out_raw=submission.minimum_out_raw,
        paid_raw=lamports_needed if is_buy else paid,
        owned_raw=balance if is_buy else held,
    )
    if error is None and lamports_needed > balance:
        error = PaperError.INSUFFICIENT_FUNDS
    if error:
        row.fee_lamports = min(balance, row.fee_lamports)
        row.balance_after_lamports = balance - row.fee_lamports
        return error
    row.held_after_raw = held + out if is_buy else held - paid
    is_closed = row.closes_account and row.held_after_raw == 0
    row.account_after_lamports = 0 if is_closed else locked + rent
    returned = locked if is_closed else 0
    row.balance_after_lamports = balance - lamports_needed + returned + (0 if is_buy else out)
    return None


def _sentence(fill: PaperFill) -> str:
    worse = f"{abs(fill.penalty_bps) / 100:.2f} %"
    than = "worse than quoted" if fill.penalty_bps >= 0 else "better than quoted"
    why = SENTENCES[fill.source].format(samples=fill.samples)
    return f"filled on paper {worse} {than}: {why}"


def _observed(action: str) -> list[Decimal]:
    """The penalties that our own last submissions of this kind, those that landed, observed."""
    rows = PaperTransaction.objects.filter(
        submission__action=action,
        status=PaperStatus.LANDED,
        penalty_source=PenaltySource.OBSERVED,
        penalty_bps__isnull=False,
    )
    newest_first = rows.order_by("-number").values_list("penalty_bps", flat=True)
    return [bps for bps in newest_first[:MOST_SAMPLES] if bps is not None]


def balance_lamports() -> int:
    """The paper wallet's SOL after the last transaction."""
    last = PaperTransaction.objects.filter(number__isnull=False).order_by("-number").first()
    return last.balance_after_lamports if last else 0


def newest(token_account: str) -> PaperTransaction | None:
    """The last transaction that touched this token account."""
    rows = PaperTransaction.objects.filter(token_account=token_account, number__isnull=False)
    return rows.order_by("-number").first()


def accounts(*, among: Sequence[str] | None = None) -> dict[str, PaperTransaction | None]:
    """Our token accounts by address, each with the last transaction that touched it; None: none has yet."""
    rows = PaperTransaction.objects.exclude(token_account="")
    if among is not None:
        rows = rows.filter(token_account__in=among)
    # Without an order: one that is not selected would split the groups.
    grouped = rows.order_by().values("token_account").annotate(last=Max("number"))
    last = dict(grouped.values_list("token_account", "last"))
    numbers = [number for number in last.values() if number is not None]
    touched = PaperTransaction.objects.filter(number__in=numbers)
    return dict.fromkeys(last) | {row.token_account: row for row in touched}


def transactions(signatures: Collection[str]) -> dict[str, PaperTransaction]:
    """Those that landed or failed, by signature."""
    rows = PaperTransaction.objects.filter(signature__in=signatures, number__isnull=False)
    return {row.signature: row for row in rows.select_related("submission")}


def history(
    *, token_account: str = "", before: str = "", until: str = "", limit: int
) -> list[PaperTransaction]:
    """What landed or failed, newest first; of one token account, or all. Between two signatures, apart."""
    rows = PaperTransaction.objects.filter(number__isnull=False)
    if token_account:
        rows = rows.filter(token_account=token_account)
    numbers = dict(rows.filter(signature__in=[before, until]).values_list("signature", "number"))
    window = Q()
    if before in numbers:
        window &= Q(number__lt=numbers[before])
    if until in numbers:
        window &= Q(number__gt=numbers[until])
    return list(rows.filter(window).order_by("-number")[:limit])


def _deposit_name(number: int) -> str:
    """What stands for a signature, in its form."""
    digest = sha512(f"chimera paper capital {number}".encode()).digest()
    return str(Signature.from_bytes(digest))


def _next_number() -> int:
    found = PaperTransaction.objects.aggregate(last=Max("number"))["last"]
    return int(found or 0) + 1
