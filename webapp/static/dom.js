// Elements built by hand: whatever comes from tags and files becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes: null and false leave one out, true gives it no value, `on` holds listeners by event. */
export function h(name, attributes = {}, ...inside) {
  return filled(document.createElement(name), attributes, inside);
}

/** The same of a drawing. */
export function svg(name, attributes = {}, ...inside) {
  return filled(document.createElementNS(SVG, name), attributes, inside);
}

function filled(element, { on = {}, ...attributes }, inside) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...kept(inside));
  return element;
}

/** Put these in place of all that an element holds. */
export function fill(element, ...inside) {
  element.replaceChildren(...kept(inside));
  return element;
}

function kept(inside) {
  return inside.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false && one !== "");
}

/** A button that is no submit button. */
export function button(text, press, attributes = {}) {
  return h("button", { type: "button", ...attributes, on: { click: press } }, text);
}

/** A labelled field: the label stands before it, a hint after. */
export function field(label, input, hint = "") {
  return h("label", { class: "field" }, h("span", { class: "name" }, label), input, hint && h("span", { class: "hint" }, hint));
}

/** A dialog that is removed when it closes; the focus goes back to where it was. */
export function dialog(title, ...inside) {
  const from = document.activeElement;
  const heading = h("h2", { id: "dialog-title", tabindex: "-1" }, title);
  const box = h("dialog", { "aria-labelledby": "dialog-title" });
  const close = button("Close", () => box.close(), { class: "quiet" });
  fill(box, h("div", { class: "dialog-head" }, heading, close), h("p", { class: "dialog-wrong fault", role: "alert" }), ...inside);
  box.addEventListener("close", () => { box.remove(); if (from?.isConnected) from.focus(); });
  document.body.append(box);
  box.showModal();
  heading.focus();
  return box;
}

let numbered = 0;
/** An id that no other element has. */
export function newId(word) {
  numbered += 1;
  return `${word}-${numbered}`;
}
