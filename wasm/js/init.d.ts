
/** A `WebAssembly.Module`, where the types in use know of such: Node's alone do not. */
export type CompiledModule = typeof globalThis extends {
  WebAssembly: { Module: new (...parts: never[]) => infer Module };
}
  ? Module
  : never;

/** Where the engine's WebAssembly is: a URL to load it from, or what was loaded. */
export type InitSource = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | CompiledModule;

/**
 * Loads the engine. In browsers, await it once before anything else; without a source it loads
 * `engine_bg.wasm` from the folder of the module. In Node it does nothing: the engine is there on import.
 */
export default function init(source?: InitSource | Promise<InitSource>): Promise<void>;

/** Loads the engine from bytes or a compiled module that the caller has; does nothing in Node. */
export function initSync(source: ArrayBuffer | ArrayBufferView | CompiledModule): void;
