"""A model that needs no key and no network: it finds what was said, and quotes it."""
