"""What a client can subscribe to and what it is told then; connections and timing are `pubsub`."""

from dataclasses import dataclass, field
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from workers.sandbox.account_methods import Filter, passes, read_filters
from workers.sandbox.account_views import AccountView, account_json
from workers.sandbox.jsonrpc import RpcError, invalid_params
from workers.sandbox.node import Node
from workers.sandbox.params import Params, as_list, as_pubkey
from workers.sandbox.records import Commitment, TransactionRecord

Json = Any
_GONE = Account(0, b"", Pubkey.default())
"""How a closed account is announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """A landed transaction with the watched accounts as they were right after it."""

    record: TransactionRecord
    accounts: dict[Pubkey, Account | None] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One subscription; `kind` is the word before `Subscribe`. Subclasses say what they match."""

    id: int
    kind: str
    commitment: Commitment = "processed"

    def values(self, node: Node, landed: Landed) -> list[Json]:
        """The `value`s to announce for a landed transaction; none for most."""
        return []


@dataclass(slots=True, kw_only=True)
class SignatureSubscription(Subscription):
    signature: str

    def values(self, node: Node, landed: Landed) -> list[Json]:
        matches = landed.record.signature == self.signature
        return [{"err": landed.record.err}] if matches else []


@dataclass(slots=True, kw_only=True)
class LogsSubscription(Subscription):
    """All transactions, or those that name the address."""

    mentioned: str | None

    def values(self, node: Node, landed: Landed) -> list[Json]:
        record = landed.record
        if self.mentioned is not None and self.mentioned not in record.account_keys:
            return []
        return [{"signature": record.signature, "err": record.err, "logs": record.logs}]


@dataclass(slots=True, kw_only=True)
class AccountSubscription(Subscription):
    """Changes of one account: lamports, data or owner."""

    address: Pubkey
    view: AccountView
    last: Account | None

    def values(self, node: Node, landed: Landed) -> list[Json]:
        if self.address not in landed.accounts:
            return []
        account = landed.accounts[self.address]
        if account == self.last:
            return []
        self.last = account
        return [_shown(node, account or _GONE, self.view)]


@dataclass(slots=True, kw_only=True)
class ProgramSubscription(Subscription):
    """Accounts a program owns, whenever a transaction wrote them."""

    program: Pubkey
    view: AccountView
    filters: list[Filter]

    def values(self, node: Node, landed: Landed) -> list[Json]:
        return [
            {"pubkey": str(key), "account": _shown(node, account, self.view)}
            for key, account in landed.accounts.items()
            if account is not None
            and account.owner == self.program
            and passes(bytes(account.data), self.filters)
        ]


def _shown(node: Node, account: Account, view: AccountView) -> Json:
    try:
        return account_json(account, view=view, mint_of=node.chain.account)
    except RpcError:
        wide = account_json(
            account, view=AccountView(encoding="base64"), mint_of=node.chain.account
        )
        return wide | {"data": "error: data too large for bs58 encoding"}


def subscribe(node: Node, kind: str, raw: list[Json], *, subscription_id: int) -> Subscription:
    """The subscription a `<kind>Subscribe` call asks for; -32601 for kinds not served."""
    match kind:
        case "slot" | "root":
            Params(raw, count=0)
            return Subscription(id=subscription_id, kind=kind)
        case "signature":
            params = Params(raw, count=2)
            return SignatureSubscription(
                id=subscription_id,
                kind=kind,
                commitment=params.config(1).commitment(),
                signature=params.signature(0),
            )
        case "logs":
            params = Params(raw, count=2)
            return LogsSubscription(
                id=subscription_id,
                kind=kind,
                commitment=params.config(1).commitment(),
                mentioned=_mentioned(params.raw(0)),
            )
        case "account":
            return _account_subscription(node, raw, subscription_id)
        case "program":
            return _program_subscription(raw, subscription_id)
    raise RpcError(-32601, "Method not found")


def _account_subscription(node: Node, raw: list[Json], subscription_id: int) -> Subscription:
    params = Params(raw, count=2)
    config, address = params.config(1), params.pubkey(0)
    return AccountSubscription(
        id=subscription_id,
        kind="account",
        commitment=config.commitment(),
        address=address,
        view=config.view("binary"),
        last=node.chain.account(address),
    )


def _program_subscription(raw: list[Json], subscription_id: int) -> Subscription:
    params = Params(raw, count=2)
    config = params.config(1)
    return ProgramSubscription(
        id=subscription_id,
        kind="program",
        commitment=config.commitment(),
        program=params.pubkey(0),
        view=config.view("binary"),
        filters=read_filters(config),
    )


def _mentioned(raw: Json) -> str | None:
    if raw in ("all", "allWithVotes"):
        return None
    if not isinstance(raw, dict) or "mentions" not in raw:
        raise invalid_params(
            "Invalid params: unknown variant, expected one of `all`, `allWithVotes`, `mentions`."
        )
    mentions = as_list(raw["mentions"], most=10**6)
    if len(mentions) != 1:
        raise invalid_params("Invalid Request: Only 1 address supported")
    return str(as_pubkey(mentions[0]))


def slot_value(*, parent: int, root: int, slot: int) -> Json:
    """What slotSubscribe announces when a slot opens."""
    return {"parent": parent, "root": root, "slot": slot}


def notification(subscription: Subscription, result: Json) -> dict[str, Json]:
    return {
        "jsonrpc": "2.0",
        "method": f"{subscription.kind}Notification",
        "params": {"result": result, "subscription": subscription.id},
    }


def at_slot(slot: int, value: Json) -> dict[str, Json]:
    """A notification's result: unlike HTTP replies its context names no API version."""
    return {"context": {"slot": slot}, "value": value}
