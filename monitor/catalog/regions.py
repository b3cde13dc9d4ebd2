"""Reads the table of cloud regions. Codes collide between vendors, so every look-up names the vendor.

The table is CSV with a header line: it is long, flat, and read at every start.
"""

import csv
from typing import cast, get_args

from monitor.catalog.endpoints import Region, RegionVerified
from monitor.documents import DocumentError, Problem, Source
from monitor.jurisdictions import Jurisdictions

Regions = dict[tuple[str, str], Region]
COLUMNS = Region.__struct_fields__
VERIFIED = get_args(RegionVerified)


def read_regions(source: Source, jurisdictions: Jurisdictions) -> Regions:
    """The regions by vendor and code. Raises DocumentError with every mistake's line."""
    rows = csv.reader(source.text.splitlines(), strict=True)
    regions: Regions = {}
    problems: list[Problem] = []
    try:
        header = tuple(next(rows, ()))
        if header != COLUMNS:
            raise _error(source, 1, f"header {','.join(header)!r}", f"write {','.join(COLUMNS)}")
        for row in rows:
            mistake = _wrong_length(row) or _mistake(row, regions, jurisdictions)
            if mistake is not None:
                problems.append(Problem(source.path, rows.line_num, *mistake))
                continue
            region = _region(row)
            regions[region.vendor, region.code] = region
    except csv.Error as error:
        raise _error(source, rows.line_num, f"not CSV: {error}", "quote values that hold a comma") from None
    if problems:
        raise DocumentError(problems)
    return regions


def _wrong_length(row: list[str]) -> tuple[str, str] | None:
    if len(row) == len(COLUMNS):
        return None
    return f"{len(row)} values", f"write {len(COLUMNS)}: {','.join(COLUMNS)}"


def _mistake(row: list[str], known: Regions, jurisdictions: Jurisdictions) -> tuple[str, str] | None:
    """What is wrong with a row, and what to write instead."""
    vendor, code, country, _, latitude, longitude, _, source, verified = row
    if not (vendor and code and source):
        return "vendor, code or source is empty", "fill it in"
    if (vendor, code) in known:
        return f"region {vendor} {code} stands twice", "keep one of them"
    if country not in jurisdictions.countries:
        return f"unknown country {country!r}", jurisdictions.mend(country)
    if verified not in VERIFIED:
        return f"verified is {verified!r}", f"use one of: {', '.join(VERIFIED)}"
    return _wrong_degrees(latitude, 90) or _wrong_degrees(longitude, 180)


def _wrong_degrees(text: str, limit: int) -> tuple[str, str] | None:
    try:
        good = not text or abs(float(text)) <= limit
    except ValueError:
        good = False
    return (
        None
        if good
        else (f"{text!r} is no coordinate", f"write degrees from -{limit} to {limit}, or nothing")
    )


def _region(row: list[str]) -> Region:
    vendor, code, country, city, latitude, longitude, kind, source, verified = row
    return Region(
        vendor=vendor,
        code=code,
        country=country,
        city=city or None,
        latitude=float(latitude) if latitude else None,
        longitude=float(longitude) if longitude else None,
        kind=kind,
        source=source,
        verified=cast("RegionVerified", verified),
    )


def _error(source: Source, line: int, problem: str, mend: str) -> DocumentError:
    return DocumentError([Problem(source.path, line, problem, mend)])
