//! The page's side: asks one thing at a time, so that a fast typist does not queue up work.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use js_sys::{Date, Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

use super::ask::{Ask, AskKind, Form};
use super::assume::Assume;
use super::message::{Changes, Findings, Message, Pin, Question, Reply, Request, SourceText};
use super::pending::Pending;

/// Beside the page, as all its parts are; `web/js/src/engine-worker.ts`.
const SCRIPT: &str = "js/engine-worker.js";
/// After this long the page says that it works.
const SLOW_MS: u32 = 150;
/// A run that has taken this long is given up when something newer is wanted.
const STUCK_MS: f64 = 4_000.0;

/// What the client has to say.
pub enum Event {
    Replied(Box<Reply>),
    /// What was found in the texts that were answered last.
    Found(Findings),
    /// What differs from the pinned state.
    Changed(Changes),
    /// Whether a run has been going on for a while.
    Working(bool),
    /// The worker has died or cannot be started.
    Stopped,
}

/// The state that answers are wanted for.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Another value means other work altogether: nothing of before is kept.
    pub work: u32,
    pub files: Texts,
    pub assume: Assume,
    /// What is compared with, if anything is.
    pub pinned: Option<Rc<Texts>>,
    pub question: Question,
}

/// The worker and what it has been told.
#[derive(Clone)]
pub struct Client(Rc<RefCell<Inner>>);

/// The client, for whoever asks about places; there is one, which never changes.
#[derive(Clone)]
pub struct Asked(pub Rc<Client>);

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Inner {
    events: Callback<Event>,
    worker: Option<Running>,
    generation: u32,
    /// The request that had other texts than the one before it.
    changed: u32,
    work: u32,
    /// Texts that the worker has; texts are shared, so that they compare by address.
    sent: HashMap<Rc<str>, Rc<str>>,
    asked: Question,
    assumed: Assume,
    /// What the worker compares with.
    pinned: Option<Rc<Texts>>,
    busy: Option<Busy>,
    waiting: Option<Wanted>,
    /// Texts at which a worker has died: asking again would only end the next one.
    fatal: Option<Texts>,
    asked_by_editor: Pending,
}

/// Names and texts of files.
pub type Texts = Vec<(Rc<str>, Rc<str>)>;

struct Running {
    worker: Worker,
    _listeners: [EventListener; 2],
}

struct Busy {
    since: f64,
    _slow: Timeout,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

impl Client {
    pub fn new(events: Callback<Event>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            events,
            worker: None,
            generation: 0,
            changed: 0,
            work: 0,
            sent: HashMap::new(),
            asked: Question::default(),
            assumed: Assume::default(),
            pinned: None,
            busy: None,
            waiting: None,
            fatal: None,
            asked_by_editor: Pending::default(),
        })))
    }

    /// Asks for answers for this state, and for no earlier one any more.
    pub fn want(&self, wanted: Wanted) {
        let mut inner = self.0.borrow_mut();
        inner.waiting = Some(wanted);
        if inner.busy.as_ref().is_some_and(|busy| Date::now() - busy.since > STUCK_MS) {
            inner.stop();
        }
        self.go_on(&mut inner);
    }

    /// Asks about a place in a file, after all that is wanted already; `resolve` is called once, with
    /// null if there is no answer.
    pub fn ask(&self, ask: Ask, resolve: Function) {
        let mut inner = self.0.borrow_mut();
        inner.asked_by_editor.add(ask, resolve);
        inner.ask_for_editor();
    }

    /// All connections in a form, once what is wanted already has been answered; none if the worker
    /// has stopped.
    pub async fn list(&self, form: Form) -> Option<String> {
        let (file, text) = (String::new(), String::new());
        let ask = Ask { ask: 0, kind: AskKind::List(form), file, line: 0, column: 0, text };
        let answer = Promise::new(&mut |resolve, _| self.ask(ask.clone(), resolve));
        JsFuture::from(answer).await.ok()?.as_string()
    }

    fn go_on(&self, inner: &mut Inner) {
        self.request(inner);
        inner.ask_for_editor();
    }

    fn request(&self, inner: &mut Inner) {
        if inner.busy.is_some() {
            return;
        }
        let Some(wanted) = inner.waiting.take() else {
            return;
        };
        if inner.fatal.as_ref().is_some_and(|fatal| same(fatal, &wanted.files)) {
            return;
        }
        if inner.worker.is_none() {
            inner.worker = self.start();
        }
        let Some(request) = inner.request(wanted) else {
            return;
        };
        let message = serde_wasm_bindgen::to_value(&request).unwrap_or_default();
        let posted = inner.worker.as_ref().map(|running| running.worker.post_message(&message));
        if matches!(posted, Some(Ok(()))) {
            let events = inner.events.clone();
            let slow = Timeout::new(SLOW_MS, move || events.emit(Event::Working(true)));
            inner.busy = Some(Busy { since: Date::now(), _slow: slow });
        } else {
            inner.stop();
            inner.tell(Event::Stopped);
        }
    }

    fn start(&self) -> Option<Running> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(SCRIPT, &options).ok()?;
        // The module that runs the page: it is loaded and compiled once.
        worker.post_message(&wasm_bindgen::module()).ok()?;
        let (heard, died) = (self.clone(), self.clone());
        let listeners = [
            EventListener::new(&worker, "message", move |event| {
                if let Some(event) = event.dyn_ref::<MessageEvent>() {
                    heard.heard(event);
                }
            }),
            EventListener::new(&worker, "error", move |_| died.died()),
        ];
        Some(Running { worker, _listeners: listeners })
    }

    fn heard(&self, event: &MessageEvent) {
        if self.0.borrow_mut().asked_by_editor.hear(&event.data()) {
            return;
        }
        let Ok(message) = serde_wasm_bindgen::from_value::<Message>(event.data()) else {
            return;
        };
        let mut inner = self.0.borrow_mut();
        match message {
            Message::Reply(reply) if inner.generation == reply.generation => {
                inner.busy = None;
                inner.tell(Event::Working(false));
                if !inner.is_stale() {
                    inner.tell(Event::Replied(reply));
                }
                self.go_on(&mut inner);
            }
            // Of texts that are not the newest any more, others are on their way.
            Message::Findings(generation, findings)
                if generation >= inner.changed && !inner.is_stale() =>
            {
                inner.tell(Event::Found(findings));
            }
            Message::Changes(generation, changes)
                if generation >= inner.changed && !inner.is_stale() =>
            {
                inner.tell(Event::Changed(changes));
            }
            Message::Reply(_) | Message::Findings(..) | Message::Changes(..) => {}
        }
    }

    fn died(&self) {
        let mut inner = self.0.borrow_mut();
        inner.fatal = Some(inner.sent.drain().collect());
        inner.stop();
        inner.tell(Event::Working(false));
        inner.tell(Event::Stopped);
        self.go_on(&mut inner);
    }
}

impl Inner {
    /// The worker answers in turn: it has the texts that were sent before.
    fn ask_for_editor(&mut self) {
        if let (Some(running), None) = (&self.worker, &self.waiting) {
            self.asked_by_editor.send(&running.worker);
        }
    }

    /// Whether other texts are waiting: their answer comes next, and has all that this one has.
    fn is_stale(&self) -> bool {
        let known = |(name, text): &(Rc<str>, Rc<str>)| {
            self.sent.get(name).is_some_and(|sent| Rc::ptr_eq(sent, text))
        };
        self.waiting.as_ref().is_some_and(|wanted| {
            wanted.files.len() != self.sent.len() || !wanted.files.iter().all(known)
        })
    }

    /// What the worker does not know yet; none if that is nothing.
    fn request(&mut self, wanted: Wanted) -> Option<Request> {
        let anew = self.work != wanted.work;
        if anew {
            self.sent.clear();
            self.pinned = None;
        }
        let remove: Vec<Rc<str>> = self
            .sent
            .keys()
            .filter(|name| !wanted.files.iter().any(|(known, _)| known == *name))
            .cloned()
            .collect();
        remove.iter().for_each(|name| drop(self.sent.remove(name)));
        let put = self.unsent(&wanted.files);
        // A new desk assumes nothing.
        let assumed = if anew { Assume::default() } else { self.assumed.clone() };
        let assume = (assumed != wanted.assume).then(|| wanted.assume.clone());
        self.assumed = wanted.assume;
        let pin = self.pin(wanted.pinned);
        if !anew
            && assume.is_none()
            && pin.is_none()
            && put.is_empty()
            && remove.is_empty()
            && self.asked == wanted.question
        {
            return None;
        }
        self.work = wanted.work;
        self.asked = wanted.question.clone();
        self.generation += 1;
        if anew || assume.is_some() || !put.is_empty() || !remove.is_empty() {
            self.changed = self.generation;
        }
        Some(Request {
            generation: self.generation,
            anew,
            assume,
            put,
            remove: remove.iter().map(ToString::to_string).collect(),
            pin,
            question: wanted.question,
        })
    }

    /// What the worker is to compare with from now on, if that is something else.
    fn pin(&mut self, pinned: Option<Rc<Texts>>) -> Option<Pin> {
        let same = match (&self.pinned, &pinned) {
            (Some(known), Some(wanted)) => Rc::ptr_eq(known, wanted),
            (None, None) => true,
            _ => false,
        };
        if same {
            return None;
        }
        let text = |(name, text): &(Rc<str>, Rc<str>)| SourceText {
            name: name.to_string(),
            text: text.to_string(),
        };
        let pin = pinned.as_ref().map(|texts| Pin::Set(texts.iter().map(text).collect()));
        self.pinned = pinned;
        Some(pin.unwrap_or(Pin::Drop))
    }

    fn unsent(&mut self, files: &[(Rc<str>, Rc<str>)]) -> Vec<SourceText> {
        let mut put = Vec::new();
        for (name, text) in files {
            if !self.sent.get(name).is_some_and(|known| Rc::ptr_eq(known, text)) {
                self.sent.insert(Rc::clone(name), Rc::clone(text));
                put.push(SourceText { name: name.to_string(), text: text.to_string() });
            }
        }
        put
    }

    /// Ends the worker; the next one is told everything.
    fn stop(&mut self) {
        self.worker = None;
        self.busy = None;
        self.asked_by_editor.give_up();
        self.sent.clear();
        self.asked = Question::default();
        self.assumed = Assume::default();
        self.pinned = None;
        // No reply can have this number.
        self.generation += 1;
        self.changed = self.generation;
        self.work = self.work.wrapping_add(1);
    }

    /// Later, because whoever hears it may want something at once.
    fn tell(&self, event: Event) {
        let events = self.events.clone();
        wasm_bindgen_futures::spawn_local(async move { events.emit(event) });
    }
}

/// Whether both have the same texts, in any order; texts are shared and compare by address.
fn same(a: &Texts, b: &Texts) -> bool {
    let has = |(name, text): &(Rc<str>, Rc<str>)| {
        a.iter().any(|(known, other)| known == name && Rc::ptr_eq(text, other))
    };
    a.len() == b.len() && b.iter().all(has)
}
