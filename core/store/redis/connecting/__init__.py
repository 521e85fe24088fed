"""How the store reaches Redis: one server, behind Sentinels, or a cluster."""
