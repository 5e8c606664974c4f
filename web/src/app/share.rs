//! What leads others to what is here: a link that has the manifests in it, and files.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::icons::{Icon, SHARE};
use crate::examples::close;
use crate::js;
use crate::names;
use crate::state::links::{Link, Opened, VERSION, link};
use crate::state::{Action, Store, Toast, Work, use_store};
use crate::text::{Text, fill};
use crate::worker::{Asked, Client, Form};

/// Forms of the list of connections, with the name of the file.
const FORMS: [(Form, &str); 4] = [
    (Form::Csv, "connections.csv"),
    (Form::Markdown, "connections.md"),
    (Form::Mermaid, "connections.mmd"),
    (Form::Dot, "connections.dot"),
];

#[component]
pub fn ShareMenu() -> Html {
    let store = use_store();
    let asked = use_context::<Asked>();
    let text = store.text();
    if store.is_empty() {
        return html! {};
    }
    let copy = |as_markdown: bool| {
        let store = store.clone();
        move |event: MouseEvent| {
            close(&event);
            spawn_local(copy_link(store.clone(), as_markdown));
        }
    };
    let save = {
        let store = store.clone();
        move |event: MouseEvent| {
            close(&event);
            js::saved("manifests.yaml", &joined(&store.work));
        }
    };
    let picture = {
        let store = store.clone();
        move |event: MouseEvent| {
            close(&event);
            match js::diagram_svg() {
                Some(svg) => js::saved("diagram.svg", &svg),
                None => say(&store, store.text().no_diagram),
            }
        }
    };
    let form = |(form, file): (Form, &'static str)| {
        let client = asked.as_ref().map(|asked| Rc::clone(&asked.0));
        let store = store.clone();
        let onclick = move |event: MouseEvent| {
            close(&event);
            spawn_local(save_list(store.clone(), client.clone(), (form, file)));
        };
        let name = match form {
            Form::Csv => text.save_csv,
            Form::Markdown => text.save_markdown,
            Form::Mermaid => text.save_mermaid,
            Form::Dot => text.save_dot,
        };
        html! { <button class="menu-item" {onclick}>{ name }</button> }
    };
    html! {
        <details class="menu share-menu">
            <summary class="btn" aria-label={text.share}><Icon path={SHARE} /><span class="is-wide-only">{ text.share }</span></summary>
            <div class="menu-panel is-end">
                <button class="menu-item" onclick={copy(false)}>{ text.copy_link }<span class="menu-note">{ text.copy_link_note }</span></button>
                <button class="menu-item" onclick={copy(true)}>{ text.copy_markdown }</button>
                <div class="menu-title">{ text.save_as }</div>
                <button class="menu-item" onclick={save}>{ text.save_manifests }</button>
                { for FORMS.map(form) }
                <button class="menu-item" onclick={picture}>{ text.save_svg }</button>
            </div>
        </details>
    }
}

fn say(store: &Store, message: &str) {
    store.dispatch(Action::Say(Some(Toast::Say(message.to_owned()))));
}

async fn copy_link(store: Store, as_markdown: bool) {
    let text = store.text();
    let message = match link(&store.work).await {
        Some(Link::Whole(link)) => {
            let link = if as_markdown { markdown(&store.work.title(), &link) } else { link };
            let is_copied = js::copied(&link).await.is_truthy();
            if is_copied { text.link_copied } else { text.not_copied }.to_owned()
        }
        Some(Link::TooLong(letters)) => fill(text.too_long_link, &[("n", &letters.to_string())]),
        None => text.no_link.to_owned(),
    };
    say(&store, &message);
}

/// A link of Markdown; what would end its words does not.
fn markdown(title: &str, link: &str) -> String {
    let title = title.replace(['[', ']', '\\', '`', '<', '\n'], " ");
    format!("[{}]({link})", title.trim())
}

async fn save_list(store: Store, client: Option<Rc<Client>>, (form, file): (Form, &'static str)) {
    let list = match client {
        Some(client) => client.list(form).await,
        None => None,
    };
    match list {
        Some(list) => {
            js::saved(file, &list);
            if let Some(lacks) = lacking(&store) {
                say(&store, &lacks);
            }
        }
        None => say(&store, store.text().not_saved),
    }
}

/// What a list of connections does not say, if there is such a thing: it has what is certain alone.
fn lacking(store: &Store) -> Option<String> {
    let text = store.text();
    if let Some(place) = names::left_unread(store) {
        return Some(fill(text.saved_without, &[("place", &place)]));
    }
    let is_open = store.scene.as_ref().is_some_and(|scene| !scene.notes.is_empty());
    is_open.then(|| text.saved_certain.to_owned())
}

/// All files as one, each with its name in a comment where there are several.
fn joined(work: &Work) -> String {
    let [file] = work.files.as_slice() else {
        let part = |file: &crate::state::File| {
            let end = if file.text.ends_with('\n') { "" } else { "\n" };
            // A name must not begin a line of its own.
            let name = file.name.replace(char::is_control, " ");
            format!("---\n# {name}\n{}{end}", file.text)
        };
        return work.files.iter().map(part).collect();
    };
    file.text.to_string()
}

/// What is said of a link that was opened.
pub fn opened(opened: &Opened, text: &Text) -> Toast {
    Toast::Say(match opened {
        Opened::Work { other: None, .. } => text.link_opened.to_owned(),
        Opened::Work { other: Some(other), .. } => {
            fill(text.link_of_other, &[("version", other), ("own", VERSION)])
        }
        Opened::Damaged => text.link_damaged.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::File;

    #[test]
    fn a_title_does_not_end_the_words_of_a_link() {
        assert_eq!(markdown("a](b) [c", "https://x/#work=y"), "[a (b)  c](https://x/#work=y)");
    }

    #[test]
    fn files_are_joined_as_documents() {
        let file = |name: &str, text: &str| File { name: name.into(), text: text.into() };
        let mut work = Work { files: vec![file("a.yaml", "a: 1")], ..Work::empty() };
        assert_eq!(joined(&work), "a: 1");
        work.files.push(file("b\nkind: x", "b: 1\n"));
        assert_eq!(joined(&work), "---\n# a.yaml\na: 1\n---\n# b kind: x\nb: 1\n");
    }
}
