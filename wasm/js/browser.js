// The entry for browsers, bundlers and workers: nothing works before init() has resolved.
import load, { initSync as loadSync } from './engine.js';
import { loadFailed } from './error.js';

export * from './engine.js';
export { PortcullisError } from './error.js';

let loading;

export default function init(source) {
  // One download however many callers; a failed one may be tried again.
  loading ??= load({ module_or_path: source }).then(
    () => undefined,
    (error) => {
      loading = undefined;
      throw loadFailed(error);
    },
  );
  return loading;
}

export function initSync(source) {
  try {
    loadSync({ module: source });
  } catch (error) {
    throw loadFailed(error);
  }
  loading ??= Promise.resolve();
}
