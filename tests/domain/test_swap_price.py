"""What of the money that moved is price, and what is fee, tip, rent, gift or a payment of its own."""

from tests.domain.trades import (
    CURVE,
    FRIEND,
    NEW_VENUE,
    POOL,
    ROUTER,
    SOL,
    TOKEN,
    WALLET,
    account,
    exchange,
    parse,
    read,
    swapped,
    with_curve,
    with_pool,
)
from tests.ledger import RENT, Ledger, vault
from trading.domain.swaps import Direction
from trading.domain.values import USDC_MINT, WSOL_MINT
from trading.gateways.jito import TIP_ACCOUNTS


def test_fee_tip_payments_and_rent_are_no_part_of_the_price() -> None:
    """Wraps SOL for the trade, opens an account for the token, tips, pays a bot, and unwraps the rest."""
    ledger = Ledger(WALLET)
    ledger.holds(account(POOL, WSOL_MINT), WSOL_MINT, POOL, 50 * SOL)
    ledger.holds(account(POOL, TOKEN), TOKEN, POOL, 10**12)
    ledger.open(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.open(account(WALLET, WSOL_MINT), WSOL_MINT, WALLET)
    ledger.wrap(WALLET, account(WALLET, WSOL_MINT), 2 * SOL)
    with ledger.call(NEW_VENUE):
        exchange(ledger, WSOL_MINT, TOKEN)
    ledger.close(account(WALLET, WSOL_MINT), to=WALLET, by=WALLET)
    ledger.send(WALLET, TIP_ACCOUNTS[3], 40_000)
    ledger.send(WALLET, FRIEND, 90_000)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw, parsed.token_delta_raw) == ("BUY", -SOL, 777)
    assert (parsed.jito_tip_lamports, parsed.other_out_lamports) == (40_000, 90_000)
    assert (parsed.rent_paid_lamports, parsed.rent_refunded_lamports) == (RENT, 0)


def test_the_rent_of_an_account_closed_after_a_sale_is_no_proceeds() -> None:
    ledger = swapped(TOKEN, WSOL_MINT, held=777, pay=777, get=500)
    ledger.close(account(WALLET, TOKEN), to=WALLET, by=WALLET)
    ledger.close(account(WALLET, WSOL_MINT), to=WALLET, by=WALLET)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, 500)
    assert parsed.rent_refunded_lamports == 2 * RENT


def test_what_a_venue_takes_beside_the_price_belongs_to_the_price() -> None:
    """A bonding curve is paid by the system program: the curve, and the venue's own fee."""
    ledger = with_curve()
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
        ledger.send(WALLET, CURVE, SOL)
        ledger.send(WALLET, FRIEND, SOL // 100)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.BUY, -SOL - SOL // 100)
    assert parsed.other_out_lamports == 0


def test_what_a_router_takes_beside_the_venue_is_a_payment_of_its_own() -> None:
    ledger = with_curve()
    with ledger.call(ROUTER):
        ledger.send(WALLET, FRIEND, 9_000)
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
            ledger.send(WALLET, CURVE, SOL)
    parsed = read(ledger)
    assert (parsed.base_delta_raw, parsed.other_out_lamports) == (-SOL, 9_000)


def test_a_curve_that_pays_without_an_instruction_is_a_sale() -> None:
    ledger = with_curve(held=777)
    ledger.lamports[CURVE] = 20 * SOL
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, TOKEN), account(CURVE, TOKEN), 777, by=WALLET)
        ledger.drain(CURVE, WALLET, SOL)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, SOL)


def test_money_that_a_payee_passed_on_to_the_venue_is_the_price() -> None:
    """A bot's account gets the SOL and pays the curve with it."""
    bot = vault("bot")
    ledger = Ledger(WALLET)
    ledger.lamports[bot] = SOL
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(ROUTER):
        ledger.send(WALLET, bot, SOL)
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
            ledger.send(bot, CURVE, SOL)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw, parsed.other_out_lamports) == ("BUY", -SOL, 0)


def test_a_temporary_account_closed_to_somebody_else_gave_its_rent_away() -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    ledger.open(account(WALLET, WSOL_MINT), WSOL_MINT, WALLET)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, USDC_MINT)
    ledger.close(account(WALLET, WSOL_MINT), to=FRIEND, by=WALLET)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, 777)
    assert (parsed.other_out_lamports, parsed.rent_paid_lamports) == (RENT, 0)


def test_rent_for_somebody_elses_account_is_rent_too() -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    ledger.open(account(FRIEND, TOKEN), TOKEN, FRIEND)
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN)
    assert read(ledger).rent_paid_lamports == RENT


def test_sol_from_another_signer_is_a_gift_and_no_proceeds() -> None:
    ledger = with_pool(TOKEN, WSOL_MINT)
    ledger.signers = (WALLET, FRIEND)
    ledger.lamports[FRIEND] = SOL
    ledger.send(FRIEND, WALLET, 12_345)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, WSOL_MINT)
    assert read(ledger).base_delta_raw == 777


def test_the_first_trade_of_a_token_fills_its_creators_vault_and_pays_the_fee_after() -> None:
    ledger = with_curve()
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
        ledger.send(WALLET, vault("creator"), 400_000)
        ledger.send(WALLET, vault("creator"), 30_000)
        ledger.send(WALLET, CURVE, SOL)
    parsed = parse(ledger.as_json())
    assert (parsed.base_delta_raw, parsed.rent_paid_lamports) == (-SOL - 30_000, 400_000)


def test_a_launchpad_that_lets_another_program_move_its_tokens_still_takes_the_price() -> None:
    ledger = with_curve()
    with ledger.call(ROUTER):
        ledger.send(WALLET, CURVE, SOL)
        ledger.send(WALLET, FRIEND, 9_000)
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
    parsed = read(ledger)
    assert (parsed.base_delta_raw, parsed.other_out_lamports) == (-SOL, 9_000)


def test_a_sale_is_paid_unseen_though_a_bot_sent_a_little_back() -> None:
    ledger = with_curve(held=777)
    ledger.lamports |= {CURVE: 20 * SOL, POOL: SOL}
    with ledger.call(ROUTER):
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(WALLET, TOKEN), account(CURVE, TOKEN), 777, by=WALLET)
            ledger.drain(CURVE, WALLET, SOL)
        ledger.send(POOL, WALLET, 5_000)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, SOL + 5_000)
