//! The JavaScript parts, `web/js`: the editor and the diagram, as handles.
//!
//! What crosses here are plain objects with the fields that `web/js/src/*/types.ts` names.

use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::Element;

// The path as it is in `dist/`: naming the bundle by its place in the tree would have
// wasm-bindgen copy it away from the chunks that it loads.
#[wasm_bindgen(raw_module = "../js/portcullis.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = createEditor)]
    pub async fn create_editor(parent: &Element, options: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = createGraph)]
    pub async fn create_graph(parent: &Element, options: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = keptNames)]
    pub async fn kept_names() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = keptWork)]
    pub async fn kept_work(id: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = keepWork)]
    pub async fn keep_work(kept: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = dropWork)]
    pub async fn drop_work(id: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = dropAll)]
    pub async fn drop_all() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = claimWork)]
    pub async fn claim_work(id: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = whenKept)]
    pub fn when_kept(heard: &js_sys::Function);
    #[wasm_bindgen(js_name = newId)]
    pub fn new_id() -> String;
    #[wasm_bindgen(catch)]
    pub async fn packed(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    pub async fn unpacked(letters: &str) -> Result<JsValue, JsValue>;
    pub async fn copied(text: &str) -> JsValue;
    pub fn saved(name: &str, text: &str);
    #[wasm_bindgen(js_name = diagramSvg)]
    pub fn diagram_svg() -> Option<String>;
}

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub type EditorHandle;
    #[wasm_bindgen(method, js_name = setFiles)]
    pub fn set_files(this: &EditorHandle, files: &JsValue, open: &str);
    #[wasm_bindgen(method, js_name = openFile)]
    pub fn open_file(this: &EditorHandle, file: &str);
    #[wasm_bindgen(method, js_name = renameFile)]
    pub fn rename_file(this: &EditorHandle, from: &str, to: &str);
    #[wasm_bindgen(method, js_name = setDiagnostics)]
    pub fn set_diagnostics(this: &EditorHandle, file: &str, diagnostics: &JsValue);
    #[wasm_bindgen(method)]
    pub fn recount(this: &EditorHandle);
    #[wasm_bindgen(method)]
    pub fn highlight(this: &EditorHandle, marks: &JsValue, options: &JsValue);
    #[wasm_bindgen(method, js_name = focusLine)]
    pub fn focus_line(this: &EditorHandle, line: u32, file: &str);
    #[wasm_bindgen(method, js_name = setLabels)]
    pub fn set_labels(this: &EditorHandle, labels: &JsValue);
    #[wasm_bindgen(method)]
    pub fn destroy(this: &EditorHandle);

    #[derive(Clone)]
    pub type GraphHandle;
    #[wasm_bindgen(method, js_name = setData)]
    pub fn set_data(this: &GraphHandle, data: &JsValue, options: &JsValue);
    #[wasm_bindgen(method)]
    pub fn select(this: &GraphHandle, ids: &JsValue);
    #[wasm_bindgen(method, js_name = setLabels)]
    pub fn set_labels(this: &GraphHandle, labels: &JsValue);
    #[wasm_bindgen(method)]
    pub fn fit(this: &GraphHandle);
    #[wasm_bindgen(method, js_name = zoomIn)]
    pub fn zoom_in(this: &GraphHandle);
    #[wasm_bindgen(method, js_name = zoomOut)]
    pub fn zoom_out(this: &GraphHandle);
    #[wasm_bindgen(method)]
    pub fn destroy(this: &GraphHandle);
}

/// The value as a plain object; `undefined` if it cannot be one.
pub fn object(value: &(impl Serialize + ?Sized)) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).unwrap_or_default()
}

/// Puts a value into an object.
pub fn put(object: &JsValue, key: &str, value: &JsValue) {
    // Fails only on what is no object.
    let _ = js_sys::Reflect::set(object, &key.into(), value);
}
