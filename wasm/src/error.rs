//! What JavaScript gets instead of an answer: always a `PortcullisError` (`js/error.js`).

use portcullis_engine::report::{FlowError, FlowErrorCode};
use wasm_bindgen::handler::schedule_reinit;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen(raw_module = "./error.js")]
extern "C" {
    type PortcullisError;

    #[wasm_bindgen(constructor)]
    fn new(code: &str, message: &str, argument: Option<&str>, cause: JsValue) -> PortcullisError;

    /// Keeps what a panic says until the trap that follows it reaches JavaScript.
    #[wasm_bindgen(js_name = panicked)]
    fn keep_panic(message: &str);
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct Error {
    code: &'static str,
    message: String,
    argument: Option<String>,
    cause: JsValue,
}

impl Error {
    /// An argument is not of its type.
    pub fn argument(path: &str, message: String) -> Self {
        Self {
            code: "argument",
            message,
            argument: Some(path.to_owned()),
            cause: JsValue::UNDEFINED,
        }
    }

    /// A question about somebody whom the input does not have.
    pub fn query(path: &str, message: String) -> Self {
        Self { code: "query", ..Self::argument(path, message) }
    }

    /// A fault of the engine.
    pub fn internal(message: &str) -> Self {
        Self {
            code: "internal",
            message: message.to_owned(),
            argument: None,
            cause: JsValue::UNDEFINED,
        }
    }

    /// As the answer for one flow of several.
    pub fn of_flow(self, number: usize) -> FlowError {
        let code = match self.code {
            "query" => FlowErrorCode::Query,
            _ => FlowErrorCode::Argument,
        };
        FlowError { code, ..FlowError::argument(number, self.message) }
    }

    /// With the exception that led to it.
    pub fn because(self, cause: JsValue) -> Self {
        Self { cause, ..self }
    }
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let argument = error.argument.as_deref();
        PortcullisError::new(error.code, &error.message, argument, error.cause).into()
    }
}

/// A panic ends in a trap, which leaves the instance in an unknown state: the call throws what
/// the panic says (`guarded` in `js/error.js`), and the next call begins with a fresh instance.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        keep_panic(&panic.to_string());
        schedule_reinit();
    }));
}
