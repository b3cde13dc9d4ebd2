"""The audit report as one page of HTML, that opens with the network off."""

from monitor.report.page.rendering import MAX_BYTES, render

__all__ = ["MAX_BYTES", "render"]
