//! Arguments: JavaScript values of which nothing is known, not even that reading them succeeds.

use js_sys::{Array, JSON, Reflect, Uint8Array};
use portcullis_engine::diagnostic::nearest;
use portcullis_engine::report::{PortQuery, Protocol};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::error::Error;

#[wasm_bindgen(raw_module = "./error.js")]
extern "C" {
    /// `null`, `string`, `Array`, `Map` …; never throws.
    #[wasm_bindgen(js_name = kindOf)]
    fn kind_of(value: &JsValue) -> String;

    #[wasm_bindgen(js_name = isBytes)]
    fn is_bytes(value: &JsValue) -> bool;
}

#[wasm_bindgen]
extern "C" {
    // `js_sys::Object::keys` takes for granted that a proxy lets it.
    #[wasm_bindgen(catch, js_namespace = Object, js_name = keys)]
    fn keys(value: &JsValue) -> Result<Array, JsValue>;
}

const PORT: &str = "a whole number from 1 to 65535, a range such as `80-90`, or the name of a port";

/// A value and the words by which its giver knows it: `options.podCidrs[1]`.
#[derive(Debug)]
pub struct Argument {
    path: String,
    value: JsValue,
}

impl Argument {
    pub fn new(path: &str, value: JsValue) -> Self {
        Self { path: path.to_owned(), value }
    }

    /// The error that it must be something else.
    pub fn must_be(&self, what: &str) -> Error {
        let got = match (kind_of(&self.value).as_str(), self.value.as_f64()) {
            (_, Some(number)) => number.to_string(),
            (kind @ ("null" | "undefined"), _) => kind.to_owned(),
            ("Array", _) => "an array".to_owned(),
            ("Object", _) => "an object".to_owned(),
            (kind, _) if kind.starts_with(['A', 'E', 'I', 'O']) => format!("an {kind}"),
            (kind, _) => format!("a {kind}"),
        };
        self.wrong(&format!("must be {what}, not {got}"))
    }

    /// The error that something is the matter with it.
    pub fn wrong(&self, message: &str) -> Error {
        Error::argument(&self.path, format!("`{}` {message}", self.path))
    }

    /// The error that the question which it is part of has no answer.
    pub fn unanswerable(&self, message: String) -> Error {
        Error::query(&self.path, message)
    }

    pub fn is_absent(&self) -> bool {
        self.value.is_undefined() || self.value.is_null()
    }

    pub fn is_list(&self) -> bool {
        kind_of(&self.value) == "Array"
    }

    pub fn text(&self) -> Result<String, Error> {
        let text = self.value.as_string();
        text.ok_or_else(|| self.must_be("a string"))
    }

    /// A text or a number as it is written; none for all else.
    pub fn shown(&self) -> Option<String> {
        let number = || self.value.as_f64().map(|number| number.to_string());
        self.value.as_string().or_else(number)
    }

    /// A text's bytes, or bytes.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        if let Some(text) = self.value.as_string() {
            return Ok(text.into_bytes());
        }
        if !is_bytes(&self.value) {
            return Err(self.must_be("a string or a Uint8Array"));
        }
        Ok(self.value.unchecked_ref::<Uint8Array>().to_vec())
    }

    /// What `JSON.stringify` makes of it, as one of the engine's types.
    pub fn json<T: DeserializeOwned>(&self, what: &str) -> Result<T, Error> {
        let text = JSON::stringify(&self.value).map_err(|cause| self.unreadable(cause))?;
        // A `toJSON` may leave nothing of it.
        let text = text.as_string().unwrap_or_default();
        let value = serde_json::from_str(&text);
        value.map_err(|error| self.wrong(&format!("is not {what}: {error}")))
    }

    pub fn flag(&self) -> Result<bool, Error> {
        let flag = self.value.as_bool();
        flag.ok_or_else(|| self.must_be("true or false"))
    }

    /// A port: a number, or a text such as `53/UDP`, with the protocol that is given besides.
    pub fn port(&self, given: Option<Protocol>) -> Result<(PortQuery, Protocol), Error> {
        let number = self.value.as_f64().filter(|n| n.fract() == 0.0 && *n > 0.0);
        let text = number.map(|number| number.to_string()).or_else(|| self.value.as_string());
        let text = text.ok_or_else(|| self.must_be(PORT))?;
        let port = PortQuery::parse(&text, given);
        port.map_err(|error| self.wrong(&format!("must be {PORT}: {error}")))
    }

    /// What an array has, read one by one: a hole at the head of thousands of millions ends it.
    pub fn items(&self) -> Result<impl Iterator<Item = Result<Self, Error>>, Error> {
        if !self.is_list() {
            return Err(self.must_be("an array"));
        }
        let length = self.read(&"length".into(), "")?.value.as_f64().unwrap_or_default();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "lengths of arrays are whole and below 2^32; those of proxies end as these do"
        )]
        let indices = 0..length as u32;
        Ok(indices.map(|index| self.read(&index.into(), &format!("[{index}]"))))
    }

    /// What an object has under its own names, in its order.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<(String, Self), Error>>, Error> {
        let keys = self.keys()?.into_iter();
        Ok(keys.map(|(key, name)| {
            let value = self.read(&key, &format!("[{name:?}]"))?;
            Ok((name, value))
        }))
    }

    /// What an object has under a name; nothing where either is absent.
    pub fn get(&self, name: &str) -> Result<Option<Self>, Error> {
        if self.is_absent() {
            return Ok(None);
        }
        let value = self.read(&name.into(), &format!(".{name}"))?;
        Ok(Some(value).filter(|value| !value.is_absent()))
    }

    /// What an object must have under a name.
    pub fn need(&self, name: &str) -> Result<Self, Error> {
        self.get(name)?.ok_or_else(|| self.wrong(&format!("must have `{name}`")))
    }

    /// Complains unless it is an object, and no `Map`, `Promise` or the like.
    pub fn is_object_of(&self, what: &str) -> Result<(), Error> {
        match kind_of(&self.value).as_str() {
            "Object" => Ok(()),
            _ => Err(self.must_be(what)),
        }
    }

    /// Complains unless it is an object with no names but these.
    pub fn only(&self, known: &[&str]) -> Result<(), Error> {
        self.is_object_of("an object")?;
        let mut names = self.keys()?.into_iter().map(|(_, name)| name);
        let Some(name) = names.find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        Err(self.wrong(&match nearest(&name, known.iter().copied()) {
            Some(meant) => format!("has no `{name}`: did you mean `{meant}`?"),
            None => format!("has no `{name}`, only `{}`", known.join("`, `")),
        }))
    }

    /// As `only`, for arguments that may be left out.
    pub fn only_if_given(&self, known: &[&str]) -> Result<(), Error> {
        if self.is_absent() {
            return Ok(());
        }
        self.only(known)
    }

    /// Keys, and what they are in Rust, where half a pair of surrogates becomes another character.
    fn keys(&self) -> Result<Vec<(JsValue, String)>, Error> {
        let keys = keys(&self.value).map_err(|cause| self.unreadable(cause))?;
        Ok(keys.iter().filter_map(|key| Some((key.clone(), key.as_string()?))).collect())
    }

    fn read(&self, key: &JsValue, suffix: &str) -> Result<Self, Error> {
        let read = Self::new(&format!("{}{suffix}", self.path), JsValue::UNDEFINED);
        let value = Reflect::get(&self.value, key).map_err(|cause| read.unreadable(cause))?;
        Ok(Self { value, ..read })
    }

    fn unreadable(&self, cause: JsValue) -> Error {
        self.wrong("cannot be read: it throws").because(cause)
    }
}
