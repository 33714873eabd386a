// Light, dark, or what the system says; kept where the browser keeps anything for a file.

const THEME = "clustergraph-theme";
const drawings = new Map(); // what is drawn in colours that do not follow the style sheet by themselves

/** Draw something, and again whenever the colours change as long as it is on the page. */
function drawInColours(node, draw) {
  drawings.set(node, draw);
  draw();
}

function redraw() {
  for (const [node, draw] of drawings) {
    if (node.isConnected) draw();
    else drawings.delete(node);
  }
}

function startTheme() {
  const select = document.getElementById("theme");
  select.value = readTheme();
  applyTheme(select.value);
  select.addEventListener("change", () => {
    applyTheme(select.value);
    keepTheme(select.value);
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function applyTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function readTheme() {
  try {
    const kept = localStorage.getItem(THEME);
    return kept === "light" || kept === "dark" ? kept : "";
  } catch {
    return "";
  }
}

function keepTheme(theme) {
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // A browser that keeps nothing for files asks again next time.
  }
}

/** Give a colour of the style sheet as the drawing libraries want it. */
function colour(name) {
  const probe = element("span", { hidden: true });
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
