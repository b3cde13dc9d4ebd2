"""A model of a fleet: what comes to which partition, and what becomes of it. No clock; chance is seeded."""
