"""Data sets: what providers publish of their addresses, and GeoIP. Fetched, checked, kept with history."""
