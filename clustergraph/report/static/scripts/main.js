// Where in the report the reader is: the part of the address after # says so, and the back button works.

let place = null;
let scrolled = 0;

function wanted() {
  const found = /^#cluster=(.*)$/.exec(location.hash);
  if (!found) return -1;
  try {
    const id = decodeURIComponent(found[1]);
    return clusters.findIndex((row) => row.cluster_id === id || row.short === id);
  } catch {
    return -1;
  }
}

async function go() {
  const [list, cluster] = ["list", "cluster"].map((id) => document.getElementById(id));
  const next = wanted();
  if (place === -1) scrolled = scrollY;
  const returned = next === -1 && place !== null && place !== -1;
  const left = place;
  place = next;
  list.hidden = next !== -1;
  cluster.hidden = next === -1;
  document.title = next === -1 ? overview.title : `Cluster ${clusters[next].short} · ${overview.title}`;
  if (next === -1) {
    put(cluster);
    if (returned) returnTo(left);
    return;
  }
  const made = await makeCluster(next);
  if (place !== next) return; // the reader has gone on meanwhile
  put(cluster, made);
  scrollTo(0, 0);
  focusOn(cluster.querySelector("h1"));
}

/** Go back to where the reader was in the list. */
function returnTo(left) {
  scrollTo(0, scrolled);
  const link = [...document.querySelectorAll("#list a.id")].find((one) => one.hash === linkTo(clusters[left]));
  link?.focus({ preventScroll: true });
}

function focusOn(heading) {
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function start() {
  startTheme();
  put(document.getElementById("list"), makeList());
  put(document.getElementById("about"), overview.title);
  put(
    document.getElementById("foot"),
    element("p", {}, `clustergraph ${overview.version}. Accounts are named here: pass this file on with care.`),
    known(overview.tie_bits) ? element("p", {}, `Ties of ${count(overview.tie_bits)} bits or more, members from log-odds of ${count(overview.member_bits)} bits, as the run found them.`) : null,
  );
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("content").focus();
  });
  addEventListener("hashchange", go);
  go();
}

// The drawing libraries come after this script.
document.addEventListener("DOMContentLoaded", start);
