// The graph of a cluster's accounts and signals, laid out beforehand.

const SHAPES = {
  account: "ellipse", payment: "diamond", network: "rectangle", device: "triangle", content: "hexagon", timing: "pentagon",
};
const OTHER_SHAPE = "star";

/** Draw accounts and signals; what is chosen is told in words below. */
function makeGraph(graph) {
  const canvas = element("div", {
    class: "graph",
    role: "img",
    "aria-label": "Accounts and the signals that they share, as a graph. The tables below have the same in words.",
  });
  const said = element("p", { class: "note screen", role: "status" }, "Choose a node to see what it shares.");
  const families = [...new Set(graph.nodes.family)];
  const buttons = element("div", { class: "tools" });
  const figure = element(
    "figure",
    { class: "wide" },
    element("figcaption", {}, "Accounts and the signals that they share"),
    element("ul", { class: "legend" }, families.map(makeKey)),
    canvas,
    buttons,
    said,
    graph.note ? element("p", { class: "note" }, graph.note) : null,
  );
  // Its size must be known when it is drawn.
  requestAnimationFrame(() => startGraph(canvas, graph, said, buttons));
  return figure;
}

function makeKey(family) {
  const shape = SHAPES[family] ?? OTHER_SHAPE;
  return element("li", {}, element("span", { class: `key ${shape}`, "data-family": family, "aria-hidden": "true" }), family);
}

function startGraph(canvas, graph, said, buttons) {
  const drawn = window.cytoscape({
    container: canvas,
    elements: toElements(graph),
    layout: { name: "preset", padding: 20 },
    userZoomingEnabled: false,
    boxSelectionEnabled: false,
    autoungrabify: true,
    pixelRatio: "auto",
  });
  drawn.on("tap", (event) => choose(drawn, event.target === drawn ? null : event.target, said));
  drawInColours(canvas, () => drawn.style(graphStyle()));
  const zoom = (factor) => {
    const middle = { x: drawn.width() / 2, y: drawn.height() / 2 };
    drawn.zoom({ level: drawn.zoom() * factor, renderedPosition: middle });
  };
  const tool = (words, act) => element("button", { type: "button", on: { click: act } }, words);
  put(buttons, tool("Zoom in", () => zoom(1.4)), tool("Zoom out", () => zoom(1 / 1.4)), tool("Whole graph", () => drawn.fit(undefined, 20)));
}

function toElements(graph) {
  const reach = 40 * Math.sqrt(graph.nodes.x.length); // as much room for a node however many there are
  const nodes = toRows(graph.nodes).map((node, place) => ({
    group: "nodes",
    data: { id: String(place), family: node.family, label: node.name, size: 9 + 2 * Math.sqrt(node.accounts) },
    position: { x: node.x * reach, y: -node.y * reach },
  }));
  const edges = graph.edges.map(([source, target], place) => ({
    group: "edges",
    data: { id: `e${place}`, source: String(source), target: String(target) },
  }));
  return [...nodes, ...edges];
}

function graphStyle() {
  const families = Object.entries(SHAPES).map(([family, shape]) => ({
    selector: `node[family = "${family}"]`,
    style: { shape, "background-color": colour(`family-${family}`) },
  }));
  return [
    {
      selector: "node",
      style: {
        shape: OTHER_SHAPE, "background-color": colour("family-other"), width: "data(size)", height: "data(size)",
        "border-width": 0.6, "border-color": colour("paper"),
      },
    },
    ...families,
    { selector: "edge", style: { width: 0.5, "line-color": colour("edge"), "curve-style": "haystack" } },
    { selector: ".far", style: { opacity: 0.12 } },
    {
      selector: "node.chosen",
      style: {
        label: "data(label)", color: colour("ink"), "font-size": 11, "text-outline-width": 2,
        "text-outline-color": colour("paper"), "border-width": 2, "border-color": colour("ink"),
      },
    },
  ];
}

/** Bring out what is around a node and tell it in words. */
function choose(drawn, target, said) {
  drawn.elements().removeClass("far chosen");
  if (!target || !target.isNode()) {
    put(said, "Choose a node to see what it shares.");
    return;
  }
  const near = target.closedNeighborhood();
  drawn.elements().not(near).addClass("far");
  target.addClass("chosen");
  const around = near.nodes().not(target);
  const account = target.data("family") === "account";
  const names = around.map((node) => node.data("label"));
  const more = names.length > 8 ? ` and ${count(names.length - 8)} more` : "";
  put(
    said,
    `${target.data("label")}: ${plural(names.length, account ? "shared signal" : "member")} in the picture: ` +
      names.slice(0, 8).join(", ") + more,
  );
}
