//! Files that are dropped onto the editor.

use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::prelude::*;

use crate::state::{Action, File, State, Toast};
use crate::text::{Text, fill};

/// Larger ones would only fill the memory.
const LARGEST: f64 = 32e6;

pub fn has_files(event: &DragEvent) -> bool {
    let types = event.data_transfer().map(|data| data.types()).unwrap_or_default();
    types.iter().any(|kind| kind.as_string().as_deref() == Some("Files"))
}

/// Adds the dropped files once they are read.
pub fn read(event: &DragEvent, dispatch: UseReducerDispatcher<State>, text: &'static Text) {
    let files = event.data_transfer().and_then(|data| data.files());
    let Some(files) = files else {
        return;
    };
    let files: Vec<web_sys::File> = (0..files.length()).filter_map(|i| files.get(i)).collect();
    spawn_local(async move {
        let mut read = Vec::new();
        for file in files {
            match content(&file, text).await {
                Ok(text) => read.push(File { name: file.name().into(), text: text.into() }),
                Err(message) => dispatch.dispatch(Action::Say(Some(Toast::Say(message)))),
            }
        }
        if !read.is_empty() {
            dispatch.dispatch(Action::Add(read));
        }
    });
}

async fn content(file: &web_sys::File, text: &'static Text) -> Result<String, String> {
    let name = file.name();
    let refuse = |pattern| fill(pattern, &[("name", &name)]);
    if file.size() > LARGEST {
        return Err(refuse(text.too_large));
    }
    let content = JsFuture::from(file.text()).await.ok().and_then(|value| value.as_string());
    content.filter(|content| !content.contains('\0')).ok_or_else(|| refuse(text.not_text))
}
