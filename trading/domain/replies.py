"""The forms in which recorded transactions come: unwraps them to single ones for the parser, and its answer to JSON."""

from collections.abc import Mapping
from typing import Any

from trading.domain.readings import TransactionUnreadable
from trading.domain.swaps import ParsedTransaction


def unwrap(document: Any) -> list[Mapping[str, Any]]:
    """The transactions in a document: a `getTransaction` result, a whole JSON-RPC reply around one, a Helius
    enhanced object, or an array of any of these. TransactionUnreadable, naming why, when it is something else.
    """
    if isinstance(document, list):
        if not document:
            raise TransactionUnreadable("an empty array")
        return [each for inner in document for each in unwrap(inner)]
    if not isinstance(document, Mapping):
        raise TransactionUnreadable("neither a JSON object nor an array")
    if "jsonrpc" in document or ("result" in document and "meta" not in document):
        return [_answer(document)]
    return [document]


def _answer(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    if reply.get("error") is not None:
        raise TransactionUnreadable(f"the node answered with an error: {reply['error']}")
    result = reply.get("result")
    if result is None:
        raise TransactionUnreadable("the node does not know the transaction (result is null)")
    if not isinstance(result, Mapping):
        raise TransactionUnreadable("result is not a transaction")
    return result


def as_json(parsed: ParsedTransaction) -> dict[str, Any]:
    """The line that `parse_swaps` prints: amounts as JSON integers, null where there is none."""
    return {
        "signature": parsed.signature,
        "wallet": parsed.wallet,
        "is_swap": parsed.is_swap,
        "direction": parsed.direction.value,
        "class": parsed.kind.value,
        "base_mint": parsed.base_mint or None,
        "base_delta_raw": parsed.base_delta_raw,
        "token_mint": parsed.token_mint or None,
        "token_delta_raw": parsed.token_delta_raw,
        "token_decimals": parsed.token_decimals,
        "legs": [
            {"mint": leg.mint, "delta_raw": leg.delta_raw, "decimals": leg.decimals}
            for leg in parsed.legs
        ],
        "network_fee_lamports": parsed.network_fee_lamports,
        "jito_tip_lamports": parsed.jito_tip_lamports,
        "other_out_lamports": parsed.other_out_lamports,
        "rent_paid_lamports": parsed.rent_paid_lamports,
        "rent_refunded_lamports": parsed.rent_refunded_lamports,
        "venues": list(parsed.venues),
        "router": parsed.router or None,
        "slot": parsed.slot,
        "block_time": parsed.block_time,
        "err": parsed.error,
    }


def unreadable_json(reason: str, *, wallet: str | None) -> dict[str, Any]:
    """A line of the same keys for what cannot be read: no swap, nothing known, `err` says why."""
    keys = (
        "signature wallet is_swap direction class base_mint base_delta_raw token_mint token_delta_raw "
        "token_decimals legs network_fee_lamports jito_tip_lamports other_out_lamports rent_paid_lamports "
        "rent_refunded_lamports venues router slot block_time err"
    )
    known = {"wallet": wallet, "is_swap": False, "direction": "NONE", "class": "UNREADABLE"}
    return (
        dict.fromkeys(keys.split())
        | known
        | {"legs": [], "venues": [], "err": {"unreadable": reason}}
    )
