"""How values are read from the environment: what cannot be read names its variable and is never guessed."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(environ.FileAwareEnv):  # type: ignore[misc]  # untyped library
    """django-environ with exact numbers: it reads `1e3` as 13 and `5m` as 5, and a traceback names no variable.

    Values are not repeated: somebody may have put a secret into the wrong variable.
    """

    def get_value(self, var: str, cast: Any = None, *args: Any, **options: Any) -> Any:
        """The value; ImproperlyConfigured says which variable is no number, or no URL of a database."""
        try:
            return super().get_value(var, cast, *args, **options)
        except ValueError as error:
            kind = "a whole number" if cast is int else "a number"
            raise ImproperlyConfigured(f"{var} has to be {kind} of 0 or more, such as 5") from error

    def one_of(self, var: str, choices: Sequence[str], *, default: str) -> str:
        """One of these words, in capitals; ImproperlyConfigured names them."""
        word = str(self.str(var, default=default)).upper()
        if word not in choices:
            raise ImproperlyConfigured(f"{var} has to be one of {', '.join(choices)}")
        return word

    @classmethod
    def db_url_config(cls, url: Any, engine: Any = None) -> Any:
        """As ever, without the library's warning, which repeats what it cannot read, a password too."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().db_url_config(url, engine=engine)

    @classmethod
    def parse_value(cls, value: Any, cast: Any) -> Any:
        """A number as Python reads it, finite and not negative; all else as ever."""
        if cast not in (int, float):
            return super().parse_value(value, cast)
        number = cast(value)
        if not math.isfinite(number) or number < 0:
            raise ValueError("out of range")
        return number
