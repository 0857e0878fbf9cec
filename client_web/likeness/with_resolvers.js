/**
 * Promise.withResolvers, which browsers have had only since 2024.
 * @returns {PromiseWithResolvers<any>}
 */
export function withResolvers() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
