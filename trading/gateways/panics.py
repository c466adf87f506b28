"""Panics of the libraries written in Rust, made into errors: no `except Exception` catches one as it comes.

Uncaught it would end whoever happens to run the call: a seat of the executor, or the writer's only thread.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from trading.gateways.base import GatewayError

P = ParamSpec("P")
T = TypeVar("T")
LIBRARIES = "pyo3_runtime"
"""Where their PanicException says that it lives; it cannot be imported from there."""


def panics_as(error: type[GatewayError]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: a panic inside is this error; everything else passes as it is."""

    def decorate(verb: Callable[P, T]) -> Callable[P, T]:
        @wraps(verb)
        def contained(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return verb(*args, **kwargs)
            except BaseException as panic:
                if type(panic).__module__ != LIBRARIES:
                    raise
                raise error(f"the library panicked: {str(panic)[:200]}") from None

        return contained

    return decorate
