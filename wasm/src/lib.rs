//! JavaScript bindings of the engine: convert, call, convert.
//!
//! Nothing here knows policies. The types that users see are in `js/`: `api.d.ts` for what they
//! give, `reports.d.ts` (generated) for what they get.

mod argument;
mod error;
mod format;
mod input;

use portcullis_engine::{Change, Session};
use serde::Serialize;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::argument::Argument;
use crate::error::Error;

#[wasm_bindgen(typescript_custom_section)]
const API: &str = include_str!("../js/api.d.ts");

#[wasm_bindgen(typescript_custom_section)]
const REPORTS: &str = include_str!("../js/reports.d.ts");

/// Runs when an instance is made, before anything else.
#[wasm_bindgen(start, private)]
fn start() {
    error::report_panics();
}

/// The version of the engine, as in the package's `package.json`.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// What is wrong with the files, where, and what to do about it.
#[wasm_bindgen(unchecked_return_type = "CheckReport")]
pub fn check(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options")] options: JsValue,
) -> Result<JsValue, Error> {
    Model::new(files, options)?.check()
}

/// Who can reach whom, and on which ports.
#[wasm_bindgen(unchecked_return_type = "ListReport")]
pub fn list(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options & ListFilter")] options: JsValue,
) -> Result<JsValue, Error> {
    let options = Argument::new("options", options);
    let files = Argument::new("files", files);
    options.only_if_given(&[input::OPTIONS, input::FILTER].concat())?;
    let filter = input::filter(&options)?;
    to_js(&input::session(&files, &options)?.list(&filter))
}

/// What two states allow differently, and which lines of policies make it so.
#[wasm_bindgen(unchecked_return_type = "DiffReport")]
pub fn diff(
    #[wasm_bindgen(unchecked_param_type = "Files")] before: JsValue,
    #[wasm_bindgen(unchecked_param_type = "Files")] after: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options & DiffFilter")] options: JsValue,
) -> Result<JsValue, Error> {
    let options = Argument::new("options", options);
    options.only_if_given(&[input::OPTIONS, input::DIFF_FILTER].concat())?;
    let filter = input::filter(&options)?;
    let old = input::session(&Argument::new("before", before), &options)?;
    let new = input::session(&Argument::new("after", after), &options)?;
    to_js(&old.diff(&new, &filter))
}

/// Whether rules hold, of pods in the files and of pods that do not exist yet. Rules are the text of
/// a file as `portcullis gate --rules` takes it; those with `no-new-access` compare with `before`.
#[wasm_bindgen(unchecked_return_type = "GateReport")]
pub fn gate(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] rules: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options & GateOptions")] options: JsValue,
) -> Result<JsValue, Error> {
    let options = Argument::new("options", options);
    options.only_if_given(&[input::OPTIONS, input::GATE].concat())?;
    let rules = input::rules(&Argument::new("rules", rules))?;
    let session = input::session(&Argument::new("files", files), &options)?;
    let before = options.get("before")?;
    let before = before.map(|files| input::session(&files, &options)).transpose()?;
    if let (Some(name), None) = (rules.comparing(), &before) {
        return Err(
            options.wrong(&format!("must have `before`: rule `{name}` compares two states"))
        );
    }
    to_js(&session.gate(before.as_ref(), &rules))
}

/// Whether the policies of two states mean the same, for all pods that are there or may come to be.
#[wasm_bindgen(unchecked_return_type = "EqualReport")]
pub fn equal(
    #[wasm_bindgen(unchecked_param_type = "Files")] a: JsValue,
    #[wasm_bindgen(unchecked_param_type = "Files")] b: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options")] options: JsValue,
) -> Result<JsValue, Error> {
    let options = Argument::new("options", options);
    options.only_if_given(input::OPTIONS)?;
    let a = input::session(&Argument::new("a", a), &options)?;
    let b = input::session(&Argument::new("b", b), &options)?;
    to_js(&a.equal(&b))
}

/// Which policies decide about pods, or which pods a policy or a namespace is about, and what each
/// rule opens alone.
#[wasm_bindgen(unchecked_return_type = "DescribeReport")]
pub fn describe(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_param_type = "DescribeKind")] kind: JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] name: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options")] options: JsValue,
) -> Result<JsValue, Error> {
    Model::new(files, options)?.describe(kind, name)
}

/// Whether expectations hold, what decides them, and what they leave untested. They are the text of
/// a file as `portcullis test` takes it; `manifests:` in it are not read, these are the `files`.
#[wasm_bindgen(unchecked_return_type = "TestReport")]
pub fn test(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_param_type = "string")] expectations: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options & TestOptions")] options: JsValue,
) -> Result<JsValue, Error> {
    let options = Argument::new("options", options);
    options.only_if_given(&[input::OPTIONS, input::TEST].concat())?;
    let session = input::session(&Argument::new("files", files), &options)?;
    to_js(&input::tested(&session, &Argument::new("expectations", expectations), &options)?)
}

/// Whether flows are allowed, and what decides. Overloaded: see `api.d.ts`.
#[wasm_bindgen(skip_typescript)]
pub fn evaluate(files: JsValue, flows: JsValue, options: JsValue) -> Result<JsValue, Error> {
    Model::new(files, options)?.evaluate(flows)
}

/// Whether a flow is allowed, and everything that decides it.
#[wasm_bindgen(unchecked_return_type = "FlowReport")]
pub fn explain(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_param_type = "FlowQuery")] flow: JsValue,
    #[wasm_bindgen(unchecked_optional_param_type = "Options")] options: JsValue,
) -> Result<JsValue, Error> {
    Model::new(files, options)?.explain(flow)
}

/// The program with which a node's kernel enforces the policies: iptables rules and ipset sets.
/// The command and the node agent check it against the policies before they use it.
#[wasm_bindgen(unchecked_return_type = "ProgramReport")]
pub fn render(
    #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
    #[wasm_bindgen(unchecked_param_type = "Options & RenderOptions")] options: JsValue,
) -> Result<JsValue, Error> {
    let options = Argument::new("options", options);
    options.only(&[input::OPTIONS, input::RENDER].concat())?;
    let session = input::session(&Argument::new("files", files), &options)?;
    to_js(&input::program(&session, &options)?)
}

/// A report as text. Overloaded: see `api.d.ts`.
#[wasm_bindgen(skip_typescript)]
pub fn format(report: JsValue, form: JsValue) -> Result<String, Error> {
    format::format(&Argument::new("report", report), &Argument::new("form", form))
}

/// Files that have been read, to be asked many times.
///
/// A model never changes: `put` and `remove` return the next one, which shares with this one
/// everything that the change does not touch. Where many are made in one go, `free()` each that
/// is no longer needed, or declare it with `using`; otherwise the garbage collector does.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Model(Session);

#[wasm_bindgen]
impl Model {
    /// Reads the files.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "Files")] files: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "Options")] options: JsValue,
    ) -> Result<Self, Error> {
        let options = Argument::new("options", options);
        options.only_if_given(input::OPTIONS)?;
        input::session(&Argument::new("files", files), &options).map(Self)
    }

    /// The names of its files, sorted.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let names = self.0.files().iter().map(|file| file.name.to_string());
        names.collect()
    }

    /// The model with a file added, or replaced if there is one of that name. Documents of the
    /// file whose text has not changed are not read again.
    pub fn put(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] name: JsValue,
        #[wasm_bindgen(unchecked_param_type = "Text")] text: JsValue,
    ) -> Result<Self, Error> {
        let name = Argument::new("name", name).text()?;
        let text = Argument::new("text", text).bytes()?;
        Ok(Self(self.0.apply(vec![self.0.reread(&name, &text)])))
    }

    /// The model without the file of this name.
    pub fn remove(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] name: JsValue,
    ) -> Result<Self, Error> {
        let name = Argument::new("name", name).text()?;
        Ok(Self(self.0.apply(vec![Change::Remove(name)])))
    }

    /// What is wrong with the files, where, and what to do about it.
    #[wasm_bindgen(unchecked_return_type = "CheckReport")]
    pub fn check(&self) -> Result<JsValue, Error> {
        to_js(&self.0.check())
    }

    /// Who can reach whom, and on which ports.
    #[wasm_bindgen(unchecked_return_type = "ListReport")]
    pub fn list(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "ListFilter")] filter: JsValue,
    ) -> Result<JsValue, Error> {
        let filter = Argument::new("filter", filter);
        filter.only_if_given(input::FILTER)?;
        to_js(&self.0.list(&input::filter(&filter)?))
    }

    /// Whether flows are allowed, and what decides. Overloaded: see `api.d.ts`.
    #[wasm_bindgen(skip_typescript)]
    pub fn evaluate(&self, flows: JsValue) -> Result<JsValue, Error> {
        match Argument::new("flow", flows) {
            flow if !flow.is_list() => to_js(&input::evaluate(&self.0, &flow)?),
            flows => to_js(&input::answers(&self.0, &flows)?),
        }
    }

    /// Which policies decide about pods, or which pods a policy or a namespace is about, and what
    /// each rule opens alone.
    #[wasm_bindgen(unchecked_return_type = "DescribeReport")]
    pub fn describe(
        &self,
        #[wasm_bindgen(unchecked_param_type = "DescribeKind")] kind: JsValue,
        #[wasm_bindgen(unchecked_param_type = "string")] name: JsValue,
    ) -> Result<JsValue, Error> {
        let (kind, name) = (Argument::new("kind", kind), Argument::new("name", name));
        let report = self.0.describe(input::describe_kind(&kind)?, &name.text()?);
        to_js(&report.map_err(|error| name.unanswerable(error.message))?)
    }

    /// Whether expectations hold, what decides them, and what they leave untested.
    #[wasm_bindgen(unchecked_return_type = "TestReport")]
    pub fn test(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] expectations: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "TestOptions")] options: JsValue,
    ) -> Result<JsValue, Error> {
        let options = Argument::new("options", options);
        options.only_if_given(input::TEST)?;
        to_js(&input::tested(&self.0, &Argument::new("expectations", expectations), &options)?)
    }

    /// The program with which a node's kernel enforces the policies: iptables rules and ipset
    /// sets.
    #[wasm_bindgen(unchecked_return_type = "ProgramReport")]
    pub fn render(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RenderOptions")] options: JsValue,
    ) -> Result<JsValue, Error> {
        let options = Argument::new("options", options);
        options.only(input::RENDER)?;
        to_js(&input::program(&self.0, &options)?)
    }

    /// Whether a flow is allowed, and everything that decides it.
    #[wasm_bindgen(unchecked_return_type = "FlowReport")]
    pub fn explain(
        &self,
        #[wasm_bindgen(unchecked_param_type = "FlowQuery")] flow: JsValue,
    ) -> Result<JsValue, Error> {
        to_js(&input::evaluate(&self.0, &Argument::new("flow", flow))?)
    }
}

/// The very JSON that the command prints, parsed by JavaScript: for large reports that takes half
/// the time of making the objects from here, one by one, and any key is safe, `__proto__` too.
fn to_js(report: &impl Serialize) -> Result<JsValue, Error> {
    let text = serde_json::to_string(report).map_err(|error| Error::internal(&error.to_string()));
    js_sys::JSON::parse(&text?).map_err(|cause| Error::internal("not valid JSON").because(cause))
}
