/** @param {""|"dark"|"light"} theme "" as the system has it */
export function dress(theme) {
  const sheet = /** @type {HTMLLinkElement} */ (document.getElementById("light"));
  sheet.media = theme === "" ? "(prefers-color-scheme: light)" : theme === "light" ? "all" : "not all";
}
