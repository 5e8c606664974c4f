//! JavaScript bindings of the engine: convert, call, convert.

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of the engine, as in the package's `package.json`.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
