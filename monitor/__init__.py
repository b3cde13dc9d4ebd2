"""Residency Monitor: maps observed flows to LLM providers and regions, and judges them by a policy."""
