// Sorting, filtering, the theme and printing. All that the page says is there without it. Nothing is stored.
"use strict";

(() => {
  const NONE = Number.NEGATIVE_INFINITY;
  const collator = new Intl.Collator("en", { numeric: true });

  /** What a cell is sorted by: its data-value as a number where it has one, else its text. */
  const sortKey = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return "";
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
  };

  const compare = (one, other) => {
    if (typeof one === "number" || typeof other === "number") {
      const [left, right] = [one, other].map((each) => (typeof each === "number" ? each : NONE));
      return left < right ? -1 : Number(left > right);
    }
    return collator.compare(one, other);
  };

  /** Sort a table by a column; a third press on its button brings the first order back. */
  const sortBy = (table, header, first) => {
    const order = { none: "ascending", ascending: "descending", descending: "none" }[header.ariaSort ?? "none"];
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    let rows = [...first];
    if (order !== "none") {
      header.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map((row) => [sortKey(row, header.cellIndex), row]);
      keyed.sort((one, other) => sign * compare(one[0], other[0]));
      rows = keyed.map(([, row]) => row);
    }
    table.tBodies[0].append(...rows);
  };

  const makeSortable = (table) => {
    const first = [...table.tBodies[0].rows];
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortBy(table, header, first));
      header.append(button);
    }
  };

  /** Show the rows that hold every word of the filter and have the outcome; say how many these are. */
  const makeFilter = (controls) => {
    const rows = [...document.getElementById(controls.dataset.for).tBodies[0].rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const [input, select, output] = ["input", "select", "output"].map((name) => controls.querySelector(name));
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/);
      let shown = 0;
      for (const row of rows) {
        const fits = words.every((word) => texts.get(row).includes(word));
        row.hidden = !fits || (select.value !== "" && row.dataset.outcome !== select.value);
        shown += row.hidden ? 0 : 1;
      }
      output.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
    };
    input.addEventListener("input", apply);
    select.addEventListener("change", apply);
    controls.hidden = false;
  };

  /** A button that turns dark to light and back, from what the system asks for. */
  const makeTheme = (button) => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    const apply = () => {
      const dark = chosen === null ? system.matches : chosen === "dark";
      if (chosen !== null) document.documentElement.dataset.theme = chosen;
      button.setAttribute("aria-pressed", String(dark));
      return dark;
    };
    button.addEventListener("click", () => {
      chosen = button.getAttribute("aria-pressed") === "true" ? "light" : "dark";
      apply();
    });
    system.addEventListener("change", apply);
    apply();
    button.hidden = false;
  };

  /** On paper everything is open; afterwards it is as it was. */
  const openForPrint = () => {
    let closed = [];
    addEventListener("beforeprint", () => {
      closed = [...document.querySelectorAll("details:not([open])")];
      for (const each of closed) each.open = true;
    });
    addEventListener("afterprint", () => {
      for (const each of closed) each.open = false;
      closed = [];
    });
  };

  document.querySelectorAll("table.sortable").forEach(makeSortable);
  document.querySelectorAll(".controls").forEach(makeFilter);
  makeTheme(document.getElementById("theme"));
  openForPrint();
})();
