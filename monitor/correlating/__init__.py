"""The process of `residency correlate`: a fleet's correlator, what it serves, and how it ends."""
