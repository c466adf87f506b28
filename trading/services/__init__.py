"""The verbs of trading: every change of its rows happens in one of these modules, inside one transaction."""
