"""The store: what is kept of each thread, behind one port of atomic verbs."""
