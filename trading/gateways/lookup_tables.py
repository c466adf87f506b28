"""Address lookup tables as the chain has them, fetched once each; what is compiled with them is elsewhere."""

from collections.abc import Sequence

from solders.address_lookup_table_account import AddressLookupTableAccount

from trading.gateways.base import Unavailable
from trading.gateways.rpc import Rpc
from trading.gateways.transactions import read_lookup_table


class LookupTables:
    """Tables only ever grow, so one that was read stays right for the addresses it had."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._known: dict[str, AddressLookupTableAccount] = {}

    async def fetch(self, addresses: Sequence[str]) -> list[AddressLookupTableAccount]:
        """In the order asked. GatewayError when one is not there or did not come."""
        missing = [address for address in addresses if address not in self._known]
        if missing:
            accounts = await self._rpc.accounts(missing)
            for address, account in zip(missing, accounts, strict=True):
                if account is None:
                    raise Unavailable(f"lookup table {address} is not there")
                self._known[address] = read_lookup_table(address, account.data)
        return [self._known[address] for address in addresses]
