/** Starts the page, and anew where a part of it did not come: at a wall nobody may be there to reload it. */
const AGAIN_MS = 5000;

import("./main.js").catch((error) => {
  if (error instanceof TypeError) setTimeout(() => location.reload(), AGAIN_MS); // it could not be fetched
  throw error;
});
