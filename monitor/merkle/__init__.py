"""Merkle trees of RFC 6962 and RFC 9162, C2SP signed notes, checkpoints and tiles. Pure."""
