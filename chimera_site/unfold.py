"""How the Unfold admin looks: titles, colours, sidebar. What its first page shows is in admin.py."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, label: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{label}_changelist")}


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": list(items)}


UNFOLD = {
    "SITE_TITLE": "Chimera",
    "SITE_HEADER": "Chimera",
    "SITE_SUBHEADER": "Back office",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("chimera/icon.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("chimera/icon.svg"),
        }
    ],
    "THEME": "dark",
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": "chimera_site.admin.environment",
    "DASHBOARD_CALLBACK": "chimera_site.admin.dashboard",
    "STYLES": [lambda request: static("chimera/admin.css")],
    "COLORS": {
        "base": {
            "50": "#fafafa", "100": "#f0f0f0", "200": "#e0e0e0", "300": "#c9cccf", "400": "#a0a4a8",
            "500": "#7a7f84", "600": "#55585b", "700": "#3a3d40", "800": "#2a2b2d", "900": "#1a1a1a",
            "950": "#141516",
        },
        "primary": {
            "50": "#ecfcff", "100": "#cff7ff", "200": "#a5efff", "300": "#67e5ff", "400": "#22d8ff",
            "500": "#00d4ff", "600": "#0097b8", "700": "#007d99", "800": "#08647a", "900": "#0c5366",
            "950": "#013746",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "",
                "items": [
                    {"title": "Overview", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    {
                        "title": "Command Center",
                        "icon": "monitoring",
                        "link": reverse_lazy("command_center"),
                        # Its address begins every other one, so it would always look chosen.
                        "active": lambda request: False,
                    },
                    {"title": "Sources", "icon": "hearing", "link": reverse_lazy("sources")},
                ],
            },
            _group(
                "Trading",
                _item("Signals", "bolt", "trading_signal"),
                _item("Decisions", "gavel", "trading_decision"),
                _item("Submissions", "send", "trading_submission"),
                _item("Unknown outcomes", "help", "trading_unknownoutcome"),
                _item("Positions", "show_chart", "trading_position"),
                _item("Fills", "receipt_long", "trading_fill"),
                _item("Paper ledger", "edit_note", "trading_papertransaction"),
                _item("Leaders' trades", "hearing", "trading_leadertrade"),
                _item("Deliveries", "inbox", "trading_delivery"),
                _item("Notices", "mark_email_read", "trading_notice"),
                _item("Registration", "app_registration", "trading_registration"),
                _item("Tokens", "toll", "trading_token"),
                _item("Providers", "podcasts", "trading_provider"),
                _item("Alerts", "notifications_active", "trading_alertmapping"),
                _item("Policy", "tune", "audit_policyrevision"),
                _item("Entries switch", "power_settings_new", "trading_tradingstate"),
            ),
            _group(
                "Wallets",
                _item("Leaders", "group", "wallets_leader"),
                _item("Trading wallets", "account_balance_wallet", "wallets_tradingwallet"),
            ),
            _group(
                "Scout",
                _item("Queue of candidates", "queue", "scout_candidate"),
                _item("Runs", "travel_explore", "scout_scoutrun"),
                _item("Scores", "leaderboard", "scout_walletscore"),
                _item("Rosters", "move_to_inbox", "scout_rostermerge"),
                _item("Histories", "history_edu", "scout_reading"),
            ),
            _group(
                "Audit",
                _item("Audit log", "history", "audit_entry"),
                _item("Dead letters", "mail_off", "audit_deadletter"),
                _item("Incidents", "warning", "audit_incident"),
                _item("Heartbeats", "ecg_heart", "audit_heartbeat"),
            ),
            _group(
                "People",
                _item("Users", "person", "auth_user"),
                _item("Groups", "badge", "auth_group"),
            ),
        ],
    },
}  # fmt: skip
