"""What the log says about a request that was refused."""

import logging


class TracebacksOfFaultsOnly(logging.Filter):
    """Takes the traceback from what is no fault of ours: a person who may not is told so on the page."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true; `status_code` is what Django gives each record about a request."""
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True
