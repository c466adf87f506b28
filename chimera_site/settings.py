"""Settings of the whole project, read from the environment; nothing here decides about trading.

Every value may also come from a file named by NAME_FILE (secrets), or from DATA_DIR/run.env, which the
supervisor writes so that commands in another terminal find the running platform. The environment wins.
"""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from chimera_site import databases
from chimera_site.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()

PAPER_WALLET_IN_SANDBOX = "ChimeraPaperWa11et11111111111111111111111111"

MODE = env.str("CHIMERA_MODE", default="sandbox")
# `sandbox`: paper trades against the cluster in the box instead of the real world. Nothing but paper may.
PAPER_WORLD = env.str("PAPER_WORLD", default="")
IS_PAPER_IN_SANDBOX = MODE == "paper" and PAPER_WORLD == "sandbox"
_home = "paper-in-sandbox" if IS_PAPER_IN_SANDBOX else MODE
PROCESS = env.str("CHIMERA_PROCESS", default="web")
DATA_DIR = Path(env.str("CHIMERA_DATA_DIR", default=str(BASE_DIR / "var" / _home))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
if (DATA_DIR / "run.env").exists():
    Environment.read_env(str(DATA_DIR / "run.env"), overwrite=False)


def short_runtime_dir() -> Path:
    """A private directory for unix sockets, whose paths may not exceed 107 bytes."""
    parent = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    digest = hashlib.sha256(str(DATA_DIR).encode()).hexdigest()[:10]
    return parent / f"chimera-{os.getuid()}-{digest}"


def generated_secret(name: str) -> str:
    """A secret made once for the sandbox and kept in the data directory, readable by its owner only."""
    path = DATA_DIR / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().strip()


RUNTIME_DIR = Path(env.str("RUNTIME_DIR", default=str(short_runtime_dir())))
RUNTIME_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)

IS_SANDBOX = MODE == "sandbox"
# Whether the outside world is the sandbox: it makes demo people, secrets and addresses of its own.
HAS_SANDBOX = IS_SANDBOX or IS_PAPER_IN_SANDBOX
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default=generated_secret("secret_key") if HAS_SANDBOX else "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
# Proxies of ours, whose X-Forwarded-For is believed; addresses or networks.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# The outside world: the sandbox is the same code at another URL.
SANDBOX_URL = env.str("SANDBOX_URL", default="http://127.0.0.1:8899")
INGRESS_URL = env.str("INGRESS_URL", default="http://127.0.0.1:8080")
WEB_URL = env.str("WEB_URL", default="http://127.0.0.1:8000")
_sandbox = SANDBOX_URL if HAS_SANDBOX else ""
RPC_URLS = env.list("RPC_URLS", default=[f"{_sandbox}/rpc/primary"] if _sandbox else [])
# How long an RPC that gave way must be well before it is preferred again.
RPC_WELL_SECONDS = env.float("RPC_WELL_SECONDS", default=300.0)
# Without one the watcher reads the leaders' lists only.
WS_URL = env.str("WS_URL", default=_sandbox.replace("http", "ws", 1))
WS_SUBSCRIPTIONS = env.int("WS_SUBSCRIPTIONS", default=1_000)
SOURCE_SILENCE_SECONDS = env.float("SOURCE_SILENCE_SECONDS", default=300.0)
JITO_URL = env.str("JITO_URL", default=f"{_sandbox}/jito" if _sandbox else "")
JUPITER_URL = env.str("JUPITER_URL", default=f"{_sandbox}/jupiter" if _sandbox else "")
DEXSCREENER_URL = env.str("DEXSCREENER_URL", default=f"{_sandbox}/dexscreener" if _sandbox else "")
JUPITER_API_KEY = env.str("JUPITER_API_KEY", default="")
JUPITER_REQUESTS_PER_SECOND = env.float("JUPITER_REQUESTS_PER_SECOND", default=0.0)
# DexScreener allows an address 300 calls a minute; two of our processes ask it.
DEXSCREENER_REQUESTS_PER_SECOND = env.float(
    "DEXSCREENER_REQUESTS_PER_SECOND", default=0.0 if HAS_SANDBOX else 2.0
)
# What one process may ask of each RPC and of the block engine; 0 = no limit. Jito grants an address one.
RPC_REQUESTS_PER_SECOND = env.float("RPC_REQUESTS_PER_SECOND", default=0.0)
JITO_REQUESTS_PER_SECOND = env.float(
    "JITO_REQUESTS_PER_SECOND", default=0.0 if HAS_SANDBOX else 1.0
)
# What Scout, which reads histories and can wait, may ask of each RPC, a process.
SCOUT_RPC_REQUESTS_PER_SECOND = env.float(
    "SCOUT_RPC_REQUESTS_PER_SECOND", default=0.0 if HAS_SANDBOX else 5.0
)
JITO_AUTH = env.str("JITO_AUTH", default="")
TIP_FLOOR_URL = env.str("TIP_FLOOR_URL", default="")

WEBHOOK_SECRET = env.str(
    "WEBHOOK_SECRET", default=generated_secret("webhook_secret") if HAS_SANDBOX else ""
)
# Where a Scout on another machine puts its roster; SIGHUP to the executor takes it over.
ROSTER_FILE = Path(env.str("ROSTER_FILE", default=str(DATA_DIR / "roster_new.db")))
# What Helius sends back in `Authorization`; empty = nobody may post transactions.
HELIUS_WEBHOOK_SECRET = env.str(
    "HELIUS_WEBHOOK_SECRET", default=generated_secret("helius_secret") if HAS_SANDBOX else ""
)
# Registration at Helius: without a key, or without an address to post to, nothing is registered.
HELIUS_API_URL = env.str(
    "HELIUS_API_URL", default=f"{_sandbox}/helius" if _sandbox else "https://api.helius.xyz"
)
HELIUS_API_KEY = env.str("HELIUS_API_KEY", default="sandbox-helius-key" if HAS_SANDBOX else "")
HELIUS_POST_TO = env.str(
    "HELIUS_POST_TO", default=f"{INGRESS_URL}/api/v1/providers/helius" if HAS_SANDBOX else ""
)
HELIUS_REQUESTS_PER_SECOND = env.float("HELIUS_REQUESTS_PER_SECOND", default=1.0)
# Every look and every edit costs credits: how far apart they are, and for how long changes are gathered.
HELIUS_LOOK_SECONDS = env.float("HELIUS_LOOK_SECONDS", default=60.0 if HAS_SANDBOX else 3_600.0)
HELIUS_GATHERING_SECONDS = env.float(
    "HELIUS_GATHERING_SECONDS", default=2.0 if HAS_SANDBOX else 120.0
)
HELIUS_EDIT_SECONDS = env.float("HELIUS_EDIT_SECONDS", default=10.0 if HAS_SANDBOX else 900.0)
TRADING_KEY_FILE = Path(env.str("TRADING_KEY_FILE", default=str(DATA_DIR / "trading_key.json")))
# The address that pays on paper: its key is never asked for, but rehearsed sales need SOL in it.
PAPER_WALLET = env.str(
    "PAPER_WALLET", default=PAPER_WALLET_IN_SANDBOX if IS_PAPER_IN_SANDBOX else ""
)
PAPER_CAPITAL_SOL = env.str("PAPER_CAPITAL_SOL", default="50")
PAPER_LANDING_SECONDS = env.float("PAPER_LANDING_SECONDS", default=1.2)
EXECUTION_SEATS = env.int("EXECUTION_SEATS", default=16)
EXIT_SEATS = env.int("EXIT_SEATS", default=16)
# None: as many as the machine has to spare.
REALTIME_CORES = env.int("REALTIME_CORES", default=None)

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "django_prometheus",
    "chimera_site",
    "audit",
    "wallets",
    "trading",
    "scout",
    "workers",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "chimera_site.urls"
if PROCESS == "ingress":
    # The signal door pays for nothing that it does not use: its view authenticates by itself.
    MIDDLEWARE = []
    ROOT_URLCONF = "chimera_site.ingress"

ASGI_APPLICATION = "chimera_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# FULL survives power loss as well as kill -9; NORMAL survives every kill and is four times quicker.
SQLITE_SYNCHRONOUS = env.one_of(
    "SQLITE_SYNCHRONOUS",
    ("OFF", "NORMAL", "FULL", "EXTRA"),
    default="FULL" if MODE == "live" else "NORMAL",
)
DATABASES = {
    "default": databases.configured(
        env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'chimera.sqlite3'}"),
        process=PROCESS,
        synchronous=SQLITE_SYNCHRONOUS,
        wait_seconds=env.float("DATABASE_WAIT_SECONDS", default=databases.WAIT_SECONDS),
    )
}
# On PostgreSQL: how many verbs of a daemon run side by side, each on a connection of its own.
DATABASE_WRITERS = env.int("DATABASE_WRITERS", default=4)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default=f"unix://{RUNTIME_DIR / 'redis.sock'}")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # The layer waits 5 s for a message, which is also when redis-py's own patience ends.
            "hosts": [{"address": REDIS_URL, "socket_timeout": 15}],
            "capacity": 1000,
            "expiry": 10,
        },
    }
}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
# A chord counts its members' results; nothing else keeps any.
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
CELERY_RESULT_EXPIRES = 8 * 3600
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "command_center"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = MODE == "live"
# Two platforms on one machine share the host name, so their cookies need names of their own.
SESSION_COOKIE_NAME = f"chimera_{RUNTIME_DIR.name[-10:]}"
CSRF_COOKIE_NAME = f"chimera_csrf_{RUNTIME_DIR.name[-10:]}"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "chimera_site.formats"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "chimera_site.static_files.CompressedOnceStorage"},
}

LOG_LEVEL = env.one_of(
    "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO"
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "format": "%(asctime)s %(levelname).1s %(name)s  %(message)s",
            "datefmt": "%H:%M:%S",
        }
    },
    "filters": {"faults_only": {"()": "chimera_site.records.TracebacksOfFaultsOnly"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "daphne.cli": {"level": "WARNING"},
        "daphne.server": {"level": "WARNING"},
        "daphne.http_protocol": {"level": "WARNING"},
        "daphne.ws_protocol": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "django.request": {"filters": ["faults_only"]},
    },
}

from chimera_site.unfold import UNFOLD  # noqa: E402, F401
