"""How the Unfold admin looks: titles, colours, sidebar."""

UNFOLD = {
    "SITE_TITLE": "Chimera",
    "SITE_HEADER": "Chimera",
    "THEME": "dark",
}
