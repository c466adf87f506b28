"""`manage.py seed_sandbox`: people, roster, tokens, policy and money for a fresh sandbox."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from workers.runtime import utc_now
from workers.seeding import DEMO_USERS, Sandbox, demo_password, seed, trading_address


class Command(BaseCommand):
    help = "Fill an empty sandbox platform so that trading starts at once. Never touches the real world."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.HAS_SANDBOX:
            raise CommandError("demo users and demo money exist in the sandbox only")
        call_command("prepare")
        password_file = settings.DATA_DIR / "demo_password"
        seed(
            sandbox=Sandbox(url=settings.SANDBOX_URL),
            wallet=_wallet(),
            password_file=password_file,
            now=utc_now(),
            say=self.stdout.write,
        )
        names = " or ".join(DEMO_USERS)
        self.stdout.write(f"demo login: {names}, password {demo_password(password_file)}")


def _wallet() -> str:
    """Whose money the faucet's is: our key's, or on paper the address that rehearsed sales are tried with."""
    return settings.PAPER_WALLET or trading_address(settings.TRADING_KEY_FILE)
