"""Which faults the outside world may have, as rules of the sandbox; when they hold is the schedule's."""

from collections.abc import Mapping
from typing import Any

FAULTS: tuple[Mapping[str, Any], ...] = (
    {"plane": "rpc", "kind": "http_error", "status": 429},
    {"plane": "rpc", "kind": "http_error", "status": 503},
    {"plane": "rpc", "kind": "rpc_error", "code": -32005, "message": "Node is behind"},
    {"plane": "rpc", "kind": "rpc_error", "code": -32002, "method": "sendTransaction"},
    {"plane": "rpc", "kind": "rpc_error", "code": 429, "message": "Too many requests"},
    {"plane": "rpc", "kind": "latency", "seconds": 0.7},
    {"plane": "rpc", "kind": "timeout", "seconds": 4.0},
    {"plane": "rpc", "kind": "garbage"},
    {"plane": "rpc", "kind": "drop_tx"},
    {"plane": "jito", "kind": "http_error", "status": 429},
    {"plane": "jito", "kind": "http_error", "status": 500},
    {"plane": "jito", "kind": "rpc_error", "code": -32603},
    {"plane": "jito", "kind": "latency", "seconds": 0.7},
    {"plane": "jito", "kind": "timeout", "seconds": 4.0},
    {"plane": "jito", "kind": "garbage"},
    {"plane": "jito", "kind": "bundle_drop"},
    {"plane": "jupiter", "kind": "http_error", "status": 429},
    {"plane": "jupiter", "kind": "http_error", "status": 500},
    {"plane": "jupiter", "kind": "latency", "seconds": 0.7},
    {"plane": "jupiter", "kind": "timeout", "seconds": 4.0},
    {"plane": "jupiter", "kind": "garbage"},
    {"plane": "jupiter", "kind": "no_route"},
    {"plane": "dexscreener", "kind": "http_error", "status": 429},
    {"plane": "dexscreener", "kind": "garbage"},
    {"plane": "chain", "kind": "drop_tx"},
    {"plane": "chain", "kind": "bundle_drop"},
    {"plane": "webhook", "kind": "drop_notification"},
    {"plane": "webhook", "kind": "latency", "seconds": 1.0},
)
