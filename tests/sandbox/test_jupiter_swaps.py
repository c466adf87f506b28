"""The transactions and instruction lists Jupiter builds from a quote."""

import base64

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from tests.sandbox.worlds import SOL, Visitor, listing_of, new_world
from workers.sandbox.orders import token_account_of
from workers.sandbox.tokens import USDC, WSOL
from workers.sandbox.trader import TIP_ACCOUNTS


@pytest.fixture(scope="module")
def visitor() -> Visitor:
    return Visitor.arriving(new_world(has_leaders=False))


@pytest.fixture
def mint(visitor) -> Pubkey:
    return listing_of(visitor.world, "NOVA").token.mint


def instruction(listed: dict) -> Instruction:
    accounts = [
        AccountMeta(
            Pubkey.from_string(each["pubkey"]),
            is_signer=each["isSigner"],
            is_writable=each["isWritable"],
        )
        for each in listed["accounts"]
    ]
    data = base64.b64decode(listed["data"])
    return Instruction(Pubkey.from_string(listed["programId"]), data, accounts)


def ask_for_instructions(visitor: Visitor, quote: dict, **options) -> dict:
    body = {"quoteResponse": quote, "userPublicKey": str(visitor.address), **options}
    status, reply = visitor.ask("POST", "/swap/v1/swap-instructions", body)
    assert status == 200, reply
    return dict(reply)


def run_listed(visitor: Visitor, reply: dict):
    """Assemble the listed instructions the way a client does, and run them."""
    cleanup = [reply["cleanupInstruction"]] if reply["cleanupInstruction"] else []
    listed = [
        *reply["computeBudgetInstructions"],
        *reply["setupInstructions"],
        reply["swapInstruction"],
        *cleanup,
        *reply["otherInstructions"],
    ]
    blockhash = visitor.world.chain.blockhash().hash
    instructions = [instruction(each) for each in listed]
    message = MessageV0.try_compile(visitor.address, instructions, [], blockhash)
    record = visitor.world.chain.execute(VersionedTransaction(message, [visitor.keypair]))
    visitor.world.chain.settle()
    return record


def test_the_listed_instructions_deliver_what_was_quoted(visitor, mint):
    before = visitor.holds(mint)
    quote = visitor.quote(WSOL, mint, SOL)
    record = run_listed(visitor, ask_for_instructions(visitor, quote))
    assert record.err is None
    assert visitor.holds(mint) - before == int(quote["outAmount"])


def test_two_hops_fit_the_listed_form_too(visitor, mint):
    visitor.execute(visitor.quote(WSOL, USDC, 2 * SOL))
    before = visitor.holds(mint)
    quote = visitor.quote(USDC, mint, 50_000_000)
    assert run_listed(visitor, ask_for_instructions(visitor, quote)).err is None
    assert visitor.holds(mint) - before == int(quote["outAmount"])


def test_the_longest_route_fits_a_packet(visitor, mint):
    token_2022 = listing_of(visitor.world, "NEXT").token.mint
    built = visitor.build(
        visitor.quote(mint, token_2022, 10**9),
        prioritizationFeeLamports={"jitoTipLamports": 1_000_000},
    )
    assert len(base64.b64decode(built["swapTransaction"])) <= 1_232


def test_no_wrapped_sol_is_left_behind(visitor, mint):
    assert visitor.execute(visitor.quote(WSOL, mint, SOL)).err is None
    assert visitor.execute(visitor.quote(mint, WSOL, visitor.holds(mint) // 2)).err is None
    assert visitor.world.chain.account(token_account_of(visitor.address, WSOL)) is None


def test_without_wrapping_the_wrapped_account_is_spent_and_kept(visitor, mint):
    quote = visitor.quote(WSOL, mint, SOL)
    reply = ask_for_instructions(visitor, quote, wrapAndUnwrapSol=False)
    assert reply["cleanupInstruction"] is None
    programs = [each["programId"] for each in reply["setupInstructions"]]
    assert "11111111111111111111111111111111" not in programs
    assert run_listed(visitor, reply).err is not None


def test_a_dynamic_unit_limit_is_measured_and_suffices(visitor, mint):
    quote = visitor.quote(WSOL, mint, SOL)
    built = visitor.build(quote, dynamicComputeUnitLimit=True)
    assert built["computeUnitLimit"] < 300_000
    assert built["simulationError"] is None
    record = visitor.execute(quote, dynamicComputeUnitLimit=True)
    assert record.err is None
    assert record.compute_units <= built["computeUnitLimit"]
    assert visitor.build(quote)["computeUnitLimit"] == 1_400_000


def test_a_failing_dry_run_is_told_and_not_hidden(visitor, mint):
    unaffordable = visitor.quote(WSOL, mint, 1_000_000 * SOL)
    built = visitor.build(unaffordable, dynamicComputeUnitLimit=True)
    assert built["simulationError"]["errorCode"] == "TRANSACTION_ERROR"


@pytest.mark.parametrize(
    ("wanted", "lamports"),
    [
        (12_345, 12_345),
        ("auto", 10_000),
        (
            {"priorityLevelWithMaxLamports": {"priorityLevel": "veryHigh", "maxLamports": 7_000}},
            7_000,
        ),
        ({"priorityLevelWithMaxLamports": {"priorityLevel": "high", "maxLamports": 10**9}}, 50_000),
    ],
)
def test_the_priority_fee_is_what_was_asked_for(visitor, mint, wanted, lamports):
    quote = visitor.quote(WSOL, mint, SOL // 5)
    built = visitor.build(quote, prioritizationFeeLamports=wanted)
    assert built["prioritizationFeeLamports"] == lamports
    record = visitor.execute(quote, prioritizationFeeLamports=wanted)
    assert record.err is None
    assert record.fee == pytest.approx(5_000 + lamports, abs=2)


def test_a_tip_is_the_last_instruction_and_reaches_a_tip_account(visitor, mint):
    tips = {str(each) for each in TIP_ACCOUNTS}
    quote = visitor.quote(WSOL, mint, SOL // 5)
    reply = ask_for_instructions(
        visitor, quote, prioritizationFeeLamports={"jitoTipLamports": 1_000_000}
    )
    [tip] = reply["otherInstructions"]
    assert tip["accounts"][1]["pubkey"] in tips
    record = run_listed(visitor, reply)
    assert record.err is None
    index = record.account_keys.index(tip["accounts"][1]["pubkey"])
    assert record.post_balances[index] - record.pre_balances[index] == 1_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"userPublicKey": "nobody"},
        {"userPublicKey": 7},
        {"quoteResponse": None},
        {"quoteResponse": {"routePlan": []}},
        {"quoteResponse": {"routePlan": [{"swapInfo": None}]}},
        {"prioritizationFeeLamports": "lots"},
        {"prioritizationFeeLamports": True},
    ],
)
def test_a_body_that_cannot_be_understood_is_refused(visitor, mint, change):
    body = {
        "quoteResponse": visitor.quote(WSOL, mint, SOL),
        "userPublicKey": str(visitor.address),
    } | change
    for path in ("/swap/v1/swap", "/swap/v1/swap-instructions"):
        status, reply = visitor.ask("POST", path, body)
        assert status == 422
        assert isinstance(reply["error"], str)


def test_bytes_that_are_no_json_object_are_refused(visitor):
    for raw in (b"", b"{", b"[]", b"\xff", b"[" * 5_000):
        status, reply = visitor.world.jupiter.handle("/swap/v1/swap", "POST", {}, raw)
        assert status in (400, 422)
        assert "error" in reply
