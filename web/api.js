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
  const response = await fetch(url, { signal: AbortSignal.timeout(15_000), ...init, cache: "no-store" });
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

/** @param {string} camera */
export async function stop(camera) {
  await call(path(camera, "stop"), { method: "POST" });
}

/** @param {string} camera */
export async function start(camera) {
  await call(path(camera, "start"), { method: "POST" });
}

/**
 * @typedef {object} Failure
 * @property {string} at RFC 3339
 * @property {string} cause
 * @property {string} text
 * @property {number} [pid]
 * @property {number} ran_ms
 * @property {string[]} [tail]
 */

/** What has failed, newest first. @param {string} camera @returns {Promise<Failure[]>} */
export async function failures(camera) {
  return list(await call(path(camera, "failures")));
}

/**
 * @typedef {object} Client somebody who watches
 * @property {string} id
 * @property {string} kind
 * @property {string} [name]
 * @property {string} [address]
 * @property {string} [agent]
 * @property {string} [since] RFC 3339
 * @property {string} [room]
 * @property {{camera: string, rendition: string, fps: number, skipped: number}[]} [streams]
 */

/** Everybody who watches anything. @returns {Promise<Client[]|null>} null where the server does not tell */
export async function viewers() {
  try {
    return list(await call("api/v1/viewers"));
  } catch (error) {
    if (/** @type {Error} */ (error).cause === 404) return null;
    throw error;
  }
}

/** @param {Response} response */
async function list(response) {
  const value = await response.json();
  return Array.isArray(value) ? value : [];
}

/**
 * A camera's log as it grows. It goes on until the signal ends it, so there is no time limit.
 * @param {string} camera @param {AbortSignal} signal
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
export async function logs(camera, signal) {
  const response = await fetch(path(camera, "logs?lines=500&follow=1"), { cache: "no-store", signal });
  if (response.ok && response.body) return response.body;
  const problem = await response.json().catch(() => null);
  throw new Error(problem?.detail || problem?.title || `HTTP ${response.status}`, { cause: response.status });
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
/** @param {object} body @returns {RequestInit} */
const sends = (body) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/**
 * Opens a source for its first picture.
 * @param {{source: string, user: string, password: string, tls_pin?: string}} wanted source: also HOST or HOST:PORT
 * @param {AbortSignal} signal
 * @returns {Promise<{picture: Blob, found: string, width: number, height: number}>} found: the source without secrets
 */
export async function test(wanted, signal) {
  const response = await call("api/v1/cameras/test", { ...sends(wanted), signal });
  const number = (/** @type {string} */ name) => Number(response.headers.get(name));
  return {
    picture: await response.blob(), found: response.headers.get("X-Source") ?? "",
    width: number("X-Width"), height: number("X-Height"),
  };
}

/** @param {object} camera @returns {Promise<import("./cameras.js").Info>} as it was added to the configuration */
export async function add(camera) {
  return (await call("api/v1/cameras", sends(camera))).json();
}

/** What a camera is given that does not say otherwise. @returns {Promise<{fps: number, quality: number}>} */
export async function defaults() {
  return (await (await call("api/v1/system")).json()).defaults;
}
