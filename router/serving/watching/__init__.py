"""Watch an endpoint: its builds, its daemons, and the page, metrics and JSON that show them."""
