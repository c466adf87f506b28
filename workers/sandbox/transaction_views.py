"""Landed transactions as getTransaction and getBlock show them; finds none itself.

Shapes: transaction-status-client-types; the recorded replies of mainnet agree.
"""

from base64 import b64encode
from typing import Any

from solders.message import Message, MessageV0, MessageV1
from solders.transaction import VersionedTransaction

from workers.sandbox import base58
from workers.sandbox.account_views import ui_amount_text
from workers.sandbox.instructions import Compiled, parsed_instruction
from workers.sandbox.jsonrpc import RpcError
from workers.sandbox.records import InnerCall, TokenBalance, TransactionRecord

Json = dict[str, Any]
AnyMessage = Message | MessageV0 | MessageV1
TRANSACTION_ENCODINGS = ("json", "jsonParsed", "base64", "base58", "binary")


def check_version(record: TransactionRecord, *, newest: int | None) -> None:
    """RpcError -32015 when the caller did not say that it reads this version."""
    if record.version == "legacy" or (newest is not None and record.version <= newest):
        return
    raise RpcError(
        -32015,
        f"Transaction version ({record.version}) is not supported by the requesting client. "
        "Please try the request again with the following configuration parameter: "
        f'"maxSupportedTransactionVersion": {record.version}',
    )


def transaction_json(record: TransactionRecord, *, encoding: str, newest: int | None) -> Json:
    """`{transaction, meta}` and `version` where the caller speaks of versions at all."""
    check_version(record, newest=newest)
    body = {
        "transaction": encoded(record, encoding=encoding),
        "meta": meta_json(record, parsed=encoding == "jsonParsed"),
    }
    if newest is not None:
        body["version"] = record.version
    return body


def encoded(record: TransactionRecord, *, encoding: str) -> Any:
    match encoding:
        case "base64":
            return [b64encode(record.wire).decode(), "base64"]
        case "base58":
            return [base58.encode(record.wire), "base58"]
        case "binary":
            return base58.encode(record.wire)
    transaction = VersionedTransaction.from_bytes(record.wire)
    message = transaction.message
    show = _parsed_message if encoding == "jsonParsed" else _raw_message
    shown = show(record, message)
    return {"message": shown, "signatures": [str(each) for each in transaction.signatures]}


def _raw_message(record: TransactionRecord, message: AnyMessage) -> Json:
    header = message.header
    body: Json = {
        "accountKeys": record.account_keys[: _static_count(record)],
        "header": {
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            "numRequiredSignatures": header.num_required_signatures,
        },
        "instructions": [
            {
                "accounts": list(each.accounts),
                "data": base58.encode(bytes(each.data)),
                "programIdIndex": each.program_id_index,
                "stackHeight": 1,
            }
            for each in message.instructions
        ],
        "recentBlockhash": str(message.recent_blockhash),
    }
    return body | _version_fields(message)


def _static_count(record: TransactionRecord) -> int:
    """How many of its accounts the message itself names."""
    return len(record.account_keys) - len(record.loaded_writable) - len(record.loaded_readonly)


def _version_fields(message: AnyMessage) -> Json:
    """What only one version of messages has: lookups in v0, the configuration in v1."""
    if isinstance(message, MessageV0):
        return {
            "addressTableLookups": [
                {
                    "accountKey": str(each.account_key),
                    "readonlyIndexes": list(each.readonly_indexes),
                    "writableIndexes": list(each.writable_indexes),
                }
                for each in message.address_table_lookups
            ]
        }
    if isinstance(message, MessageV1):
        config = message.config
        return {
            "transactionConfig": {
                "computeUnitLimit": config.compute_unit_limit,
                "heapSize": config.heap_size,
                "loadedAccountsDataSizeLimit": config.loaded_accounts_data_size_limit,
                "priorityFee": config.priority_fee,
            }
        }
    return {}


def _parsed_message(record: TransactionRecord, message: AnyMessage) -> Json:
    keys = record.account_keys
    body: Json = {
        "accountKeys": _parsed_keys(record, message),
        "instructions": [
            parsed_instruction(
                Compiled(
                    program=keys[each.program_id_index],
                    accounts=[keys[index] for index in each.accounts],
                    data=bytes(each.data),
                    stack_height=1,
                )
            )
            for each in message.instructions
        ],
        "recentBlockhash": str(message.recent_blockhash),
    }
    return body | _version_fields(message)


def _parsed_keys(record: TransactionRecord, message: AnyMessage) -> list[Json]:
    static = len(message.account_keys)
    loaded_writable = static + len(record.loaded_writable)
    signers = message.header.num_required_signatures
    return [
        {
            "pubkey": key,
            "signer": index < signers,
            "source": "transaction" if index < static else "lookupTable",
            "writable": _is_writable(message, index) if index < static else index < loaded_writable,
        }
        for index, key in enumerate(record.account_keys)
    ]


def _is_writable(message: AnyMessage, index: int) -> bool:
    """By the header; a program that is called is demoted to read-only, as nodes do."""
    header = message.header
    signers = header.num_required_signatures
    if index < signers:
        return index < signers - header.num_readonly_signed_accounts
    writable = index < len(message.account_keys) - header.num_readonly_unsigned_accounts
    return writable and all(each.program_id_index != index for each in message.instructions)


def meta_json(record: TransactionRecord, *, parsed: bool) -> Json:
    """The status meta; `parsed` shows inner instructions parsed and no loaded addresses."""
    meta: Json = {
        "computeUnitsConsumed": record.compute_units,
        "err": record.err,
        "fee": record.fee,
        "innerInstructions": _parsed_inner(record) if parsed else record.inner_instructions,
        "logMessages": record.logs,
        "postBalances": record.post_balances,
        "postTokenBalances": [token_balance_json(each) for each in record.post_token_balances],
        "preBalances": record.pre_balances,
        "preTokenBalances": [token_balance_json(each) for each in record.pre_token_balances],
        "rewards": [],
        "status": status_json(record.err),
    }
    if not parsed:
        meta["loadedAddresses"] = {
            "readonly": record.loaded_readonly,
            "writable": record.loaded_writable,
        }
    if record.return_data is not None:
        meta["returnData"] = return_data_json(record.return_data)
    return meta


def _parsed_inner(record: TransactionRecord) -> list[Json]:
    keys = record.account_keys
    return [
        {"index": index, "instructions": [_parsed_call(keys, call) for call in calls]}
        for index, calls in record.inner_calls
    ]


def _parsed_call(keys: list[str], call: InnerCall) -> Json:
    return parsed_instruction(
        Compiled(
            program=keys[call.program_id_index],
            accounts=[keys[index] for index in call.accounts],
            data=call.data,
            stack_height=call.stack_height,
        )
    )


def status_json(err: Any) -> Json:
    return {"Ok": None} if err is None else {"Err": err}


def return_data_json(return_data: tuple[str, bytes]) -> Json:
    program, data = return_data
    return {"data": [b64encode(data).decode(), "base64"], "programId": program}


def token_balance_json(balance: TokenBalance) -> Json:
    """Here, other than in account replies, nodes write a zero `uiAmount` as null."""
    return {
        "accountIndex": balance.account_index,
        "mint": balance.mint,
        "owner": balance.owner,
        "programId": balance.program_id,
        "uiTokenAmount": {
            "amount": str(balance.amount),
            "decimals": balance.decimals,
            "uiAmount": balance.amount / 10**balance.decimals if balance.amount else None,
            "uiAmountString": ui_amount_text(balance.amount, balance.decimals),
        },
    }
