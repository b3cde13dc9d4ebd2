"""The daemon: the process around the straight line. It alone asks the clock, and holds sockets open."""
