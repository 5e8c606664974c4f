//! Small things that the browser keeps: language, theme, widths, and, for a tab, what is shown.
//! Nothing here leaves the browser.

use std::collections::BTreeSet;
use std::rc::Rc;

use gloo::storage::{LocalStorage, SessionStorage, Storage};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use super::{Pane, State, Tab, Theme, View};
use crate::text::Language;

const LANGUAGE: &str = "portcullis.language";
/// Read by `web/js/src/boot.ts` too, before anything is painted.
const THEME: &str = "portcullis.theme";
const SOLVED: &str = "portcullis.solved";
const SEEN: &str = "portcullis.seen";
const CURRENT: &str = "portcullis.current";
/// Where manifests were kept before they were sets.
const FORMER_WORK: &str = "portcullis.work";
const WIDTH: &str = "portcullis.width";

/// The language and the theme of the last visit.
pub fn load() -> (Option<Language>, Theme) {
    let theme = match get(THEME).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    };
    (get(LANGUAGE).and_then(|tag| Language::of_tag(&tag)), theme)
}

pub fn save_language(language: Language) {
    put(LANGUAGE, language.tag());
}

pub fn save_theme(theme: Theme) {
    match theme {
        Theme::System => remove(THEME),
        Theme::Light => put(THEME, "light"),
        Theme::Dark => put(THEME, "dark"),
    }
}

/// Examples of which the goal has been reached, by id.
pub fn solved() -> BTreeSet<Rc<str>> {
    let known = get(SOLVED).unwrap_or_default();
    known.split(',').filter(|id| !id.is_empty()).map(Rc::from).collect()
}

/// Adds to what is known: another tab may have solved others.
pub fn save_solved(own: &BTreeSet<Rc<str>>) {
    if !own.is_empty() {
        let all = solved();
        let ids: Vec<&str> = all.union(own).map(|id| &**id).collect();
        put(SOLVED, &ids.join(","));
    }
}

/// What of the page is shown in this tab; it is the same after a reload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    view: View,
    tab: Tab,
    pane: Pane,
    filter: String,
    lesson: bool,
}

impl Seen {
    pub fn of(state: &State) -> Self {
        Self {
            view: state.view,
            tab: state.tab,
            pane: state.pane,
            filter: state.filter.to_string(),
            lesson: state.lesson,
        }
    }

    /// What was shown before the page was loaded again.
    pub fn load() -> Option<Self> {
        let text = session()?.get_item(SEEN).ok()??;
        serde_wasm_bindgen::from_value(js_sys::JSON::parse(&text).ok()?).ok()
    }

    pub fn show(self, state: &mut State) {
        (state.view, state.tab, state.pane) = (self.view, self.tab, self.pane);
        state.filter = self.filter.into();
        state.lesson = self.lesson && state.work.example.is_some();
    }
}

pub fn save_seen(seen: &Seen) {
    let text = serde_wasm_bindgen::to_value(seen).ok();
    let text = text.and_then(|value| js_sys::JSON::stringify(&value).ok());
    if let Some((session, text)) = session().zip(text.and_then(|text| text.as_string())) {
        // Fails only where there is no room, and then less is remembered.
        let _ = session.set_item(SEEN, &text);
    }
}

/// The set that this tab works on.
pub fn current() -> Option<String> {
    session()?.get_item(CURRENT).ok()?
}

pub fn save_current(id: Option<&str>) {
    let Some(session) = session() else {
        return;
    };
    let _ = match id {
        Some(id) => session.set_item(CURRENT, id),
        None => session.remove_item(CURRENT),
    };
}

/// How wide a pane was made.
pub fn width(pane: &str) -> Option<i32> {
    get(&format!("{WIDTH}{pane}"))?.parse().ok()
}

pub fn save_width(pane: &str, width: i32) {
    put(&format!("{WIDTH}{pane}"), &width.to_string());
}

/// Takes out what an earlier version of the page kept.
pub fn take_former_work() -> Option<String> {
    let text = get(FORMER_WORK)?;
    remove(FORMER_WORK);
    Some(text)
}

/// Forgets everything that is kept here.
pub fn forget() {
    for storage in [local(), session()].into_iter().flatten() {
        let keys = (0..storage.length().unwrap_or(0)).filter_map(|i| storage.key(i).ok()?);
        let own: Vec<String> = keys.filter(|key| key.starts_with("portcullis.")).collect();
        own.iter().for_each(|key| drop(storage.remove_item(key)));
    }
}

/// None where the user forbids storage: asking for it throws there, and so does `LocalStorage`.
fn local() -> Option<web_sys::Storage> {
    is_there("localStorage").then(LocalStorage::raw)
}

fn session() -> Option<web_sys::Storage> {
    is_there("sessionStorage").then(SessionStorage::raw)
}

fn is_there(name: &str) -> bool {
    let window: Option<JsValue> = web_sys::window().map(Into::into);
    let there = window.and_then(|window| js_sys::Reflect::get(&window, &name.into()).ok());
    there.is_some_and(|there| there.is_object())
}

fn get(key: &str) -> Option<String> {
    local()?.get_item(key).ok()?
}

fn put(key: &str, value: &str) {
    if let Some(storage) = local() {
        // Fails only where there is no room, and then less is remembered.
        let _ = storage.set_item(key, value);
    }
}

fn remove(key: &str) {
    if let Some(storage) = local() {
        let _ = storage.remove_item(key);
    }
}
