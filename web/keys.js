/**
 * What single keys do. One list for the keyboard and for the sheet that explains it.
 * Keys are as in KeyboardEvent.key; a letter counts with and without Shift.
 */

/** @typedef {import("./i18n.js").Key} Key */

/**
 * @typedef {object} Binding
 * @property {string[]} keys
 * @property {string} act name of what is done
 * @property {Key} text what it is, for people
 * @property {string} [shown] in place of the keys
 * @property {import("./session.js").Need} [needs] without which there is no such thing
 */

/** @type {Record<"keys_views"|"keys_stage"|"keys_operate"|"keys_page", Binding[]>} by the heading above them */
export const BINDINGS = {
  keys_views: [
    { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], act: "number", text: "key_number", shown: "1 … 9" },
    { keys: ["ArrowLeft"], act: "previous", text: "key_previous", shown: "←" },
    { keys: ["ArrowRight"], act: "next", text: "key_next", shown: "→" },
    { keys: ["w"], act: "wall", text: "key_wall" },
    { keys: ["W"], act: "larger", text: "key_larger", shown: "⇧ W" },
    { keys: ["PageDown", "]"], act: "page_next", text: "key_page_next", shown: "PgDn ]" },
    { keys: ["PageUp", "["], act: "page_previous", text: "key_page_previous", shown: "PgUp [" },
    { keys: ["g"], act: "group", text: "key_group" },
    { keys: ["/"], act: "search", text: "key_search" },
    { keys: ["Escape"], act: "back", text: "key_back", shown: "Esc" },
    { keys: [], act: "", text: "key_move", shown: "Alt ←→↑↓" },
  ],
  keys_stage: [
    { keys: ["f"], act: "fullscreen", text: "fullscreen" },
    { keys: ["v"], act: "fit", text: "fit" },
    { keys: ["i"], act: "pip", text: "pip" },
    { keys: ["+", "="], act: "zoom_in", text: "key_zoom_in", shown: "+" },
    { keys: ["-"], act: "zoom_out", text: "key_zoom_out", shown: "−" },
    { keys: ["0"], act: "zoom_reset", text: "key_zoom_reset" },
  ],
  keys_operate: [
    { keys: ["s"], act: "snapshot", text: "snapshot" },
    { keys: ["c"], act: "copy", text: "op_copy" },
    { keys: ["d"], act: "details", text: "op_details" },
    { keys: ["r"], act: "restart", text: "restart", needs: "operate" },
    { keys: ["x"], act: "stop", text: "key_stop", needs: "operate" },
    { keys: ["a"], act: "acknowledge", text: "key_acknowledge", needs: "operate" },
    { keys: ["m"], act: "follow", text: "key_mode" },
    { keys: ["l"], act: "share", text: "share", needs: "login" },
  ],
  keys_page: [
    { keys: ["n"], act: "add_camera", text: "add_camera", needs: "administer" },
    { keys: ["o"], act: "room_panel", text: "room_panel" },
    { keys: ["u"], act: "access", text: "access", needs: "access" },
    { keys: ["k"], act: "kiosk", text: "key_kiosk" },
    { keys: [","], act: "settings", text: "settings" },
    { keys: ["?"], act: "help", text: "help" },
  ],
};

/** What is done with the camera on the stage, and so only where there is one. */
export const ON_STAGE = new Set(["pip", "zoom_in", "zoom_out", "zoom_reset", "snapshot", "copy", "details", "restart", "stop", "share"]);

const ALL = Object.values(BINDINGS).flat();

/**
 * @param {{key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean, repeat?: boolean}} event
 * @param {boolean} letters single keys do something; Escape and the keys that move always do
 * @returns {string} what is to be done, "" for nothing
 */
export function actOf(event, letters) {
  if (event.ctrlKey || event.altKey || event.metaKey) return "";
  if (!letters && event.key.length === 1) return "";
  const binding = ALL.find((b) => b.keys.includes(event.key)) ?? ALL.find((b) => b.keys.includes(event.key.toLowerCase()));
  if (!binding || (event.repeat && !/^(zoom|page|next|previous)/.test(binding.act))) return "";
  return binding.act;
}

/** What is needed for an act, undefined for nothing. @param {string} act */
export function needOf(act) {
  return ALL.find((binding) => binding.act === act)?.needs;
}

/** Typing is not for us. @param {EventTarget|null} target */
export function typing(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
}
