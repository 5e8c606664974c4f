//! The worker's side: takes requests one after the other and posts replies, and what it finds once
//! nothing more is asked.

use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::ask::{self, Ask};
use super::desk::Desk;
use super::message::{Message, Request};
use crate::js::object;

/// Answers messages for as long as the worker lives.
pub fn serve() {
    let worker = Rc::new(Worker {
        scope: js_sys::global().unchecked_into(),
        desk: RefCell::new(Desk::default()),
        later: RefCell::new(None),
    });
    let target = worker.scope.clone();
    EventListener::new(&target, "message", move |event| {
        if let Some(event) = event.dyn_ref::<MessageEvent>() {
            answer(&worker, event.data());
        }
    })
    .forget();
}

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    desk: RefCell<Desk>,
    /// What is looked for after the answer, unless another request comes first.
    later: RefCell<Option<Timeout>>,
}

/// What is no request — the module with which the worker was started is one — is passed over.
fn answer(worker: &Rc<Worker>, data: JsValue) {
    let Ok(request) = serde_wasm_bindgen::from_value::<Request>(data.clone()) else {
        if let Ok(ask) = serde_wasm_bindgen::from_value::<Ask>(data) {
            let answer = ask::answer(worker.desk.borrow().session(), &ask);
            let _ = worker.scope.post_message(&object(&answer));
        }
        return;
    };
    let generation = request.generation;
    let start = worker.now();
    let mut reply = worker.desk.borrow_mut().answer(request);
    reply.took = worker.now() - start;
    worker.post(&Message::Reply(Box::new(reply)));
    let looking = Rc::clone(worker);
    let later = Timeout::new(0, move || look(&looking, generation));
    worker.later.replace(Some(later));
}

/// Findings take longer than answers, so whoever types is answered before they are looked for.
fn look(worker: &Worker, generation: u32) {
    let findings = worker.desk.borrow_mut().findings();
    if let Some(findings) = findings {
        worker.post(&Message::Findings(generation, findings));
    }
    if let Some(changes) = worker.desk.borrow_mut().changes() {
        worker.post(&Message::Changes(generation, changes));
    }
}

impl Worker {
    fn post(&self, message: &impl Serialize) {
        if let Ok(message) = serde_wasm_bindgen::to_value(message) {
            // Fails only on what cannot be cloned, and this is plain data.
            let _ = self.scope.post_message(&message);
        }
    }

    fn now(&self) -> f64 {
        self.scope.performance().map_or(0.0, |clock| clock.now())
    }
}
