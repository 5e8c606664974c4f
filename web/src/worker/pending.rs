//! Questions of the editor that have no answer yet.

use std::collections::HashMap;

use js_sys::{Function, Reflect};
use wasm_bindgen::JsValue;
use web_sys::Worker;

use super::ask::Ask;

/// Questions, and what to call with their answers: each is called once, with null if there is none.
#[derive(Default)]
pub struct Pending {
    last: u32,
    resolve: HashMap<u32, Function>,
    /// Those that wait until the worker has the texts that they are about.
    unsent: Vec<Ask>,
}

impl Pending {
    /// Takes a question in; it is not asked yet.
    pub fn add(&mut self, ask: Ask, resolve: Function) {
        self.last += 1;
        self.resolve.insert(self.last, resolve);
        self.unsent.push(Ask { ask: self.last, ..ask });
    }

    /// Asks what has not been asked.
    pub fn send(&mut self, worker: &Worker) {
        for ask in std::mem::take(&mut self.unsent) {
            let message = serde_wasm_bindgen::to_value(&ask).unwrap_or_default();
            if worker.post_message(&message).is_err() {
                self.settle(ask.ask, &JsValue::NULL);
            }
        }
    }

    /// Whether a message was an answer.
    pub fn hear(&mut self, message: &JsValue) -> bool {
        let field = |name: &str| Reflect::get(message, &name.into()).ok();
        let Some(number) = field("asked").and_then(|number| number.as_f64()) else {
            return false;
        };
        let known = self.resolve.keys().copied().find(|known| f64::from(*known) == number);
        if let Some(known) = known {
            self.settle(known, &field("answer").unwrap_or(JsValue::NULL));
        }
        true
    }

    /// Nobody will answer any more.
    pub fn give_up(&mut self) {
        self.unsent.clear();
        let all: Vec<u32> = self.resolve.keys().copied().collect();
        all.into_iter().for_each(|number| self.settle(number, &JsValue::NULL));
    }

    fn settle(&mut self, number: u32, answer: &JsValue) {
        if let Some(resolve) = self.resolve.remove(&number) {
            let answer = if answer.is_undefined() { &JsValue::NULL } else { answer };
            // A function that settles a promise throws nothing.
            let _ = resolve.call1(&JsValue::NULL, answer);
        }
    }
}
