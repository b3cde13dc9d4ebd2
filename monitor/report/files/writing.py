"""Puts a report into a folder, in the forms that were asked for. Each file appears when it is whole.

What a form needs beside the base install is looked for before anything is read: see `require`.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.replacing import Replacing
from monitor.report.document import facts_json, versions_of
from monitor.report.files.browser import PrintingError
from monitor.report.files.csv_files import write_csv
from monitor.report.files.parquet import write_parquet
from monitor.report.files.pdf import require_printer, write_pdf
from monitor.report.files.tables import tables
from monitor.report.files.xlsx import write_xlsx
from monitor.report.types import Facts

Form = Literal["html", "csv", "xlsx", "parquet", "pdf", "json"]

HTML, JSON, XLSX, PDF = "report.html", "report.json", "report.xlsx", "report.pdf"  # the files' names
CSV_FOLDER, PARQUET_FOLDER = "csv", "parquet"  # where there is a file a table
_NEEDS: dict[Form, str] = {"html": "jinja2", "pdf": "jinja2", "xlsx": "xlsxwriter", "parquet": "pyarrow"}


def require(forms: Iterable[Form], asked_by: str = "--format {form}") -> None:
    """Raise MissingExtraError unless these forms can be made; ``asked_by`` is what asks for one."""
    for form in forms:
        needed = _NEEDS.get(form)
        if needed is not None and importlib.util.find_spec(needed) is None:
            raise MissingExtraError(
                f"{asked_by.format(form=form)} needs the audit extra; "
                "install it: pip install 'residency-monitor[audit]'"
            )
        if form == "pdf":
            require_printer()


def write_report(facts: Facts, folder: Path, forms: Sequence[Form]) -> tuple[Path, ...]:
    """Write the forms, and return what was written: files, or folders of tables. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_write(facts, folder, form) for form in dict.fromkeys(forms))
    except OSError as error:
        place = error.filename2 or error.filename or str(folder)
        raise InputError(
            str(place), error.strerror or str(error), "make room, or choose another --out"
        ) from None
    except PrintingError as error:
        mend = "print report.html in a browser of your own"
        raise InputError(str(folder / PDF), str(error), mend) from None


def _write(facts: Facts, folder: Path, form: Form) -> Path:
    if form == "html":
        return _put(folder / HTML, _page(facts))
    if form == "json":
        return _put(folder / JSON, facts_json(facts))
    if form == "pdf":
        write_pdf(facts, _page(facts), folder / PDF)
        return folder / PDF
    if form == "xlsx":
        write_xlsx(facts, tables(facts), folder / XLSX)
        return folder / XLSX
    return _tables(facts, folder / (CSV_FOLDER if form == "csv" else PARQUET_FOLDER))


def _tables(facts: Facts, folder: Path) -> Path:
    """Write a file a table, of the form that the folder is for."""
    folder.mkdir(exist_ok=True)
    metadata = versions_of(facts)
    for table in tables(facts):
        if folder.name == CSV_FOLDER:
            write_csv(table, folder / f"{table.name}.csv")
        else:
            write_parquet(table, folder / f"{table.name}.parquet", metadata)
    return folder


def _put(path: Path, content: bytes) -> Path:
    with Replacing(path) as file:
        file.write(content)
    return path


def _page(facts: Facts) -> bytes:
    from monitor.report.page import render  # noqa: PLC0415  needs the audit extra

    return render(facts)
