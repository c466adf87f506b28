"""The subcommands of `manage.py scout`, a module each.

A module has `HELP` (a sentence), `add_arguments(parser)` and `handle(command, options)`, which
returns the exit status; `command` is the Django command (stdout, stderr, style).
"""
