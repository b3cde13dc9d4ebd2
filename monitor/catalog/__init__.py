"""The catalogue: which names and addresses belong to LLM providers, and what reaching them means. Pure."""

from monitor.catalog.compiled import Catalog, compile_catalog
from monitor.catalog.endpoints import Concealer, Endpoint, Provider, Region

__all__ = ["Catalog", "Concealer", "Endpoint", "Provider", "Region", "compile_catalog"]
