//! The playground: a page that shows who can reach whom, and a worker that finds it out.
//!
//! One WebAssembly module for both. The page compiles it and hands it to the worker, in which it
//! finds no window and so answers questions instead of drawing. All knowledge of policies is the
//! engine's and stays in the worker; the page shows reports.

mod app;
mod diagram;
mod editor;
mod evidence;
mod examples;
mod flow_bar;
mod inspector;
mod js;
mod list;
mod matrix;
mod names;
mod state;
mod text;
mod worker;

use wasm_bindgen::prelude::wasm_bindgen;

/// Draws the page, or, in the worker, waits for questions.
#[wasm_bindgen(start)]
pub fn start() {
    if web_sys::window().is_some() {
        // What is kept is read before anything is drawn: so nothing that is drawn takes its place.
        wasm_bindgen_futures::spawn_local(app::begin());
    } else {
        worker::serve();
    }
}
