/**
 * The few HTTP calls that the page makes. Each throws an Error: a Refusal with the server's own sentence for the user, or, where the
 * server does not answer, the browser's TypeError or TimeoutError.
 */

/** Event "login": the server has answered that somebody has to log in first. */
export const refusals = new EventTarget();

/** The server does not do it. cause is the HTTP status. */
export class Refusal extends Error {
  /** @param {number} status @param {any} problem RFC 9457, null where something else answered @param {string|null} retry after so many seconds */
  constructor(status, problem, retry) {
    super(problem?.detail || problem?.title || `HTTP ${status}`, { cause: status });
    this.code = String(problem?.code ?? "");
    this.seconds = Number(retry) || 0;
  }
}

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
  throw await refusal(response);
}

/** @param {Response} response with a bad status */
async function refusal(response) {
  const problem = await response.json().catch(() => null); // unless a proxy answered
  const refused = new Refusal(response.status, problem, response.headers.get("Retry-After"));
  if (refused.code === "login_required") refusals.dispatchEvent(new Event("login"));
  return refused;
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
  throw await refusal(response);
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

/**
 * @typedef {object} Found a camera of the network; all texts are its own
 * @property {string} [name]
 * @property {string} [hardware]
 * @property {string} [location]
 * @property {string} address IP
 * @property {string} source without user name and password
 * @property {string} [camera] id of the configuration, where it is there already
 */

/** Searches the network of the server. @param {AbortSignal} signal @returns {Promise<Found[]>} */
export async function discover(signal) {
  return list(await call("api/v1/cameras/discover", { method: "POST", signal }));
}

/** @param {object} camera @returns {Promise<import("./cameras.js").Info>} as it was added to the configuration */
export async function add(camera) {
  return (await call("api/v1/cameras", sends(camera))).json();
}

/** What a camera is given that does not say otherwise. @returns {Promise<{fps: number, quality: number}>} */
export async function defaults() {
  return (await (await call("api/v1/system")).json()).defaults;
}

/**
 * Who this page is for. It renews the login.
 * @returns {Promise<import("./session.js").Info>}
 */
export async function session() {
  try {
    return await (await call("api/v1/session")).json();
  } catch (error) {
    // Somebody whom a proxy knows and this server does not is no reason to ask again and again.
    if (/** @type {Refusal} */ (error).code === "forbidden") return { required: true, refused: /** @type {Error} */ (error).message };
    throw error;
  }
}

/** @param {string} name @param {string} password */
export async function login(name, password) {
  await call("api/v1/session", sends({ name, password }));
}

export async function logout() {
  await call("api/v1/session", { method: "DELETE" });
}

/**
 * @typedef {object} Token for programs
 * @property {string} id
 * @property {string} name what it is for
 * @property {string} role
 * @property {string[]} [cameras] that it is limited to
 * @property {string[]} [groups] whose cameras it is limited to
 * @property {string} created RFC 3339
 * @property {string} [by] who made it
 * @property {string} [expires] RFC 3339; not there: never
 */

/** @returns {Promise<Token[]>} the oldest first */
export async function tokens() {
  return list(await call("api/v1/tokens"));
}

/** @param {object} token name, role, cameras, groups, expires @returns {Promise<Token & {secret: string}>} secret: told this once */
export async function makeToken(token) {
  return (await call("api/v1/tokens", sends(token))).json();
}

/** One that is not there any more counts as revoked. @param {string} id */
export async function revokeToken(id) {
  try {
    await call(`api/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
  } catch (error) {
    if (/** @type {Refusal} */ (error).code !== "unknown_token") throw error;
  }
}

/**
 * @typedef {object} Deed what somebody has done, or tried to do
 * @property {string} time RFC 3339
 * @property {string} [who]
 * @property {string} [via] how that was proved
 * @property {string} [from] address
 * @property {string} action
 * @property {string} [target] camera, room or token
 * @property {string} outcome ok, or why it was not done
 */

/** @param {number} lines at most @returns {Promise<Deed[]>} the newest last */
export async function audit(lines) {
  return list(await call(`api/v1/audit?lines=${lines}`));
}

/**
 * Addresses of a camera's pictures that are good for a while without a login.
 * @param {string} camera @param {number} seconds
 * @returns {Promise<{snapshot: string, stream: string, expires: string}>} relative to the page
 */
export async function link(camera, seconds) {
  return (await call(path(camera, "link"), sends({ seconds }))).json();
}
