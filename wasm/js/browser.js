// The entry for browsers, bundlers and workers: nothing works before init() has resolved.
import load, { initSync as loadSync } from './engine.js';

export * from './engine.js';

let loading;

export default function init(source) {
  // One download however many callers; a failed one may be tried again.
  loading ??= load({ module_or_path: source }).then(
    () => undefined,
    (error) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

export function initSync(source) {
  loadSync({ module: source });
  loading ??= Promise.resolve();
}
