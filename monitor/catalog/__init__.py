"""The catalogue: which names and addresses belong to LLM providers, and what reaching them means. Pure."""

from monitor.catalog.compiled import BuiltIn, Catalog, compile_built_in, compile_catalog
from monitor.catalog.endpoints import Concealer, Endpoint, Provider, Region

__all__ = [
    "BuiltIn",
    "Catalog",
    "Concealer",
    "Endpoint",
    "Provider",
    "Region",
    "compile_built_in",
    "compile_catalog",
]
