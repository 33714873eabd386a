// Pictures by Vega, whose expressions are interpreted: the page's policy lets no text become code.

/** Make a place for a chart and draw it there; `said` tells the same in words. */
function makeChart(chart) {
  const place = element("div", { class: "chart" });
  const figure = element("figure", {}, element("figcaption", {}, chart.title), place);
  if (chart.note) figure.append(element("p", { class: "note" }, chart.note));
  drawChart(place, chart);
  return figure;
}

async function drawChart(place, chart) {
  try {
    const options = {
      ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: showTip, config: chartColours(),
    };
    await window.vegaEmbed(place, structuredClone(chart.spec), options);
  } catch (error) {
    put(place, `The picture cannot be drawn: ${error.message}`);
  }
}

/** Take what is not data from the style sheet, so that charts are at home in light and dark. */
function chartColours() {
  const [ink, faint, line] = ["ink", "faint", "line"].map(colour);
  return {
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    axis: { labelColor: faint, titleColor: ink, gridColor: line, domainColor: line, tickColor: line },
    legend: { labelColor: faint, titleColor: ink },
    title: { color: ink, subtitleColor: faint },
    header: { labelColor: ink, titleColor: ink },
    view: { stroke: null },
  };
}

let tip = null;

/** Show a tooltip of text; Vega's own would make markup of it. */
function showTip(_handler, event, _item, value) {
  if (!tip) {
    tip = element("div", { class: "tip", role: "presentation" });
    document.body.append(tip);
  }
  tip.hidden = !known(value) || value === "";
  if (tip.hidden) return;
  const rows = typeof value === "object" ? Object.entries(value) : [["", value]];
  put(tip, rows.map(([name, words]) => element("div", {}, name ? element("b", {}, `${name} `) : null, words)));
  tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(event.clientY + 12, innerHeight - tip.offsetHeight - 8)}px`;
}
