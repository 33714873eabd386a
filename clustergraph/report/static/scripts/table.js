// Tables to sort, page by page where they are long.

const NARROW = matchMedia("(max-width: 60rem)");
const rowsPerPage = (most) => (NARROW.matches ? 10 : most); // where a row is a card

/** Compare two values; what is not known comes last whatever the direction. */
function compare(a, b, direction) {
  if (!known(a) || !known(b)) return known(b) - known(a);
  const order = typeof a === "string" ? a.localeCompare(b, "en") : a - b;
  return direction === "ascending" ? order : -order;
}

/**
 * Make a table.
 *
 * A column has a `name`, `value(row)` to sort by and, unless that is shown, `cell(row)` for what is shown;
 * `text` ones are sorted from A on first, others from the most on. The first `sorted` column is in order
 * already.
 */
function makeTable({ caption, columns, rows, name, perPage = rowsPerPage(50), shown = null, sorted = null }) {
  const state = { rows, page: 0, by: sorted, direction: "ascending" };
  const body = element("tbody", { role: "rowgroup" });
  const heads = columns.map((column) => makeHead(column, () => sortBy(column)));
  const pager = element("nav", { class: "pager", "aria-label": `Pages of ${name}` });
  const sorter = makeSorter(columns, (column) => sortBy(column));

  function sortBy(column) {
    const first = column.text || column.ascending ? "ascending" : "descending";
    const other = first === "ascending" ? "descending" : "ascending";
    state.direction = state.by === column && state.direction === first ? other : first;
    state.by = column;
    state.page = 0;
    draw();
  }

  function ordered() {
    if (!state.by) return state.rows;
    return [...state.rows].sort((a, b) => compare(state.by.value(a), state.by.value(b), state.direction));
  }

  function draw() {
    columns.forEach((column, place) => {
      heads[place].setAttribute("aria-sort", column === state.by ? state.direction : "none");
    });
    sorter.value = String(columns.indexOf(state.by));
    const all = ordered();
    const from = state.page * perPage;
    put(body, all.slice(from, from + perPage).map((row) => makeRow(columns, row)));
    drawPager(pager, state.page, all.length, perPage, (page) => {
      state.page = page;
      draw();
      pager.querySelector("button:not(:disabled)")?.focus();
    });
    shown?.(all.length);
  }

  const table = element(
    "table",
    { role: "table", class: name.replaceAll(" ", "-") },
    element("caption", {}, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads)),
    body,
  );
  draw();
  return {
    node: element(
      "div",
      { class: "table" },
      element("label", { class: "narrow sorter" }, "Sort by ", sorter),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, table),
      pager,
    ),
    ordered,
    show(chosen) {
      state.rows = chosen;
      state.page = 0;
      draw();
    },
  };
}

function makeHead(column, sort) {
  const attributes = { scope: "col", role: "columnheader", title: column.title, class: column.class };
  const arrow = element("span", { class: "arrow", "aria-hidden": "true" });
  return element("th", attributes, element("button", { type: "button", on: { click: sort } }, column.name, arrow));
}

function makeSorter(columns, sort) {
  const options = columns.map((column, place) => element("option", { value: place }, column.name));
  const change = (event) => {
    if (columns[event.target.value]) sort(columns[event.target.value]);
  };
  return element("select", { on: { change } }, options);
}

function makeRow(columns, row) {
  return element(
    "tr",
    { role: "row" },
    columns.map((column) => {
      const value = column.cell ? column.cell(row) : column.value(row);
      const shown = typeof value === "number" || !known(value) ? count(value) : value;
      return element("td", { role: "cell", class: column.class, "data-label": column.name }, shown);
    }),
  );
}

function drawPager(pager, page, length, perPage, go) {
  const pages = Math.ceil(length / perPage);
  pager.hidden = pages < 2;
  const step = (words, to) =>
    element("button", { type: "button", disabled: to < 0 || to >= pages, on: { click: () => go(to) } }, words);
  const [from, to] = [page * perPage + 1, Math.min(length, (page + 1) * perPage)];
  put(
    pager,
    step("Previous", page - 1),
    element("span", { role: "status" }, `${count(from)} to ${count(to)} of ${count(length)}`),
    step("Next", page + 1),
  );
}
