// Tables as files. A spreadsheet takes some cells for formulas: those get an apostrophe before them.

const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/u;
const QUOTED = /[",\r\n]/u;

function toCell(value) {
  if (!known(value)) return "";
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return QUOTED.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Write rows as CSV (RFC 4180); the names of the columns come first. */
function toCsv(names, rows) {
  return [names, ...rows].map((row) => row.map(toCell).join(",")).join("\r\n") + "\r\n";
}

function download(name, names, rows) {
  // The mark at the beginning has spreadsheets read it as UTF-8.
  const file = new Blob(["\ufeff", toCsv(names, rows)], { type: "text/csv;charset=utf-8" });
  const link = element("a", { download: name });
  link.href = URL.createObjectURL(file);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
