/** Why something failed or was restarted, as texts: the words of the server's Cause. */
const CAUSES = /** @type {const} */ ({
  exit: "op_cause_exit",
  signal: "op_cause_signal",
  hang: "op_cause_hang",
  memory: "op_cause_memory",
  start: "op_cause_start",
  order: "op_cause_order",
  schedule: "op_cause_schedule",
  config: "op_cause_config",
  source: "op_cause_source",
  frozen: "op_cause_frozen",
});

/**
 * @param {string} cause
 * @param {import("./i18n.js").Texts} texts
 * @returns {string} one that this page does not know yet as it came
 */
export function causeWord(cause, texts) {
  return Object.hasOwn(CAUSES, cause) ? texts.get(CAUSES[/** @type {keyof typeof CAUSES} */ (cause)]) : cause;
}

/**
 * @param {Record<string, number>|undefined} counts by cause
 * @param {import("./i18n.js").Texts} texts
 * @returns {string} "2 × killed by a signal, 1 × ordered", "" for none
 */
export function countsInWords(counts, texts) {
  return Object.entries(counts ?? {})
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([cause, count]) => `${count} × ${causeWord(cause, texts)}`)
    .join(", ");
}
