"""A library that panics is an error with a name: it ends neither a seat nor the writer's thread."""

import pytest
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from trading.gateways.base import GatewayError
from trading.gateways.panics import panics_as
from trading.gateways.transactions import SwapInstructions, UnableToAssemble, assemble

SWAP = SwapInstructions(
    compute_budget=(),
    setup=(),
    swap=Instruction(Pubkey(b"\x0c" * 32), b"swap", []),
    cleanup=(),
    lookup_table_addresses=(),
)


def panic() -> None:
    """A seed of more than 32 bytes has no address: the library does not say so, it panics."""
    Pubkey.find_program_address([b"x" * 33], Pubkey.default())


class PanickingSigner:
    """A key whose library gives up in the middle of signing."""

    pubkey = Pubkey(b"\x05" * 32)

    def sign(self, message: MessageV0) -> VersionedTransaction:
        panic()
        raise AssertionError("it has panicked")


def test_no_ordinary_handler_catches_a_panic() -> None:
    """Should a later version of the library change this, the guard may go."""
    with pytest.raises(BaseException, match="bump seed") as caught:
        panic()
    assert not isinstance(caught.value, Exception)


def test_a_panic_while_signing_is_an_order_that_cannot_be_built() -> None:
    blockhash = str(Pubkey(b"\x0a" * 32))
    with pytest.raises(UnableToAssemble, match="panicked: Unable to find"):
        assemble(instructions=SWAP, signer=PanickingSigner(), blockhash=blockhash)


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_everything_else_passes_as_it_is(error: BaseException) -> None:
    @panics_as(GatewayError)
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
