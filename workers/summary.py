"""What a person reads when everything is healthy: addresses, logins and next steps."""

from workers.processes import Wiring

NEXT_STEPS = {
    "sandbox": (
        "  make journey        send signals and follow each to its end",
        "  make verify-books   compare the books with the chain",
    ),
    "paper": (
        "  CHIMERA_MODE=paper PAPER_WORLD=sandbox make verify-books",
        "                      compare the books with the paper ledger",
    ),
}


def summary(wiring: Wiring, *, seconds: float) -> list[str]:
    """The lines of the box; `seconds` is how long the start took."""
    lines = [
        f"Chimera is healthy ({wiring.mode} mode, {seconds:.1f} s)",
        "",
        f"Command Center  {wiring.web_url}/",
        f"Admin           {wiring.web_url}/admin/",
        f"Webhook         {wiring.ingress_url}/api/v1/webhook",
    ]
    if wiring.sandbox_url:
        lines += _sandbox_lines(wiring)
    return [*lines, "", "Ctrl-C stops everything."]


def _sandbox_lines(wiring: Wiring) -> list[str]:
    return [
        f"Solana RPC      {wiring.sandbox_url}/",
        "",
        f"Login           admin or trader, password {_password(wiring)}",
        f"Webhook secret  {wiring.data_dir / 'webhook_secret'}",
        "",
        "Next, in another terminal:",
        *NEXT_STEPS.get(wiring.mode, ()),
    ]


def _password(wiring: Wiring) -> str:
    """The demo users' own, made by the first seeding."""
    return (wiring.data_dir / "demo_password").read_text()
