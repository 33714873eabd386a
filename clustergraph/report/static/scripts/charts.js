// Pictures by Vega, whose expressions are interpreted: the page's policy lets no text become code.

/** Make a place for a chart and draw it there; its title and its description are in the chart. */
function makeChart(spec) {
  const place = element("div", { class: "chart" });
  drawChart(place, spec);
  return element("figure", {}, place);
}

async function drawChart(place, spec) {
  try {
    const options = {
      ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: showTip, config: chartLook(),
    };
    await window.vegaEmbed(place, structuredClone(spec), { mode: "vega-lite", ...options });
    makeReachable(place, spec.description);
  } catch (error) {
    put(place, `The picture cannot be drawn: ${error.message}`);
  }
}

/** Let the keyboard scroll what is wider than its place. */
function makeReachable(place, words) {
  if (place.scrollWidth <= place.clientWidth) return;
  for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": words })) place.setAttribute(name, value);
}

/** Give the common look of all charts in the colours of the page. */
function chartLook() {
  const [ink, faint] = ["ink", "faint"].map(colour);
  const { axis, legend, title, ...look } = overview.look;
  return {
    ...look,
    font: getComputedStyle(document.body).fontFamily,
    axis: { ...axis, labelColor: faint, titleColor: faint },
    legend: { ...legend, labelColor: faint, titleColor: faint },
    title: { ...title, color: ink, subtitleColor: faint },
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
