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

/** @param {object} body @returns {RequestInit} */
const sends = (body) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/**
 * Opens a source for its first picture.
 * @param {{source: string, user: string, password: string}} wanted source: also HOST or HOST:PORT
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
