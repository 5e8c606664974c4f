//! The user's own manifests, as sets that the browser keeps for good: each with a name and the time
//! of its last change. What Secrets hold is not kept.

use std::collections::BTreeSet;
use std::rc::Rc;

use portcullis_engine::report::Protocol;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use super::secrets::without_secrets;
use super::storage;
use super::{File, FlowForm, Theme, Work};
use crate::examples::{self, Example};
use crate::js::{self, object};
use crate::text::Language;
use crate::worker::Assume;

/// A set as menus name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetName {
    pub id: String,
    pub name: String,
    /// In milliseconds, as browsers count.
    pub time: f64,
    pub files: u32,
}

/// Work as it is written.
#[derive(Serialize, Deserialize)]
pub struct Stored {
    files: Vec<(String, String)>,
    open: String,
    example: Option<String>,
    flow: (String, String, String, Protocol),
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    assume: Assume,
}

#[derive(Serialize)]
struct Record {
    #[serde(flatten)]
    name: SetName,
    work: Stored,
}

/// What the page begins with.
pub struct Opening {
    pub work: Option<Work>,
    pub sets: Vec<SetName>,
    /// Examples of which the goal has been reached, by id.
    pub solved: BTreeSet<Rc<str>>,
    pub language: Option<Language>,
    pub theme: Theme,
}

/// What this tab had before it was loaded again, or else what was there at the last visit; for an
/// address that names an example, only what began as that. What another tab works on stays there.
pub async fn first(named: Option<&Example>, is_other: bool) -> Opening {
    let (language, theme) = storage::load();
    keep_former_work().await;
    let sets = names().await;
    let current = storage::current();
    let last = sets.first().map(|set| set.id.clone()).filter(|_| !is_other);
    let work = match (current, named, last) {
        (Some(id), ..) => open(&id).await,
        (None, None, Some(id)) => if_free(&id).await,
        (None, ..) => None,
    };
    let fits = |work: &Work| named.is_none_or(|example| work.example == Some(example.id));
    Opening { work: work.filter(fits), sets, solved: storage::solved(), language, theme }
}

/// A set, unless another tab works on it.
async fn if_free(id: &str) -> Option<Work> {
    if claim(id).await { load(id).await } else { None }
}

/// A set, as this tab's own. Of one that another tab works on it is a copy.
pub async fn open(id: &str) -> Option<Work> {
    let held = claim(id).await;
    let mut work = load(id).await?;
    if !held {
        work.name = Some(format!("{} (2)", work.title()).into());
        work.id = None;
    }
    Some(work)
}

async fn claim(id: &str) -> bool {
    js::claim_work(id).await.ok().and_then(|held| held.as_bool()).unwrap_or(true)
}

async fn load(id: &str) -> Option<Work> {
    let value = js::kept_work(id).await.ok()?;
    let mut work = read(serde_wasm_bindgen::from_value(value).ok()?)?;
    work.id = Some(id.into());
    Some(work)
}

/// The work that was written; none if it has no file.
pub fn read(stored: Stored) -> Option<Work> {
    let (from, to, port, protocol) = stored.flow;
    let file = |(name, text): (String, String)| File { name: name.into(), text: text.into() };
    let files: Vec<File> = stored.files.into_iter().map(file).collect();
    let first = files.first().map(|file| Rc::clone(&file.name))?;
    let open: Rc<str> = stored.open.into();
    let known = files.iter().any(|file| file.name == open);
    Some(Work {
        id: None,
        name: stored.name.map(Into::into),
        files,
        open: if known { open } else { first },
        example: stored.example.and_then(|id| examples::find(&id)).map(|example| example.id),
        flow: FlowForm { from, to, port, protocol },
        assume: stored.assume,
    })
}

/// What was written, where it was.
pub enum Written {
    /// Whether something was left out: what Secrets hold.
    Kept { without_secrets: bool },
    /// The browser has no room, or keeps nothing.
    Refused,
}

/// The work as it is written, and whether something was left out: what Secrets hold.
pub fn stored(work: &Work) -> (Stored, bool) {
    let mut is_cut = false;
    let files = work.files.iter().map(|file| {
        let text = without_secrets(&file.text);
        is_cut |= matches!(text, std::borrow::Cow::Owned(_));
        (file.name.to_string(), text.into_owned())
    });
    let FlowForm { from, to, port, protocol } = work.flow.clone();
    let stored = Stored {
        files: files.collect(),
        open: work.open.to_string(),
        example: work.example.map(str::to_owned),
        flow: (from, to, port, protocol),
        name: work.name.as_deref().map(str::to_owned),
        assume: work.assume.clone(),
    };
    (stored, is_cut)
}

/// Keeps the work under its id.
pub async fn keep(work: &Work) -> Written {
    let Some(id) = &work.id else {
        return Written::Refused;
    };
    let (stored, is_cut) = stored(work);
    let name = SetName {
        id: id.to_string(),
        name: title(work),
        time: js_sys::Date::now(),
        files: u32::try_from(work.files.len()).unwrap_or(u32::MAX),
    };
    match js::keep_work(&object(&Record { name, work: stored })).await {
        Ok(_) => Written::Kept { without_secrets: is_cut },
        Err(_) => Written::Refused,
    }
}

/// The name of a set: what began as an example is called after that.
fn title(work: &Work) -> String {
    let example = work.example.and_then(examples::find).filter(|_| work.name.is_none());
    example.map_or_else(
        || work.title(),
        |example| {
            let [english, _] = example.title;
            english.to_owned()
        },
    )
}

/// Names of all sets, the newest first.
pub async fn names() -> Vec<SetName> {
    let names = js::kept_names().await.ok();
    names.and_then(|names| serde_wasm_bindgen::from_value(names).ok()).unwrap_or_default()
}

/// Gives a set that is not open here another name.
pub async fn rename(id: &str, name: &str) {
    if let Some(mut work) = load(id).await {
        work.name = Some(name.into());
        keep(&work).await;
    }
}

/// Deletes a set, and returns it.
pub async fn remove(id: &str) -> Option<Work> {
    let work = load(id).await;
    js::drop_work(id).await.ok()?;
    work
}

/// Keeps a set again that was deleted.
pub async fn keep_removed(work: &Work) {
    keep(work).await;
}

pub fn new_id() -> Rc<str> {
    js::new_id().into()
}

/// The set that this tab has, so that it has it again after a reload; for no other tab to write to.
pub async fn remember(id: Option<Rc<str>>) {
    storage::save_current(id.as_deref());
    if let Some(id) = id {
        claim(&id).await;
    }
}

/// Forgets all sets, and all else that the browser keeps of this page.
pub async fn forget() {
    // What cannot be deleted was never kept.
    let _ = js::drop_all().await;
    storage::forget();
}

/// What an earlier version of the page kept becomes a set.
async fn keep_former_work() {
    let former = storage::take_former_work().and_then(|text| js_sys::JSON::parse(&text).ok());
    let stored = former.and_then(|value: JsValue| serde_wasm_bindgen::from_value(value).ok());
    if let Some(mut work) = stored.and_then(read) {
        work.id = Some(new_id());
        keep(&work).await;
    }
}
