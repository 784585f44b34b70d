/**
 * The few HTTP calls that the page makes. Each throws an Error: with the server's own sentence for the user, or, where the
 * server does not answer, the browser's TypeError or TimeoutError.
 */

/** @param {string} camera @param {string} rest */
const path = (camera, rest) => `api/v1/cameras/${encodeURIComponent(camera)}/${rest}`;

/**
 * @param {string} url relative to the page
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} with a good status
 */
async function call(url, init) {
  const response = await fetch(url, { ...init, cache: "no-store", signal: AbortSignal.timeout(15_000) });
  if (response.ok) return response;
  const problem = await response.json().catch(() => null); // RFC 9457, unless a proxy answered
  throw new Error(problem?.detail || problem?.title || `HTTP ${response.status}`, { cause: response.status });
}

/** @param {string} camera */
export async function restart(camera) {
  await call(path(camera, "restart"), { method: "POST" });
}

/** An alarm that is over already counts as acknowledged. @param {string} camera */
export async function acknowledge(camera) {
  try {
    await call(path(camera, "alarm"), { method: "DELETE" });
  } catch (error) {
    if (/** @type {Error} */ (error).cause !== 404) throw error;
  }
}

/**
 * @param {string} camera
 * @returns {Promise<{picture: Blob, captured: Date}>}
 */
export async function snapshot(camera) {
  const response = await call(path(camera, "snapshot.jpg"));
  const captured = new Date(response.headers.get("X-Frame-Captured") ?? "");
  return { picture: await response.blob(), captured: Number.isNaN(captured.getTime()) ? new Date() : captured };
}

/** @param {string} room @param {string[]|null} cameras null for all @param {number} every s */
export async function patrol(room, cameras, every) {
  const body = JSON.stringify({ every_s: every, ...(cameras && { cameras }) });
  await call(patrolPath(room), { method: "PUT", body, headers: { "Content-Type": "application/json" } });
}

/** @param {string} room */
export async function endPatrol(room) {
  await call(patrolPath(room), { method: "DELETE" });
}

/** @param {string} room */
const patrolPath = (room) => `api/v1/rooms/${encodeURIComponent(room)}/patrol`;
