/** Writing to the page, only where something has changed, and only as text. */

/** @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any} the element; that it is there is part of the markup's contract
 */
export function find(root, selector) {
  const element = root.querySelector(selector);
  if (!element) throw new Error(`find ${selector}: not in the page`);
  return element;
}

/** @param {string} id of a template with one element @returns {HTMLElement} a new copy of it */
export function copy(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
}

/** Each state has a shape as well as a colour and a word. @param {Element} svg @param {string} name */
export function shape(svg, name) {
  const use = find(svg, "use");
  const href = document.getElementById(`shape-${name}`) ? `#shape-${name}` : "#shape-unknown";
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/** Fills a .state element. @param {HTMLElement} element @param {string} state @param {string} word */
export function showState(element, state, word) {
  element.dataset.state = state;
  shape(find(element, "svg"), state);
  say(find(element, "span"), word);
}

/**
 * Puts what a field holds into the clipboard, also on a page that was fetched without HTTPS. A click or a key must have asked for it.
 * @param {HTMLInputElement} field
 * @returns {Promise<boolean>} false where the browser does not allow it: then the text is selected, to be copied by hand
 */
export async function copyField(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy"); // outdated, and all that is left there
  }
}
