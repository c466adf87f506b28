"""Whatever is done to a chain: lamports are moved and burnt as fees, never made or lost."""

import contextlib

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from solders.pubkey import Pubkey

from tests.sandbox.actors import SOL, WSOL, Actor, lamports_of, landed, new_chain, vault_amounts
from workers.sandbox.chain import FAUCET_LAMPORTS, WSOL_MINT
from workers.sandbox.records import Rejected

SYSVARS = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")


def built_in(account) -> bool:
    return bool(account.executable or account.owner == SYSVARS)


amounts = st.integers(1, 50 * SOL)
supply = 10**15


class Trade(RuleBasedStateMachine):
    """Payments, swaps, bundles, failures and forks in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = new_chain(mode="slot", confirmation_slots=3)
        self.maker, self.alice = Actor(self.chain, "maker"), Actor(self.chain, "alice")
        self.mint = self.maker.create_mint("token")
        self.pool = self.maker.open_pool(self.mint, base=supply)
        self.chain.advance(slots=4)
        self.minted = FAUCET_LAMPORTS + lamports_of(self.chain, WSOL_MINT)

    def attempt(self, *instructions) -> None:
        with contextlib.suppress(Rejected):
            self.alice.send(*instructions)

    @rule(lamports=amounts)
    def pay(self, lamports):
        self.attempt(self.alice.pay(self.maker.address, lamports))

    @rule(lamports=amounts, min_out=st.sampled_from([0, 10**14]))
    def buy(self, lamports, min_out):
        self.attempt(*self.alice.buy(self.pool, self.mint, lamports, min_out=min_out))

    @rule(share=st.floats(0.01, 1))
    def sell(self, share):
        amount = int(self.alice.balance(self.mint) * share)
        self.attempt(*self.alice.sell(self.pool, self.mint, amount))

    @rule(lamports=amounts, fails=st.booleans())
    def send_bundle(self, lamports, fails):
        last = self.alice.pay(self.maker.address, 10**16 if fails else SOL)
        first = self.alice.sign(*self.alice.buy(self.pool, self.mint, lamports))
        result = self.chain.execute_bundle([first, self.alice.sign(last)])
        assert not (fails and result.landed)

    @rule(slots=st.integers(1, 3))
    def fork(self, slots):
        self.chain.fork(slots)

    @rule(slots=st.integers(1, 4))
    def advance(self, slots):
        self.chain.advance(slots=slots)

    @invariant()
    def nothing_is_made_or_lost(self):
        records = self.landed_records()
        fees = sum(record.fee for record in records)
        addresses = {key for record in records for key in record.account_keys}
        addresses |= {str(WSOL_MINT), str(self.chain.faucet.pubkey())}
        accounts = [self.chain.account(Pubkey.from_string(address)) for address in addresses]
        held = sum(a.lamports for a in accounts if a and not built_in(a))
        assert held + fees == self.minted

    def landed_records(self):
        parties = (self.alice.address, self.maker.address, self.chain.faucet.pubkey())
        entries = (
            entry
            for party in parties
            for entry in self.chain.signatures_for(str(party), limit=10**6)
        )
        return [landed(self.chain, signature) for signature in {e.signature for e in entries}]

    @invariant()
    def tokens_are_where_the_books_say(self):
        base, quote = vault_amounts(self.chain, self.pool)
        assert base + self.alice.balance(self.mint) == supply
        assert (
            dict(self.chain.largest_token_accounts(self.mint.address))[self.pool.base_vault] == base
        )
        assert quote >= 1

    @invariant()
    def accounts_open_for_alice_are_hers(self):
        for address, account in self.chain.token_accounts_by_owner(self.alice.address):
            assert account.data[32:64] == bytes(self.alice.address)
            assert address in (
                self.mint.account_of(self.alice.address),
                WSOL.account_of(self.alice.address),
            )


Trade.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestTrade = Trade.TestCase
