"""The models that answer, behind one port."""
