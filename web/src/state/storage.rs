//! What the browser keeps: the work, the language, the theme. Nothing here leaves the browser.

use std::rc::Rc;

use gloo::storage::{LocalStorage, Storage};
use portcullis_engine::report::Protocol;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use super::{File, FlowForm, Theme, Work};
use crate::examples;
use crate::text::Language;

const WORK: &str = "portcullis.work";
const LANGUAGE: &str = "portcullis.language";
/// Read by `web/js/src/boot.ts` too, before anything is painted.
const THEME: &str = "portcullis.theme";

#[derive(Serialize, Deserialize)]
struct Stored {
    files: Vec<(String, String)>,
    open: String,
    example: Option<String>,
    flow: (String, String, String, Protocol),
}

/// The work, the language and the theme of the last visit.
pub fn load() -> (Option<Work>, Option<Language>, Theme) {
    let theme = match get(THEME).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    };
    let language = get(LANGUAGE).and_then(|tag| Language::of_tag(&tag));
    (get(WORK).and_then(|text| read(&text)), language, theme)
}

fn read(text: &str) -> Option<Work> {
    let value = js_sys::JSON::parse(text).ok()?;
    let stored: Stored = serde_wasm_bindgen::from_value(value).ok()?;
    let (from, to, port, protocol) = stored.flow;
    let file = |(name, text): (String, String)| File { name: name.into(), text: text.into() };
    let files: Vec<File> = stored.files.into_iter().map(file).collect();
    let first = files.first().map(|file| Rc::clone(&file.name))?;
    let open: Rc<str> = stored.open.into();
    let known = files.iter().any(|file| file.name == open);
    Some(Work {
        files,
        open: if known { open } else { first },
        example: stored.example.and_then(|id| examples::find(&id)).map(|example| example.id),
        flow: FlowForm { from, to, port, protocol },
    })
}

/// Keeps the work. False if the browser has no room for it, or keeps nothing.
pub fn save(work: &Work) -> bool {
    let files = work.files.iter().map(|file| (file.name.to_string(), file.text.to_string()));
    let FlowForm { from, to, port, protocol } = work.flow.clone();
    let stored = Stored {
        files: files.collect(),
        open: work.open.to_string(),
        example: work.example.map(str::to_owned),
        flow: (from, to, port, protocol),
    };
    let text = serde_wasm_bindgen::to_value(&stored).ok();
    let text = text.and_then(|value| js_sys::JSON::stringify(&value).ok());
    text.and_then(|text| text.as_string()).is_some_and(|text| put(WORK, &text))
}

pub fn save_language(language: Language) {
    put(LANGUAGE, language.tag());
}

pub fn save_theme(theme: Theme) {
    match theme {
        Theme::System => {
            if let Some(storage) = storage() {
                let _ = storage.remove_item(THEME);
            }
        }
        Theme::Light => drop(put(THEME, "light")),
        Theme::Dark => drop(put(THEME, "dark")),
    }
}

/// None where the user forbids storage: asking for it throws there, and so does `LocalStorage`.
fn storage() -> Option<web_sys::Storage> {
    let window: JsValue = web_sys::window()?.into();
    let there = js_sys::Reflect::get(&window, &"localStorage".into()).ok()?;
    there.is_object().then(LocalStorage::raw)
}

fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

fn put(key: &str, value: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(key, value).is_ok())
}
