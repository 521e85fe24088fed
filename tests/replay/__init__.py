"""Recordings of live trials (`make live`), played to our clients and to our fakes."""
