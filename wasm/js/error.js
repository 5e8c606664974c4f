// The package's errors, and how whatever else may come out of WebAssembly becomes one of them.

/** Every error that the package throws. */
export class PortcullisError extends Error {
  constructor(code, message, argument, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    if (argument !== undefined) this.argument = argument;
  }
}
// On the prototype, as JavaScript's own errors have it.
Object.defineProperty(PortcullisError.prototype, 'name', { value: 'PortcullisError' });

/** What a value is, in a word: `null`, `string`, `Array`, `Map`. Never throws, unlike `instanceof`. */
export function kindOf(value) {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  try {
    return Object.prototype.toString.call(value).slice(8, -1);
  } catch {
    return 'proxy that throws';
  }
}

const typedArrayKind = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

/** Whether a value is a Uint8Array, of whatever realm; `instanceof` fails for those of a test runner or a frame. */
export function isBytes(value) {
  return typedArrayKind.call(value) === 'Uint8Array';
}

let panic;

/** Keeps what a panic says: the trap that follows it says nothing. */
export function panicked(message) {
  panic = message;
}

/**
 * The exports of an instance, such that only a PortcullisError is ever thrown out of them;
 * `distrust` is called when the state of the instance is unknown.
 */
export function guarded(exports, distrust) {
  const guard = ([name, value]) => [name, typeof value === 'function' ? guardedCall(value, distrust) : value];
  return Object.fromEntries(Object.entries(exports).map(guard));
}

function guardedCall(call, distrust) {
  return (...values) => {
    try {
      return call(...values);
    } catch (error) {
      throw translated(error, distrust);
    }
  };
}

function translated(error, distrust) {
  if (error instanceof PortcullisError) return error;
  // wasm-bindgen's words for a pointer that `free` has taken away.
  if (error instanceof Error && error.message === 'null pointer passed to rust') return released();
  distrust();
  const what = panic ?? String(error);
  panic = undefined;
  return new PortcullisError('internal', `the engine has failed, please report it: ${what}`, undefined, error);
}

/** For a model that was freed, or lost with the instance that had it. */
export function released() {
  return new PortcullisError('released', 'the model is gone: create a new one');
}

/** For calls before the engine is there. */
export function notLoaded() {
  return new PortcullisError('load', 'the engine is not loaded yet: await `init()` first');
}

/** For a file that is not the engine, or cannot be loaded. */
export function loadFailed(cause) {
  return new PortcullisError('load', `the engine could not be loaded: ${cause?.message ?? cause}`, undefined, cause);
}
