"""The project's settings for a web process whose static files were never collected."""

from chimera_site.settings import *  # noqa: F403

WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
