// Everything on the page is made here, from text nodes: data never becomes markup.

// Vega empties its places with innerHTML = "". No other text may become markup, as the page's policy says.
window.trustedTypes?.createPolicy("default", { createHTML: (text) => (text === "" ? "" : null) });

const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const SVG = "http://www.w3.org/2000/svg";

/** Write what is not seen, or moves what is around it, as its code. */
function printable(text) {
  return String(text).replace(UNSEEN, (mark) => {
    const code = mark.codePointAt(0);
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
  });
}

/** Make an element; `on` has its listeners; null children are left out. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else {
      made.setAttribute(key, value === true ? "" : printable(value));
    }
  }
  put(made, ...children);
  return made;
}

/** Put children into an element, in place of what was there. */
function put(parent, ...children) {
  parent.replaceChildren(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
      .map((child) => (child instanceof Node ? child : document.createTextNode(printable(child)))),
  );
  return parent;
}

/** Make a bar as long as a share of its place; figures beside it say the same. */
function bar(share) {
  const made = element("span", { class: "bar", "aria-hidden": "true" });
  made.style.inlineSize = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return made;
}
