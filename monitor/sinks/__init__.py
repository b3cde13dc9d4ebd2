"""Where events go: one small module for each kind of receiver, behind one protocol."""
