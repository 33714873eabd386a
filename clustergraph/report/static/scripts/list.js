// The ranked list, to filter and to sort.

const VERDICTS = {
  confirmed: "Confirmed", likely: "Likely one operation", unclear: "Not clear", explained: "Explained", cleared: "Cleared",
};
const chosen = { text: "", explained: "", decision: "", family: "", least: "" };
let listTable = null;

const currentDecision = (row) => row.decisions.findLast((one) => one.holds) ?? row.decisions.at(-1) ?? null;
const linkTo = (row) => `#cluster=${encodeURIComponent(row.cluster_id)}`;

const RANK = { name: "#", value: (row) => row.rank, ascending: true, class: "rank", title: "Rank" };
const LIST_COLUMNS = [
  RANK,
  { name: "Cluster", value: (row) => row.short, cell: verdictCell, text: true, class: "what" },
  { name: "Accounts", value: (row) => row.accounts, cell: accountsCell, class: "number" },
  { name: "Day", value: (row) => row.exchanges_1d, class: "number", title: "Exchanges on the last day with data" },
  { name: "Week", value: (row) => row.exchanges_7d, class: "number", title: "Exchanges on the last seven days with data" },
  ...volumeColumns(),
  { name: "Families", value: (row) => row.families.length, cell: familiesCell, class: "families", title: "Families of signals that hold it together, of those that the input has" },
  { name: "Strongest signals", value: (row) => row.signals[0]?.share ?? 0, cell: signalsCell, class: "signals", title: "Sorted by the part of the evidence that the first one carries" },
  { name: "Verified", value: (row) => row.verified_accounts, class: "number", title: "Members in verified organisations" },
  { name: "Uncertain", value: (row) => row.uncertain, class: "number", title: "Members with a confidence below 50%" },
  { name: "Decision", value: (row) => currentDecision(row)?.decision ?? null, cell: decisionCell, text: true, class: "decision" },
];

function volumeColumns() {
  const most = Math.max(...clusters.map((row) => row.extraction_volume), 0);
  const score = (row) => (known(row.extraction_score) ? element("ul", { class: "parts" }, element("li", {}, `score ${fraction(row.extraction_score)}`)) : null);
  const withBar = (row, value) => [count(value), most > 0 ? bar(row.extraction_volume / most) : null, score(row)];
  const lifetime = {
    name: "Lifetime", value: (row) => row.exchanges_lifetime, class: "number",
    title: "Exchanges since ever, of all accounts that are or last were members",
  };
  const ranked = {
    name: overview.by_exchanges ? "In this run" : "Volume", value: (row) => row.extraction_volume, class: "number",
    cell: (row) => withBar(row, row.extraction_volume),
    title: overview.by_exchanges ? "Exchanges in the rows of this run, which the rank is by" : "What the rank is by: exchanges weighted by a score of how much they look like extraction, or volumes that were given",
  };
  return overview.nightly ? [ranked, lifetime] : [ranked];
}

function badge(code) {
  return element("span", { class: `badge ${code}` }, VERDICTS[code]);
}

function verdictCell(row) {
  return [
    element("a", { href: linkTo(row), class: "id" }, row.short),
    " ",
    badge(row.verdict.code),
    element("p", { class: "sentence" }, row.verdict.sentence),
    element("p", { class: "against" }, element("b", {}, "Against: "), row.verdict.against[0]),
  ];
}

function accountsCell(row) {
  const parts = [
    [row.accounts_active, "active"], [row.accounts_banned, "banned"], [row.accounts_new, "new"],
  ].filter(([number]) => known(number));
  return [count(row.accounts), element("ul", { class: "parts" }, parts.map(([number, word]) => element("li", {}, `${count(number)} ${word}`)))];
}

function familiesCell(row) {
  const absent = row.observable.filter((family) => !row.families.includes(family));
  return [
    element("b", {}, `${count(row.families.length)} of ${count(Math.max(row.observable.length, row.families.length))}`),
    element("p", { class: "note" }, row.families.join(", ")),
    absent.length ? element("p", { class: "note" }, `not ${absent.join(", ")}`) : null,
  ];
}

function signalsCell(row) {
  return element(
    "ul",
    { class: "parts" },
    row.signals.map((signal) =>
      element("li", {}, holders(signal), element("span", { class: "signal", title: signal.value }, `${signal.kind} ${signal.value}`)),
    ),
  );
}

function decisionCell(row) {
  const decision = currentDecision(row);
  if (!decision) return element("span", { class: "note" }, "none");
  return [
    element("b", { class: decision.holds ? null : "lapsed" }, capital(decision.decision)),
    element("p", { class: "note" }, `${decision.decided_by}, ${decision.night}`),
    decision.holds ? null : element("p", { class: "note" }, `no longer holds: ${decision.note ?? "it has changed"}`),
  ];
}

function makeList() {
  const status = element("p", { role: "status", class: "note" });
  listTable = makeTable({
    caption: "Clusters by rank", name: "clusters", columns: LIST_COLUMNS, rows: clusters,
    perPage: clusters.length + 1, sorted: RANK,
    shown: (length) => put(status, length === clusters.length ? `${plural(length, "cluster")} shown` : `${count(length)} of ${plural(clusters.length, "cluster")} shown`),
  });
  return [
    element("h1", {}, overview.title),
    makeSummary(),
    clusters.length ? [makeCharts(overview.charts), makeFilter(), element("div", { class: "tools" }, status, saveList()), listTable.node] : null,
    makeGuide(),
  ];
}

function makeSummary() {
  const o = overview;
  const inAll = known(o.accounts_in_all) ? ` of ${plural(o.accounts_in_all, "account")}` : "";
  const words = o.clusters_in_all
    ? `${plural(o.clusters_in_all, "cluster")} with ${count(o.accounts_clustered)}${inAll}, ${plural(o.exchanges_in_all, "exchange")}, seen ${days(o.first_seen, o.last_seen)}. ` +
      `Legitimate sharing explains ${count(o.explained_in_all)} of them, which stand behind.`
    : "No cluster was found: no group of accounts shares more than chance gives.";
  const left = o.clusters_in_all - clusters.length;
  return [
    element("p", { class: "lead" }, words),
    o.degraded ? element("p", { class: "warning" }, "Degraded: so many rows were set aside that clusters may be missing; run.json says which rows.") : null,
    left > 0 ? element("p", { class: "note" }, `The report has the first ${count(clusters.length)} by rank; ${plural(left, "more cluster")} ${left === 1 ? "is" : "are"} in the run.`) : null,
  ];
}

function makeCharts(charts) {
  if (!charts.length) return null;
  const place = element("div", { class: "charts" });
  const details = element("details", {}, element("summary", {}, "Pictures of the whole run"), place);
  const draw = () => drawInColours(place, () => put(place, charts.map(makeChart)));
  details.addEventListener("toggle", () => details.open && !place.hasChildNodes() && draw());
  return details;
}

function makeFilter() {
  const families = [...new Set(clusters.flatMap((row) => row.families))].sort();
  const decisions = [...new Set(clusters.map((row) => currentDecision(row)?.decision).filter(Boolean))].sort();
  const form = element(
    "form",
    { class: "filter", role: "search", "aria-label": "Filter clusters", on: { submit: (event) => event.preventDefault() } },
    field("Text", element("input", { type: "search", name: "text", placeholder: "id, signal or words" })),
    field("Explained", options("explained", [["", "all"], ["no", "not explained"], ["yes", "explained"]])),
    field("Decision", options("decision", [["", "all"], ["none", "none"], ...decisions.map((one) => [one, one])])),
    field("Family", options("family", [["", "all"], ...families.map((one) => [one, one])])),
    field("Least volume", element("input", { type: "number", name: "least", min: "0", inputmode: "numeric" })),
    element("button", { type: "reset" }, "Reset"),
  );
  const apply = () => {
    for (const name of Object.keys(chosen)) chosen[name] = form.elements[name].value;
    listTable.show(clusters.filter(isChosen));
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  return form;
}

function field(words, control) {
  return element("label", {}, element("span", {}, words), control);
}

function options(name, pairs) {
  return element("select", { name }, pairs.map(([value, words]) => element("option", { value }, words)));
}

function isChosen(row) {
  const { text, explained, decision, family, least } = chosen;
  if (explained && (row.explained_by !== null) !== (explained === "yes")) return false;
  if (decision && (currentDecision(row)?.decision ?? "none") !== decision) return false;
  if (family && !row.families.includes(family)) return false;
  if (least !== "" && row.extraction_volume < Number(least)) return false;
  return !text || searched(row).includes(text.trim().toLowerCase());
}

/** Give all text of a row that a search looks in, once. */
function searched(row) {
  row.searched ??= [
    row.cluster_id, VERDICTS[row.verdict.code], row.verdict.sentence, ...row.verdict.against, row.explained_by ?? "", row.reason ?? "",
    ...row.signals.flatMap((signal) => [signal.kind, signal.value]),
    ...row.decisions.flatMap((one) => [one.decided_by, one.reason]),
  ].join("\n").toLowerCase();
  return row.searched;
}

const LIST_FILE = [
  "rank", "cluster_id", "accounts", "accounts_active", "accounts_banned", "accounts_new", "extraction_volume", "extraction_score", "exchanges",
  "exchanges_1d", "exchanges_7d", "exchanges_lifetime", "first_seen", "last_seen", "q_value", "verified_accounts", "uncertain",
  "explained_by", "reason",
];

function saveList() {
  const save = () => {
    const names = [...LIST_FILE, "families", "verdict", "sentence", "against", "decision"];
    const rows = listTable.ordered().map((row) => [
      ...LIST_FILE.map((name) => row[name]), row.families.join(" "), row.verdict.code, row.verdict.sentence,
      row.verdict.against.join(" "), currentDecision(row)?.decision,
    ]);
    download("clusters.csv", names, rows);
  };
  return element("button", { type: "button", on: { click: save } }, "Save the list as CSV");
}

function makeGuide() {
  const terms = [
    ["Verdict", "A summary of the figures beside it. It says likely only where no grave argument speaks against it. It accuses nobody: a person decides."],
    ["Explained", "Legitimate sharing (an organisation, a household, a tool, a place) explains the cluster, and its volume and growth go with that."],
    ["Bits", "Evidence against chance: each bit halves how likely it is that accounts meet by accident. Evidence of one family is not independent."],
    ["Confidence", "How surely an account belongs to the group, not whether the group does anything wrong. Members below 50% are called uncertain."],
    ["q-value", "The share of clusters this strong that chance alone would give. A household is no accident, and has a low one."],
    ["Holders", "“31 of 34 holders are members” means that 34 accounts have the signal, in all the input, and 31 of them are in this cluster."],
    ["New, active", "Members first seen, and members seen, on the last day with data."],
  ];
  return element(
    "details",
    { class: "guide" },
    element("summary", {}, "How to read this"),
    element("dl", {}, terms.map(([term, words]) => [element("dt", {}, term), element("dd", {}, words)])),
  );
}
