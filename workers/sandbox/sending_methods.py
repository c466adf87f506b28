"""RPC methods that run or take transactions: sendTransaction and simulateTransaction."""

from typing import Any

from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import SanitizeError, VersionedTransaction

from workers.sandbox.account_methods import shown
from workers.sandbox.error_texts import error_text
from workers.sandbox.faults import FaultKind, Plane
from workers.sandbox.instructions import Compiled, parsed_instruction
from workers.sandbox.jsonrpc import RpcError, invalid_params
from workers.sandbox.node import Method, Node
from workers.sandbox.params import PACKET_BYTES, Config, Params, as_list, as_pubkey, as_wire
from workers.sandbox.records import Malformed, Rejected, Simulation
from workers.sandbox.transaction_views import return_data_json

Json = Any
_WIRE_ENCODINGS = ("base58", "base64")
_V1_FIRST_BYTE = 0x81


def read_transaction(raw: Json, *, encoding: str) -> tuple[bytes, VersionedTransaction]:
    """The wire bytes and what they say; -32602 for anything a node would not take."""
    wire = as_wire(raw, encoding=encoding)
    if len(wire) > PACKET_BYTES and wire[0] != _V1_FIRST_BYTE:
        raise invalid_params(
            f"decoded solana_transaction::versioned::VersionedTransaction too large: "
            f"{len(wire)} bytes (max: {PACKET_BYTES} bytes)"
        )
    try:
        transaction = VersionedTransaction.from_bytes(wire)
    except ValueError as error:
        raise invalid_params(
            f"failed to deserialize solana_transaction::versioned::VersionedTransaction: {error}"
        ) from None
    try:
        transaction.sanitize()
    except SanitizeError:
        raise invalid_params(
            "invalid transaction: Transaction failed to sanitize accounts offsets correctly"
        ) from None
    return wire, transaction


def send_transaction(node: Node, raw: list[Json]) -> Json:
    """The first signature. With preflight a transaction that would fail is answered -32002."""
    params = Params(raw, count=2)
    config = params.config(1)
    encoding = config.choice("encoding", _WIRE_ENCODINGS, "base58")
    config.whole("maxRetries")
    skips_preflight = config.flag("skipPreflight")
    wire, transaction = read_transaction(params.raw(0), encoding=encoding)
    node.context_slot(config, name="preflightCommitment")
    if not skips_preflight:
        _preflight(node, transaction, config)
    return take(node, wire, transaction)


def take(
    node: Node, wire: bytes, transaction: VersionedTransaction, *, plane: Plane = Plane.RPC
) -> str:
    """Hand the bytes to the chain. Like a node, it says the signature whether or not they land."""
    signature = str(transaction.signatures[0])
    planes = (plane, Plane.CHAIN)
    if any(
        node.faults.strike(each, kinds=[FaultKind.DROP_TX], methods=["sendTransaction"])
        for each in planes
    ):
        return signature
    try:
        return node.chain.submit(wire)
    except Malformed as error:
        raise invalid_params(f"invalid transaction: {error_text(error.err)}") from None
    except Rejected:
        return signature


def _preflight(node: Node, transaction: VersionedTransaction, config: Config) -> None:
    commitment = config.commitment(name="preflightCommitment")
    if not all(transaction.verify_with_results()):
        raise RpcError(-32003, "Transaction signature verification failure")
    outcome = node.chain.simulate(transaction, commitment=commitment)
    if outcome.err is None:
        return
    value = simulation_json(outcome, accounts=None)
    raise RpcError(-32002, f"Transaction simulation failed: {error_text(outcome.err)}", value)


def simulation_json(outcome: Simulation, *, accounts: list[Json] | None) -> dict[str, Json]:
    """RpcSimulateTransactionResult without what is only there on demand."""
    return {
        "accounts": accounts,
        "err": outcome.err,
        "fee": outcome.fee,
        "innerInstructions": None,
        "loadedAccountsDataSize": None,
        "logs": outcome.logs,
        "replacementBlockhash": None,
        "returnData": return_data_json(outcome.return_data) if outcome.return_data else None,
        "unitsConsumed": outcome.units_consumed,
    }


def simulate_transaction(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    encoding = config.choice("encoding", _WIRE_ENCODINGS, "base58")
    verifies, replaces = config.flag("sigVerify"), config.flag("replaceRecentBlockhash")
    if verifies and replaces:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    slot = node.context_slot(config)
    _, transaction = read_transaction(params.raw(0), encoding=encoding)
    if verifies and not all(transaction.verify_with_results()):
        raise RpcError(-32003, "Transaction signature verification failure")
    addresses = _asked_accounts(config, len(transaction.message.account_keys))
    outcome = node.chain.simulate(
        transaction,
        sig_verify=verifies,
        replace_blockhash=replaces,
        accounts=addresses or (),
        commitment=config.commitment(),
    )
    value = simulation_json(outcome, accounts=_post_accounts(node, outcome, config, addresses))
    if config.flag("innerInstructions"):
        value["innerInstructions"] = _inner(outcome, transaction)
    if outcome.replacement_blockhash is not None:
        value["replacementBlockhash"] = {
            "blockhash": str(outcome.replacement_blockhash.hash),
            "lastValidBlockHeight": outcome.replacement_blockhash.last_valid_block_height,
        }
    return node.with_context(slot, value)


def _asked_accounts(config: Config, key_count: int) -> list[Pubkey] | None:
    """The `accounts.addresses` of the request, None when it asks for none."""
    if config.get("accounts") is None:
        return None
    asked = Config(config.get("accounts"))
    if asked.view("base64").encoding in ("base58", "binary"):
        raise invalid_params("base58 encoding not supported")
    addresses = as_list(asked.get("addresses") or [], most=10**6)
    if len(addresses) > key_count:
        raise invalid_params(f"Too many accounts provided; max {key_count}")
    return [as_pubkey(each) for each in addresses]


def _post_accounts(
    node: Node, outcome: Simulation, config: Config, addresses: list[Pubkey] | None
) -> list[Json] | None:
    if addresses is None:
        return None
    if outcome.err is not None:
        return [None] * len(addresses)
    view = Config(config.get("accounts")).view("base64")
    return [shown(node, each, view) if each else None for each in outcome.accounts]


def _inner(outcome: Simulation, transaction: VersionedTransaction) -> list[Json]:
    """Parsed, as nodes show them; raw where lookup tables hide the addresses."""
    message = transaction.message
    if isinstance(message, MessageV0) and message.address_table_lookups:
        return outcome.inner_instructions
    keys = [str(key) for key in message.account_keys]
    return [
        {
            "index": index,
            "instructions": [
                parsed_instruction(
                    Compiled(
                        program=keys[call.program_id_index],
                        accounts=[keys[each] for each in call.accounts],
                        data=call.data,
                        stack_height=call.stack_height,
                    )
                )
                for call in calls
            ],
        }
        for index, calls in outcome.inner_calls
    ]


METHODS: dict[str, Method] = {
    "sendTransaction": send_transaction,
    "simulateTransaction": simulate_transaction,
}
