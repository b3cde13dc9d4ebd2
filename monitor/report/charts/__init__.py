"""The report's pictures, as SVG elements that stand inside the page. Pure: same facts, same bytes.

A chart has no style of its own: `page/assets/charts.css` gives its classes colours. What colour tells is told
by a pattern, a shape or a word too, and every chart says in words what it shows. How many elements it has is
bounded, whatever the data: what does not fit is added up and called "others", never left out.
"""

from monitor.report.charts.coverage import coverage_bar
from monitor.report.charts.sankey import sankey
from monitor.report.charts.timeline import timeline
from monitor.report.charts.types import Atlas, Chart
from monitor.report.charts.world import world_map

__all__ = ["Atlas", "Chart", "coverage_bar", "sankey", "timeline", "world_map"]
