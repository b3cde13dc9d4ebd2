"""Residency Monitor: maps observed flows to LLM providers and regions, and judges them by a policy."""

__version__ = "0.1.0"
