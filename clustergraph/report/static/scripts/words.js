// Figures in the form in which people read them.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const DIGITS = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});
const HOUR = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});
const NOT_KNOWN = "–";

const known = (value) => value !== null && value !== undefined;
const count = (number) => {
  if (!known(number)) return NOT_KNOWN;
  return Number.isInteger(number) || Math.abs(number) >= 1000 ? WHOLE.format(number) : DIGITS.format(number);
};
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);
const plain = (code) => code.replaceAll("_", " ");

/** Write a share as a percentage that is never rounded to all or nothing. */
function percent(share) {
  if (!known(share)) return NOT_KNOWN;
  if (share > 0 && share < 0.005) return "<1%";
  if (share >= 0.995 && share < 1) return ">99%";
  return `${WHOLE.format(share * 100)}%`;
}

/** Write a probability, which may be too small for a percentage. */
function chance(value) {
  if (!known(value)) return NOT_KNOWN;
  return value < 0.001 ? "under 0.001" : value.toPrecision(2);
}

/** Write a number from 0 to 1. */
const fraction = (value) => (known(value) ? value.toFixed(2) : NOT_KNOWN);

const day = (time) => (known(time) ? DAY.format(new Date(time)) : NOT_KNOWN);
const hour = (time) => (known(time) ? `${HOUR.format(new Date(time))} UTC` : NOT_KNOWN);

function days(first, last) {
  const [from, to] = [day(first), day(last)];
  if (from === to) return from;
  const year = to.slice(-4);
  return `${from.endsWith(year) ? from.slice(0, -5) : from} – ${to}`;
}

/** Say how many of a signal's holders are members. */
function holders(signal) {
  return signal.accounts === signal.accounts_everywhere
    ? `all ${count(signal.accounts)} holders are members`
    : `${count(signal.accounts)} of ${count(signal.accounts_everywhere)} holders are members`;
}
