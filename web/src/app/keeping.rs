//! What the user works on is kept, whatever happens to the page.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use gloo::utils::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::effects::Page;
use crate::js;
use crate::state::sets;
use crate::state::{Action, Seen, State, Toast, Work, Written, save_seen, save_solved};
use crate::text::Text;

/// Typing is kept once it has paused for this long.
const KEEP_MS: u32 = 300;

/// Work that is not written yet, and who writes it.
struct Keeper {
    pending: RefCell<Option<Work>>,
    said: RefCell<(bool, bool)>,
    dispatch: UseReducerDispatcher<State>,
}

impl Keeper {
    /// Writes what is pending, if anything is.
    fn write(self: &Rc<Self>, text: &'static Text) {
        let Some(work) = self.pending.borrow_mut().take() else {
            return;
        };
        let keeper = Rc::clone(self);
        spawn_local(async move {
            let written = sets::keep(&work).await;
            keeper.say(&written, text);
            keeper.dispatch.dispatch(Action::Kept(sets::names().await.into()));
        });
    }

    /// Once of each: that there is no room, and that what Secrets hold is not kept.
    fn say(&self, written: &Written, text: &'static Text) {
        let mut said = self.said.borrow_mut();
        let message = match written {
            Written::Refused if !std::mem::replace(&mut said.0, true) => text.not_stored,
            Written::Kept { without_secrets: true } if !std::mem::replace(&mut said.1, true) => {
                text.without_secrets
            }
            _ => return,
        };
        self.dispatch.dispatch(Action::Say(Some(Toast::Say(message.to_owned()))));
    }
}

/// Keeps own work a moment after each change, and at once when the page goes or other work comes.
#[hook]
pub fn use_storage(store: &Page) {
    let dispatch = store.dispatcher();
    let keeper = use_memo((), move |()| {
        Rc::new(Keeper { pending: RefCell::default(), said: RefCell::default(), dispatch })
    });
    let keeper = Rc::clone(&*keeper);
    let (own, text) = (store.is_own(), store.text());
    use_effect_with((store.work.clone(), own), {
        let keeper = Rc::clone(&keeper);
        move |(work, own)| {
            let other = keeper.pending.borrow().as_ref().is_some_and(|one| one.id != work.id);
            if other {
                keeper.write(text);
            }
            let timer = own.then(|| keep_soon(&keeper, work, text)).flatten();
            move || drop(timer)
        }
    });
    use_effect_with((), {
        let keeper = Rc::clone(&keeper);
        move |()| {
            let leaving = Rc::clone(&keeper);
            let left = EventListener::new(&window(), "pagehide", move |_| leaving.write(text));
            let hidden =
                EventListener::new(&document(), "visibilitychange", move |_| keeper.write(text));
            move || drop((left, hidden))
        }
    });
    use_effect_with(store.work.id.clone(), |id| {
        let id = id.clone();
        spawn_local(sets::remember(id));
    });
    use_other_tabs(store);
}

fn keep_soon(keeper: &Rc<Keeper>, work: &Work, text: &'static Text) -> Option<Timeout> {
    if work.id.is_none() {
        keeper.dispatch.dispatch(Action::Identify(sets::new_id()));
        return None;
    }
    keeper.pending.replace(Some(work.clone()));
    let keeper = Rc::clone(keeper);
    Some(Timeout::new(KEEP_MS, move || keeper.write(text)))
}

/// What other tabs keep stands in the menu here too.
#[hook]
fn use_other_tabs(store: &Page) {
    let dispatch = store.dispatcher();
    use_effect_with((), move |()| {
        let heard = Closure::<dyn Fn()>::new(move || {
            let dispatch = dispatch.clone();
            spawn_local(async move { dispatch.dispatch(Action::Kept(sets::names().await.into())) });
        });
        js::when_kept(heard.as_ref().unchecked_ref());
        move || drop(heard)
    });
}

/// What is shown is shown again after a reload; what was solved stays so.
#[hook]
pub fn use_seen(store: &Page) {
    use_effect_with(store.solved.clone(), |solved| save_solved(solved));
    use_effect_with(Seen::of(store), save_seen);
}
