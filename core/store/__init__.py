"""The store: everything the bot keeps of each thread, behind one port of atomic verbs."""
