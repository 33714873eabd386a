// The page of one cluster.

const MEMBER_COLUMNS = [
  { name: "Account", value: (row) => row.account_id, text: true, class: "name" },
  { name: "Exchanges", value: (row) => row.exchanges, class: "number" },
  ...(overview.by_exchanges ? [] : [{ name: "Volume", value: (row) => row.extraction_volume, class: "number" }]),
  { name: "Score", value: (row) => row.extraction_score, cell: (row) => fraction(row.extraction_score), class: "number", title: "How much its traffic looks like extraction, 0 to 1" },
  { name: "Ties", value: (row) => row.ties, class: "number", title: "To other members" },
  { name: "Bits", value: (row) => row.bits, cell: (row) => count(Math.round(row.bits)), class: "number", title: "Evidence to the rest of the cluster" },
  { name: "Confidence", value: (row) => row.confidence, cell: confidenceCell, class: "number" },
  { name: "First active", value: (row) => row.first_hour, cell: (row) => hour(row.first_hour), text: true, class: "time" },
  { name: "Last active", value: (row) => row.last_hour, cell: (row) => hour(row.last_hour), text: true, class: "time" },
];
const MEMBER_FILE = [
  "account_id", "exchanges", "input_tokens", "output_tokens", "extraction_volume", "extraction_score", "ties", "bits", "confidence", "first_hour", "last_hour",
];
const UNCERTAIN = 0.5;

function confidenceCell(row) {
  const words = percent(row.confidence);
  return row.confidence < UNCERTAIN ? [words, element("span", { class: "note" }, " uncertain")] : words;
}

async function makeCluster(place) {
  const row = clusters[place];
  const page = await readPage(place);
  return [
    makeWay(place),
    element("h1", {}, `Cluster ${row.short} `, badge(row.verdict.code)),
    element("p", { class: "lead" }, row.verdict.sentence),
    section("What speaks against it", element("ul", { class: "arguments" }, row.verdict.against.map((one) => element("li", {}, one)))),
    makeFacts(row, page),
    makeDecisions(row),
    makeHolding(page),
    makeExtraction(row, page),
    makePictures(page),
    makeEvidence(row, page),
    makeWordings(row, page),
    makeMembers(row, page),
    makeRegrowth(page),
    makeLife(page),
  ];
}

function section(title, ...children) {
  const id = `s-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return element("section", { "aria-labelledby": id }, element("h2", { id }, title), ...children);
}

/** Say what was left out to keep the file small. */
function sayCut(rows, all, what, where) {
  return rows < all ? element("p", { class: "note" }, `This file has ${count(rows)} of ${count(all)} ${what}; all are in ${where}.`) : null;
}

function makeWay(place) {
  const step = (words, to) => (clusters[to] ? element("a", { href: linkTo(clusters[to]) }, words) : null);
  return element(
    "nav",
    { class: "way", "aria-label": "Clusters" },
    element("a", { href: "#" }, "All clusters"),
    step(`Rank ${clusters[place - 1]?.rank}`, place - 1),
    step(`Rank ${clusters[place + 1]?.rank}`, place + 1),
  );
}

function makeFacts(row, page) {
  const facts = [
    ["Rank", count(row.rank)],
    ["Accounts", count(row.accounts), memberWords(row)],
    overview.nightly ? ["Volume, lifetime", count(row.exchanges_lifetime), "exchanges"] : null,
    ["Volume, this run", count(row.extraction_volume), overview.by_exchanges ? "exchanges" : `${count(row.exchanges)} exchanges`],
    known(row.extraction_score) ? ["Looks like extraction", fraction(row.extraction_score), "score, 0 to 1"] : null,
    ["Volume, week", count(row.exchanges_7d), "exchanges"],
    ["Volume, day", count(row.exchanges_1d), "exchanges"],
    ["Families", `${count(row.families.length)} of ${count(Math.max(row.observable.length, row.families.length))}`, row.families.join(", ")],
    ["Evidence", `${count(Math.round(page.bits))} bits`, plural(page.signals_in_all, "shared signal")],
    ["Pairs tied", percent(row.density), `${count(Math.round(row.cohesion_bits))} bits a tie`],
    ["By chance", chance(row.q_value), "q-value"],
    ["Verified", count(row.verified_accounts), "members in organisations"],
    ["Uncertain", count(row.uncertain), "members below 50%"],
    known(row.replacement_rate) ? ["Replacement", row.replacement_rate.toFixed(1), "newcomers per banned account"] : null,
    ["Seen", days(row.first_seen, row.last_seen)],
  ];
  return element(
    "dl",
    { class: "facts" },
    facts.filter(Boolean).map(([name, value, more]) => element("div", {}, element("dt", {}, name), element("dd", {}, value, more ? element("span", { class: "note" }, more) : null))),
  );
}

function memberWords(row) {
  const parts = [[row.accounts_active, "active"], [row.accounts_banned, "banned"], [row.accounts_new, "new"]];
  return parts.filter(([number]) => known(number)).map(([number, word]) => `${count(number)} ${word}`).join(", ");
}

function makeDecisions(row) {
  const reason = row.reason ? element("p", {}, element("b", {}, row.explained_by ? `Explained (${plain(row.explained_by)}): ` : "Before acting: "), row.reason) : null;
  const told = row.decisions.length
    ? element("ul", {}, row.decisions.toReversed().map(decisionItem))
    : element("p", { class: "note" }, "Nobody has decided on it yet.");
  return section("Decision", reason, told, overview.nightly && element("p", { class: "note" }, "To decide: ", element("code", {}, `clustergraph decide ${row.short} confirmed|cleared|watch --store DIR --by NAME --reason TEXT`)));
}

function decisionItem(one) {
  const lapsed = one.holds ? null : element("span", { class: "note" }, ` No longer holds: ${one.note ?? "it has changed"}.`);
  return element("li", {}, element("b", { class: one.holds ? null : "lapsed" }, capital(one.decision)), ` by ${one.decided_by}, ${hour(one.decided_at)} (night ${one.night}): ${one.reason}`, lapsed);
}

/** Say where the extraction score comes from, part by part. */
function makeExtraction(row, page) {
  if (!known(row.extraction_score) || !page.extraction.length) return null;
  const columns = [
    { name: "Part", value: (one) => capital(plain(one.name)), text: true, class: "name" },
    { name: "Mean of the members", value: (one) => one.part, cell: (one) => fraction(one.part), class: "number", title: "By their exchanges; 0.5 says nothing" },
    { name: "Points", value: (one) => one.points, cell: (one) => String(one.points), class: "number" },
    { name: "Bits", value: (one) => one.bits, cell: (one) => (known(one.bits) ? `${one.bits < 0 ? "−" : "+"}${Math.abs(one.bits).toFixed(1)}` : "not known"), class: "number", title: "What it adds to the log-odds of extraction" },
  ];
  const lead = `Score ${fraction(row.extraction_score)}: ${count(row.exchanges)} exchanges count as ${count(row.extraction_volume)}.`;
  const table = makeTable({ caption: "Parts of the extraction score", name: "extraction", columns, rows: page.extraction, perPage: 10 });
  return section("What looks like extraction", element("p", { class: "note" }, lead), table.node);
}

function makeHolding(page) {
  const { holding } = page;
  if (!holding) return null;
  const columns = [
    { name: "Without", value: (one) => `${one.kind} ${one.value}`, text: true, class: "name" },
    { name: "the cluster", value: (one) => one.words, cell: (one) => element("span", { class: `outcome ${one.outcome}` }, one.words), text: true },
  ];
  const table = makeTable({ caption: "What becomes of it without each of its strongest signals", name: "removals", columns, rows: holding.removals, perPage: 10 });
  const more = holding.bridges_in_all - holding.bridges.length;
  const facts = [
    ["It breaks", holding.breaking],
    ["Bridges", holding.bridges_in_all ? [holding.bridges.map((one) => element("div", {}, `${one.account_id} connects ${one.words}`)), more > 0 ? `and ${count(more)} more` : null] : "no account connects parts of it alone"],
    holding.untied ? ["Untied", `${plural(holding.untied, "member")} without any tie inside, members by likeness alone`] : null,
    ...holding.coverage.map((one) => [capital(one.family), one.words]),
    holding.missing.length ? ["Missing, for a campaign", holding.missing.map((one) => element("div", {}, one))] : null,
  ];
  return section("What holds it together", table.node, element("dl", { class: "pairs" }, facts.filter(Boolean).map(([name, words]) => [element("dt", {}, name), element("dd", {}, words)])));
}

function makePictures(page) {
  const place = element("div", { class: "charts" });
  // Its width must be known when charts are drawn.
  requestAnimationFrame(() => drawInColours(place, () => put(place, page.charts.map(makeChart))));
  return section("Pictures", page.graph.edges.length ? makeGraph(page.graph) : null, place);
}

function makeEvidence(row, page) {
  const rows = toRows(page.evidence);
  const bits = { name: "Bits", value: (one) => one.bits, cell: (one) => count(Math.round(one.bits)), class: "number", title: "Its part of the evidence of the cluster's ties" };
  const columns = [
    { name: "Kind", value: (one) => one.kind, text: true, class: "kind" },
    { name: "Value", value: (one) => one.value, text: true, class: "name" },
    { name: "Family", value: (one) => one.family, text: true },
    { name: "Members", value: (one) => one.accounts, class: "number", title: "Members that have it" },
    { name: "All holders", value: (one) => one.accounts_everywhere, class: "number", title: "All accounts that have it" },
    { name: "Inside", value: (one) => one.accounts / one.accounts_everywhere, cell: (one) => percent(one.accounts / one.accounts_everywhere), class: "number", title: "Holders that are members" },
    bits,
    { name: "Share", value: (one) => one.bits / page.bits, cell: (one) => [percent(page.bits > 0 ? one.bits / page.bits : 0), bar(one.bits / page.bits)], class: "number", title: "Of the evidence of all signals" },
  ];
  const table = makeTable({ caption: `Signals that members of ${row.short} share, strongest first`, name: "evidence", columns, rows, perPage: rowsPerPage(20), sorted: null });
  return section("Evidence", sayCut(rows.length, page.signals_in_all, "signals, the strongest", "evidence.parquet"), table.node);
}

function makeWordings(row, page) {
  if (!page.wordings.length) return null;
  const columns = [
    { name: "Template", value: (one) => one.value, text: true, class: "name" },
    { name: "Members", value: (one) => one.accounts, class: "number", title: "Members that have it" },
    { name: "All holders", value: (one) => one.accounts_everywhere, class: "number", title: "All accounts that have it" },
    { name: "Text", value: (one) => one.text, text: true, class: "wording", title: "What five accounts at least wrote alike" },
  ];
  const table = makeTable({ caption: `Templates that members of ${row.short} share, strongest first`, name: "wordings", columns, rows: page.wordings, perPage: 10, sorted: null });
  return section("What they ask", element("p", { class: "note" }, "<*> stands for whatever differs or was written by few; no prompt is shown."), table.node);
}

function makeMembers(row, page) {
  const rows = toRows(page.members);
  const table = makeTable({ caption: `Members of ${row.short}, those with most evidence first`, name: "members", columns: MEMBER_COLUMNS, rows });
  const save = () => download(`members-${row.short}.csv`, ["cluster_id", ...MEMBER_FILE], table.ordered().map((one) => [row.cluster_id, ...MEMBER_FILE.map((name) => one[name])]));
  const search = element("input", { type: "search", on: { input: () => {
    const text = search.value.trim().toLowerCase();
    table.show(rows.filter((one) => one.account_id.toLowerCase().includes(text)));
  } } });
  return section(
    "Members",
    element("div", { class: "tools" }, element("label", {}, "Account ", search), element("button", { type: "button", on: { click: save } }, "Save the members as CSV")),
    sayCut(rows.length, page.members_in_all, "members, those with most evidence and the least certain ones, here and in the CSV", "members.parquet"),
    table.node,
  );
}

function makeRegrowth(page) {
  if (!page.regrowth.length) return null;
  const columns = [
    { name: "Account", value: (one) => one.account_id, text: true, class: "name" },
    { name: "Bits", value: (one) => one.bits, cell: (one) => count(Math.round(one.bits)), class: "number" },
    { name: "Nights since the ban", value: (one) => one.nights_since_ban, class: "number" },
    { name: "Shares", value: (one) => one.evidence.join(", "), text: true, class: "name" },
  ];
  const table = makeTable({ caption: "Accounts first seen after a ban that the evidence puts into this cluster", name: "regrowth", columns, rows: page.regrowth, perPage: rowsPerPage(20) });
  return section("Regrowth", sayCut(page.regrowth.length, page.regrowth_in_all, "accounts, those with most evidence", "regrowth.parquet"), table.node);
}

function makeLife(page) {
  if (!page.life.length) return null;
  const most = Math.max(...page.life.map((one) => one.extraction_volume ?? 0));
  const kin = (one) => {
    const parts = [["from", one.from_ids], ["into", one.into_ids]].filter(([, ids]) => ids.length);
    return parts.map(([word, ids]) => `${word} ${ids.join(", ")}`).join("; ");
  };
  const columns = [
    { name: "Night", value: (one) => one.night, text: true, class: "time" },
    { name: "Event", value: (one) => one.event, text: true },
    { name: "Rank", value: (one) => one.rank, class: "number", ascending: true },
    { name: "Accounts", value: (one) => one.accounts, class: "number" },
    { name: "Joined", value: (one) => one.accounts_joined, class: "number" },
    { name: "Left", value: (one) => one.accounts_left, class: "number" },
    { name: "Banned", value: (one) => one.accounts_banned, class: "number" },
    { name: "Volume", value: (one) => one.extraction_volume, cell: (one) => [count(one.extraction_volume), most > 0 ? bar((one.extraction_volume ?? 0) / most) : null], class: "number" },
    { name: "Day", value: (one) => one.exchanges_1d, class: "number" },
    { name: "From and into", value: kin, text: true, class: "name" },
  ];
  const table = makeTable({ caption: "What became of it, night by night, the latest first", name: "history", columns, rows: page.life.toReversed(), perPage: rowsPerPage(31) });
  return section("History", sayCut(page.life.length, page.nights_in_all, "nights, the latest", "lineage.parquet of each night"), table.node);
}
