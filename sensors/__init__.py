"""Packet sensors: frames in, observations out. Knows nothing of providers, regions or policies."""
