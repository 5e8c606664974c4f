//! The worker's side: takes requests one after the other and posts replies.

use std::cell::RefCell;

use gloo::events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::ask::{self, Ask};
use super::desk::Desk;
use super::message::Request;
use crate::js::object;

/// Answers messages for as long as the worker lives.
pub fn serve() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let desk = RefCell::new(Desk::default());
    let target = scope.clone();
    EventListener::new(&target, "message", move |event| {
        if let Some(event) = event.dyn_ref::<MessageEvent>() {
            answer(&scope, &desk, event.data());
        }
    })
    .forget();
}

/// What is no request — the module with which the worker was started is one — is passed over.
fn answer(scope: &DedicatedWorkerGlobalScope, desk: &RefCell<Desk>, data: JsValue) {
    let Ok(request) = serde_wasm_bindgen::from_value::<Request>(data.clone()) else {
        if let Ok(ask) = serde_wasm_bindgen::from_value::<Ask>(data) {
            let _ = scope.post_message(&object(&ask::answer(desk.borrow().session(), &ask)));
        }
        return;
    };
    let start = now(scope);
    let mut reply = desk.borrow_mut().answer(request);
    reply.took = now(scope) - start;
    if let Ok(reply) = serde_wasm_bindgen::to_value(&reply) {
        // Fails only on what cannot be cloned, and this is plain data.
        let _ = scope.post_message(&reply);
    }
}

fn now(scope: &DedicatedWorkerGlobalScope) -> f64 {
    scope.performance().map_or(0.0, |clock| clock.now())
}
