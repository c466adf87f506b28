"""Where the outside is: the only place that turns the settings into endpoints for the gateways."""

from django.conf import settings

from trading.gateways.base import Endpoints


def endpoints() -> Endpoints:
    """Every endpoint as configured."""
    return Endpoints(
        rpc_urls=tuple(settings.RPC_URLS),
        rpc_well_seconds=settings.RPC_WELL_SECONDS,
        jito_url=settings.JITO_URL,
        jupiter_url=settings.JUPITER_URL,
        dexscreener_url=settings.DEXSCREENER_URL,
        jupiter_api_key=settings.JUPITER_API_KEY,
        jupiter_requests_per_second=settings.JUPITER_REQUESTS_PER_SECOND,
        dexscreener_requests_per_second=settings.DEXSCREENER_REQUESTS_PER_SECOND,
        rpc_requests_per_second=settings.RPC_REQUESTS_PER_SECOND,
        jito_requests_per_second=settings.JITO_REQUESTS_PER_SECOND,
        jito_auth=settings.JITO_AUTH,
        tip_floor_url=settings.TIP_FLOOR_URL,
    )
