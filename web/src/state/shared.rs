//! Work in the hash of an address, for somebody else to open. No server has it. What Secrets hold is
//! left out.

use std::rc::Rc;

use gloo::utils::window;
use js_sys::JSON;
use serde::{Deserialize, Serialize};

use super::kept::{Stored, read, stored};
use super::{File, Work};
use crate::js::{self, object};

const WORK: &str = "#work=";

/// Programs in which people share links cut longer ones, in letters.
const LONGEST: usize = 16_000;

/// The version of the engine that answers here.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize, Deserialize)]
struct Shared {
    /// The version of the engine that answered where the link was made.
    engine: String,
    work: Stored,
}

/// The address of some work.
pub enum Link {
    Whole(String),
    /// So many letters.
    TooLong(usize),
}

/// The address of the work; none if the browser cannot pack it.
pub async fn link(work: &Work) -> Option<Link> {
    let shared = Shared { engine: VERSION.to_owned(), work: stored(work).0 };
    let text = JSON::stringify(&object(&shared)).ok()?;
    let packed = js::packed(&String::from(text)).await.ok()?.as_string()?;
    let location = window().location();
    let (origin, path) = (location.origin().ok()?, location.pathname().ok()?);
    let link = format!("{origin}{path}{WORK}{packed}");
    Some(if link.len() > LONGEST { Link::TooLong(link.len()) } else { Link::Whole(link) })
}

/// What an address has.
pub enum Opened {
    Work {
        work: Box<Work>,
        /// The version of the engine with which it was shared, if that is another one.
        other: Option<String>,
    },
    /// It cannot be read: somebody cut or changed it.
    Damaged,
}

/// Whether this page's address has work in it.
pub fn is_there() -> bool {
    window().location().hash().is_ok_and(|hash| hash.starts_with(WORK))
}

/// What this page's address has; none if it is no link of this kind.
pub async fn of_hash() -> Option<Opened> {
    let hash = window().location().hash().ok()?;
    let letters = hash.strip_prefix(WORK)?;
    Some(unpack(letters).await.unwrap_or(Opened::Damaged))
}

/// Gives files names as the page itself would: none empty, none twice. Anybody may write a link.
fn name_files(work: &mut Work) {
    for file in std::mem::take(&mut work.files) {
        let name = if file.name.trim().is_empty() { "manifests.yaml" } else { &file.name };
        let name = work.free_name(name).into();
        work.files.push(File { name, ..file });
    }
    if work.file(&work.open).is_none() {
        work.open = work.files.first().map(|file| Rc::clone(&file.name)).unwrap_or_default();
    }
}

async fn unpack(letters: &str) -> Option<Opened> {
    let text = js::unpacked(letters).await.ok()?.as_string()?;
    let shared: Shared = serde_wasm_bindgen::from_value(JSON::parse(&text).ok()?).ok()?;
    let mut work = read(shared.work)?;
    // It is whoever opens it that owns it now: no example as it came.
    work.example = None;
    name_files(&mut work);
    let other = Some(shared.engine).filter(|engine| engine != VERSION);
    Some(Opened::Work { work: Box::new(work), other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_link_have_names_of_their_own() {
        let file = |name: &str| File { name: name.into(), text: "a: 1".into() };
        let files = ["a.yaml", "a.yaml", " ", ""].map(file).into();
        let mut work = Work { files, open: "".into(), ..Work::empty() };
        name_files(&mut work);
        let names: Vec<&str> = work.files.iter().map(|file| &*file.name).collect();
        assert_eq!(names, ["a.yaml", "a-2.yaml", "manifests.yaml", "manifests-2.yaml"]);
        assert_eq!(&*work.open, "a.yaml");
    }
}
