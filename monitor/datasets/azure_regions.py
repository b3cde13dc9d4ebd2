"""Service Tags name some of Azure's regions otherwise than Azure Resource Manager does. Pure."""

_ARM_NAMES = {
    "brazilne": "brazilnortheast",
    "brazilse": "brazilsoutheast",
    "centralfrance": "francecentral",
    "chilec": "chilecentral",
    "germanyn": "germanynorth",
    "germanywc": "germanywestcentral",
    "norwaye": "norwayeast",
    "norwayw": "norwaywest",
    "southfrance": "francesouth",
    "switzerlandn": "switzerlandnorth",
    "switzerlandw": "switzerlandwest",
    "usstagec": "southcentralusstg",
    "usstagee": "eastusstg",
}


def arm_name(tag: str) -> str:
    """The name that Azure Resource Manager has for a Service Tag's region."""
    return _ARM_NAMES.get(tag, tag)
