// What the file holds: the list at once, the page of a cluster when it is opened.

const overview = JSON.parse(document.getElementById("overview").textContent);
const clusters = overview.clusters;
const opened = new Map();

/** Give the page of a cluster by its place in the list. */
function readPage(place) {
  if (!opened.has(place)) {
    opened.set(place, unpack(JSON.parse(document.getElementById(`page-${place}`).textContent)));
  }
  return opened.get(place);
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

/** Turn columns into rows. */
function toRows(columns) {
  const names = Object.keys(columns);
  const length = names.length ? columns[names[0]].length : 0;
  return Array.from({ length }, (_, row) => Object.fromEntries(names.map((name) => [name, columns[name][row]])));
}
