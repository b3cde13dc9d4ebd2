"""Findings: what decisions and behaviours come to, grouped, with a life of their own. Pure."""
