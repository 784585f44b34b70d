/** The order in which one user has put the cameras. */

/**
 * @template {{id: string}} T
 * @param {T[]} infos in the server's order
 * @param {string[]} order ids as the user has put them; some may be gone
 * @returns {T[]} those that the user has put somewhere as they were put; each of the others behind the one that the server has before it
 */
export function arrange(infos, order) {
  if (!order.length) return infos;
  const byId = new Map(infos.map((info) => [info.id, info]));
  const placed = order.flatMap((id) => byId.get(id) ?? []);
  const known = new Set(placed.map((info) => info.id));
  infos.forEach((info, i) => {
    if (known.has(info.id)) return;
    const before = i > 0 ? placed.indexOf(infos[i - 1]) : -1;
    placed.splice(before + 1, 0, info);
    known.add(info.id);
  });
  return placed;
}

/**
 * @param {string[]} ids
 * @param {string} id the one that moves
 * @param {string} to the one whose place it takes; those in between make room
 * @returns {string[]}
 */
export function move(ids, id, to) {
  const at = ids.indexOf(to);
  if (id === to || at < 0) return ids;
  const rest = ids.filter((other) => other !== id);
  rest.splice(at, 0, id);
  return rest;
}
