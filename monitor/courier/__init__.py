"""Hands events to sinks: takes them from the outbox, keeps how far each sink is, and what it never took."""
