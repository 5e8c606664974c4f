//! Holds the JavaScript editor and keeps it in step with the state.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{Function, Promise};
use portcullis_engine::report::DiagnosticReport;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::Element;
use yew::prelude::*;

use super::marks::marks;
use crate::js::{self, EditorHandle, object, put};
use crate::state::{Action, File, State, Store, use_store};
use crate::text::{EDITOR_PHRASES, Language};
use crate::worker::Asked;
use crate::worker::ask::Ask;
use crate::worker::message::Findings;

/// The editor with the functions that it calls, which must live as long as it does.
struct Editor {
    handle: EditorHandle,
    /// The number of the set of files that it has.
    files: Cell<u32>,
    _typed: Closure<dyn Fn(String, String)>,
    _moved: Closure<dyn Fn(String, u32)>,
    _asked: Closure<dyn Fn(String, JsValue) -> Promise>,
    _gone: Closure<dyn Fn(String, u32)>,
}

impl Drop for Editor {
    fn drop(&mut self) {
        self.handle.destroy();
    }
}

type Held = Option<Rc<Editor>>;

#[component]
pub fn Host() -> Html {
    let store = use_store();
    let parent = use_node_ref();
    let editor = use_state(|| None::<Rc<Editor>>);
    let asked = use_context::<Asked>();
    {
        let (parent, editor, dispatch) = (parent.clone(), editor.setter(), store.dispatcher());
        let state = (*store).clone();
        use_effect_with((), move |()| {
            if let Some(parent) = parent.cast::<Element>() {
                wasm_bindgen_futures::spawn_local(async move {
                    editor.set(create(parent, dispatch, asked, &state).await.map(Rc::new));
                });
            }
        });
    }
    use_files(&store, &editor);
    use_findings(&store, &editor);
    use_marks(&store, &editor);
    html! { <div class="editor-host" ref={parent} /> }
}

async fn create(
    parent: Element,
    dispatch: UseReducerDispatcher<State>,
    asked: Option<Asked>,
    state: &State,
) -> Option<Editor> {
    let (other, visitor) = (dispatch.clone(), dispatch.clone());
    let typed = Closure::<dyn Fn(String, String)>::new(move |file: String, text: String| {
        dispatch.dispatch(Action::Typed(file.into(), text.into()));
    });
    let moved = Closure::<dyn Fn(String, u32)>::new(move |file: String, line| {
        other.dispatch(Action::PickLine(file.into(), line));
    });
    let asked = Closure::<dyn Fn(String, JsValue) -> Promise>::new(move |kind: String, place| {
        Promise::new(&mut |resolve, _| ask(asked.as_ref(), &kind, &place, resolve))
    });
    let gone = Closure::<dyn Fn(String, u32)>::new(move |file: String, line| {
        visitor.dispatch(Action::Visit(file, line));
    });
    let options: JsValue = js_sys::Object::new().into();
    put(&options, "ask", asked.as_ref());
    put(&options, "onGo", gone.as_ref());
    put(&options, "onChange", typed.as_ref());
    put(&options, "onCursor", moved.as_ref());
    put(&options, "labels", &object(&Labels::new(state.language)));
    let handle = js::create_editor(&parent, &options).await.ok()?;
    let handle: EditorHandle = handle.unchecked_into();
    // At once: what is typed into an editor without files would be lost.
    handle.set_files(&sources(&state.work.files), &state.work.open);
    let files = Cell::new(state.files_number);
    Some(Editor { handle, files, _typed: typed, _moved: moved, _asked: asked, _gone: gone })
}

/// Asks the worker; what it cannot be asked is answered at once, with nothing.
fn ask(asked: Option<&Asked>, kind: &str, place: &JsValue, resolve: Function) {
    put(place, "ask", &JsValue::from(0));
    put(place, "kind", &JsValue::from(kind));
    match (asked, serde_wasm_bindgen::from_value::<Ask>(place.clone())) {
        (Some(Asked(client)), Ok(ask)) => client.ask(ask, resolve),
        _ => drop(resolve.call1(&JsValue::NULL, &JsValue::NULL)),
    }
}

#[derive(Serialize)]
struct Labels {
    editor: &'static str,
    hide: &'static str,
    fixes: Fixes,
    more: &'static str,
    lenses: Lenses,
    phrases: BTreeMap<&'static str, &'static str>,
}

/// What fixes do.
#[derive(Serialize)]
struct Fixes {
    insert: &'static str,
    change: &'static str,
    join: &'static str,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Lenses {
    selected: LensWords,
    named: LensWords,
    perhaps: &'static str,
    more: &'static str,
}

#[derive(Serialize)]
struct LensWords {
    nothing: &'static str,
    one: &'static str,
    many: &'static str,
    places: &'static str,
}

impl LensWords {
    /// The four of a text that has them one after the other.
    fn new(text: &'static str) -> Self {
        let mut words = text.split('|');
        let mut next = || words.next().unwrap_or_default();
        Self { nothing: next(), one: next(), many: next(), places: next() }
    }
}

impl Labels {
    fn new(language: Language) -> Self {
        let text = language.text();
        let phrases = match language {
            Language::English => BTreeMap::new(),
            Language::Chinese => EDITOR_PHRASES.iter().copied().collect(),
        };
        let lenses = Lenses {
            selected: LensWords::new(text.lens_selected),
            named: LensWords::new(text.lens_named),
            perhaps: text.lens_perhaps,
            more: text.lens_more,
        };
        let fixes = Fixes {
            insert: text.fix_insert,
            change: text.fix_change,
            join: text.fix_join,
            meaning: text.fix_meaning,
        };
        let (editor, hide, more) = (text.editor_label, text.hide, text.told_more);
        Self { editor, hide, fixes, more, lenses, phrases }
    }
}

#[derive(Serialize)]
struct Source<'s> {
    name: &'s str,
    text: &'s str,
}

fn sources(files: &[File]) -> JsValue {
    let source = |file: &'_ File| object(&Source { name: &file.name, text: &file.text });
    files.iter().map(source).collect::<js_sys::Array>().into()
}

/// Files, whenever they change otherwise than by typing; the open one; words.
#[hook]
fn use_files(store: &Store, editor: &Held) {
    let (files, names) = (store.work.files.clone(), use_mut_ref(Vec::<Rc<str>>::new));
    let open = Rc::clone(&store.work.open);
    use_effect_with((editor.is_some(), store.files_number), {
        let editor = editor.clone();
        move |(_, number)| {
            let Some(editor) = editor else {
                return;
            };
            let now: Vec<Rc<str>> = files.iter().map(|file| Rc::clone(&file.name)).collect();
            let renamed = renamed(&names.replace(now.clone()), &now);
            if editor.files.replace(*number) == *number {
                return;
            }
            if let Some((from, to)) = renamed {
                editor.handle.rename_file(&from, &to);
            }
            editor.handle.set_files(&sources(&files), &open);
        }
    });
    use_effect_with((editor.is_some(), Rc::clone(&store.work.open)), {
        let editor = editor.clone();
        move |(_, open)| {
            editor.iter().for_each(|editor| editor.handle.open_file(open));
        }
    });
    use_effect_with((editor.is_some(), store.language), {
        let editor = editor.clone();
        move |(_, language)| {
            let labels = object(&Labels::new(*language));
            editor.iter().for_each(|editor| editor.handle.set_labels(&labels));
        }
    });
}

/// The one name that is another, if that is all that changed: its undo history is to be kept.
fn renamed(before: &[Rc<str>], after: &[Rc<str>]) -> Option<(Rc<str>, Rc<str>)> {
    let mut pairs = before.iter().zip(after).filter(|(before, after)| before != after);
    let (from, to) = pairs.next()?;
    let only = before.len() == after.len() && pairs.next().is_none();
    only.then(|| (Rc::clone(from), Rc::clone(to)))
}

/// Squiggles, for files whose findings are others than before.
#[hook]
fn use_findings(store: &Store, editor: &Held) {
    let known = use_mut_ref(BTreeMap::<Rc<str>, Vec<DiagnosticReport>>::new);
    let names: Vec<Rc<str>> = store.work.files.iter().map(|file| Rc::clone(&file.name)).collect();
    let findings = store.findings.clone();
    let deps = (editor.is_some(), store.files_number, findings.as_ref().map(Rc::as_ptr));
    let editor = editor.clone();
    let files = use_mut_ref(|| 0);
    use_effect_with(deps, move |(_, number, _)| {
        let (Some(editor), Some(findings)) = (editor, findings) else {
            return;
        };
        if files.replace(*number) != *number {
            // Files that the editor has anew have no findings there.
            known.borrow_mut().clear();
        }
        for name in names {
            let own: Vec<DiagnosticReport> = of_file(&findings, &name);
            let mut known = known.borrow_mut();
            if known.get(&name) != Some(&own) {
                editor.handle.set_diagnostics(&name, &object(&own));
                known.insert(Rc::clone(&name), own);
            }
        }
        editor.handle.recount();
    });
}

fn of_file(findings: &Findings, name: &str) -> Vec<DiagnosticReport> {
    let own = |finding: &&DiagnosticReport| {
        finding.location.as_ref().is_some_and(|location| *location.file == *name)
    };
    findings.diagnostics.iter().filter(own).cloned().collect()
}

#[derive(Serialize)]
struct Highlight {
    reveal: bool,
}

/// Amber lines. They are brought into sight when something was chosen, never while typing.
#[hook]
fn use_marks(store: &Store, editor: &Held) {
    let wanted = marks(store);
    let last = use_mut_ref(|| 0);
    let deps =
        (editor.is_some(), wanted, store.reveal, Rc::clone(&store.work.open), store.files_number);
    use_effect_with(deps, {
        let editor = editor.clone();
        move |(_, marks, reveal, _, _)| {
            let Some(editor) = editor else {
                return;
            };
            let reveal = last.replace(*reveal) != *reveal;
            editor.handle.highlight(&object(marks), &object(&Highlight { reveal }));
        }
    });
    use_effect_with((editor.is_some(), store.visit.clone()), {
        let editor = editor.clone();
        move |(_, visit)| {
            if visit.number > 0 {
                editor.iter().for_each(|editor| editor.handle.focus_line(visit.line, &visit.file));
            }
        }
    });
}
