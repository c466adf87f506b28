"""What exists before the first transaction: well-known mints, deep pools, funded wallets."""

from collections.abc import Iterable
from struct import pack

from solders.account import Account
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from workers.sandbox import orders
from workers.sandbox.amm import AMM_PROGRAM_ID, Pool, pool_address
from workers.sandbox.chain import Chain
from workers.sandbox.issuance import POOL_FEE_BPS, Issuance, supply_of
from workers.sandbox.tokens import LAMPORTS_PER_SOL, TOKEN_PROGRAM, WSOL, Token, TokenKind

MINT_LENGTH, ACCOUNT_LENGTH, POOL_LENGTH = 82, 165, 240
MAKER_LAMPORTS = 20_000_000 * LAMPORTS_PER_SOL
TREASURY_LAMPORTS = 1_000_000 * LAMPORTS_PER_SOL


class Genesis:
    """Places accounts on a chain that `is_new`; every later change is a transaction."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    def fund(self, address: Pubkey, *, lamports: int) -> None:
        """Give a wallet its first SOL."""
        self._place(address, lamports=lamports, data=b"", owner=SYSTEM_PROGRAM)

    def fund_wrapped(self, owner: Pubkey, *, lamports: int) -> None:
        """Give a wallet wrapped SOL in its associated account."""
        account = orders.token_account_of(owner, WSOL)
        rent = self._chain.rent_exempt(ACCOUNT_LENGTH)
        data = token_account(mint=WSOL, owner=owner, amount=lamports, native_reserve=rent)
        self._place(account, lamports=rent + lamports, data=data)

    def place(self, token: Token, *, issuance: Issuance, authority: Pubkey) -> None:
        """A well-known token at its real mint address with holders and pool, no authorities left;
        stables keep theirs."""
        keeps = token.kind is TokenKind.STABLE
        data = mint(
            supply=supply_of(token), decimals=token.decimals, authority=authority if keeps else None
        )
        self._place(token.mint, data=data)
        for owner, amount in issuance.shares(token):
            self._place_holding(token.mint, owner=owner, amount=amount)
        self._place_pool(token, admin=authority)

    def _place_pool(self, token: Token, *, admin: Pubkey) -> None:
        address, bump = pool_address(base_mint=token.mint, quote_mint=WSOL)
        pool = Pool(
            address=address,
            bump=bump,
            index=0,
            paused=False,
            fee_bps=POOL_FEE_BPS,
            admin=admin,
            base_mint=token.mint,
            quote_mint=WSOL,
            base_vault=orders.token_account_of(address, token.mint),
            quote_vault=orders.token_account_of(address, WSOL),
            base_program=TOKEN_PROGRAM,
            quote_program=TOKEN_PROGRAM,
        )
        self._place(address, data=pool.pack(), owner=AMM_PROGRAM_ID)
        self._place_holding(token.mint, owner=address, amount=token.pool_raw)
        self.fund_wrapped(address, lamports=token.pool_sol_lamports)

    def _place_holding(self, mint_address: Pubkey, *, owner: Pubkey, amount: int) -> None:
        account = orders.token_account_of(owner, mint_address)
        self._place(account, data=token_account(mint=mint_address, owner=owner, amount=amount))

    def _place(
        self,
        address: Pubkey,
        *,
        data: bytes,
        lamports: int | None = None,
        owner: Pubkey = TOKEN_PROGRAM,
    ) -> None:
        held = self._chain.rent_exempt(len(data)) if lamports is None else lamports
        account = Account(lamports=held, data=data, owner=owner, executable=False, rent_epoch=0)
        self._chain.set_account(address, account)


def mint(*, supply: int, decimals: int, authority: Pubkey | None) -> bytes:
    """A mint's 82 bytes; `authority` may mint and freeze."""
    key = _optional(authority)
    return key + pack("<QBB", supply, decimals, 1) + key


def token_account(
    *, mint: Pubkey, owner: Pubkey, amount: int, native_reserve: int | None = None
) -> bytes:
    """A token account's 165 bytes; `native_reserve` (lamports) marks wrapped SOL."""
    native = pack("<IQ", native_reserve is not None, native_reserve or 0)
    parts: Iterable[bytes] = (
        bytes(mint),
        bytes(owner),
        pack("<Q", amount),
        _optional(None),
        b"\1",
        native,
        pack("<Q", 0),
        _optional(None),
    )
    return b"".join(parts)


def _optional(key: Pubkey | None) -> bytes:
    return pack("<I", key is not None) + (bytes(key) if key is not None else bytes(32))
