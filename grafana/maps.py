"""The map: a marker for each country, as large as its connections are many.

It is red where some were outside policy. Both the shapes and the places of countries come with Grafana.
Nothing is asked of a server of map tiles, which would learn who looks, and would not be reached from a
network that is closed.
"""

from grafana_foundation_sdk.builders import common, geomap
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models import geomap as model

from grafana.colours import BLUE, RED, by_threshold, steps
from grafana.tables import joined

COUNTRY = "country"
CONNECTIONS = "connections"
OUTSIDE = "outside policy"
GAZETTEER = "public/gazetteer/countries.json"  # by ISO 3166-1 alpha-2, among others
SHAPES = "public/maps/countries.geojson"


def countries() -> geomap.Panel:
    """Return a map of two queries by country: connections, and those of them outside policy."""
    return (
        geomap.Panel()
        .view(geomap.MapViewConfig().id("coords").lat(30).lon(5).zoom(2).all_layers(all_layers=True))
        .controls(geomap.ControlsOptions().show_zoom(show_zoom=True).mouse_wheel_zoom(mouse_wheel_zoom=False))
        .basemap(common.MapLayerOptions().type("geojson").name("Countries").config(_shapes()))
        .layers([_markers()])
        .tooltip(geomap.TooltipOptions().mode(model.TooltipMode.DETAILS))
        .transformations(joined([COUNTRY], [CONNECTIONS, OUTSIDE]))
        .color_scheme(by_threshold())
        .thresholds(steps(BLUE, (0.5, RED)))
    )


def _markers() -> common.MapLayerOptions:
    place = (
        common.FrameGeometrySource()
        .mode(shown.FrameGeometrySourceMode.LOOKUP)
        .lookup(COUNTRY)
        .gazetteer(GAZETTEER)
    )
    config = {"showLegend": True, "style": _marker()}
    return (
        common.MapLayerOptions()
        .type("markers")
        .name("Destinations")
        .location(place)
        .config(config)
        .tooltip(tooltip=True)
    )


def _marker() -> dict[str, object]:
    return {
        "color": {"field": OUTSIDE, "fixed": BLUE},
        "opacity": 0.6,
        "rotation": {"fixed": 0, "max": 360, "min": -360, "mode": "mod"},
        "size": {"field": CONNECTIONS, "fixed": 8, "max": 30, "min": 6},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "text": {"field": COUNTRY, "fixed": "", "mode": "field"},
        "textConfig": {
            "fontSize": 12,
            "offsetX": 0,
            "offsetY": 0,
            "textAlign": "center",
            "textBaseline": "middle",
        },
    }


def _shapes() -> dict[str, object]:
    return {
        "rules": [],
        "src": SHAPES,
        "style": {"color": {"fixed": "#8e8e8e"}, "lineWidth": 1, "opacity": 0.2},
    }
