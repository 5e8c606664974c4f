//! Literate cases: `tests/cases/**/*.md`, run unchanged by the engine, by the command and by the
//! npm package.
//!
//! What an expectation means stands in [`judge`] alone: the three runners only gather answers.

mod answers;
mod expect;
mod files;
mod judge;
mod listed;
mod markdown;
mod run;
mod truth;

pub use answers::{Answers, FlowAnswer, edited, session};
pub use expect::{Admitter, Expect, Flow};
pub use files::{cases_dir, read_cases, root};
pub use judge::{Failure, judge};
pub use markdown::parse;
pub use run::{Tally, filtered, report};
pub use truth::{Row, Truth};

use portcullis_engine::net::Family;
use portcullis_engine::{FlowQuery, Options};
use serde::Serialize;

/// One file of cases.
#[derive(Clone, Debug, Default)]
pub struct CaseFile {
    /// Its path, from the root of the project.
    pub path: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
    /// What is wrong with the file itself.
    pub problems: Vec<Failure>,
}

/// One section: input, and what is expected of the answers.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// The path of its file, from the root of the project.
    pub path: String,
    /// The section's heading.
    pub title: String,
    /// The line of the heading.
    pub line: usize,
    /// The files that are read.
    pub inputs: Vec<Input>,
    /// What the input does not say.
    pub options: CaseOptions,
    /// Its truth tables. Their cells are among the expectations.
    #[serde(skip)]
    pub tables: Vec<Truth>,
    /// What is expected.
    #[serde(skip)]
    pub expectations: Vec<Expectation>,
    /// The flows that the expectations speak of, in their order.
    pub flows: Vec<FlowQuery>,
}

/// A file that a case reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name; positions name it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The options of a case, as users write them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseOptions {
    /// `--pod-cidr`
    pub pod_cidrs: Vec<String>,
    /// `--node-cidr`
    pub node_cidrs: Vec<String>,
    /// `--family`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// `--domain`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain_names: Vec<String>,
    /// `--namespace-labels`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespace_labels: Vec<String>,
    /// `--assume-unlabelled-namespaces`
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub assume_unlabelled_namespaces: bool,
    /// `--namespace`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// One line of an `expect` block, or one cell of a `truth` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Its line in the case file.
    pub line: usize,
    /// As written; of a cell, as a line of an `expect` block would have it.
    pub text: String,
    /// What it means.
    pub expect: Expect,
}

impl CaseOptions {
    /// The options as the command takes them.
    pub fn arguments(&self) -> Vec<String> {
        let named = |name: &str, values: &[String]| -> Vec<String> {
            let pairs = values.iter().map(|value| [name.to_owned(), value.clone()]);
            pairs.flatten().collect()
        };
        let mut arguments = named("--pod-cidr", &self.pod_cidrs);
        arguments.extend(named("--node-cidr", &self.node_cidrs));
        arguments.extend(named("--domain", &self.domain_names));
        arguments.extend(named("--namespace-labels", &self.namespace_labels));
        let flag = "--assume-unlabelled-namespaces".to_owned();
        arguments.extend(self.assume_unlabelled_namespaces.then_some(flag));
        arguments.extend(named("--namespace", self.namespace.as_slice()));
        arguments
    }

    /// The options that only questions about flows and lists take, as the command takes them.
    pub fn arguments_of_questions(&self) -> Vec<String> {
        let family = self.family.map(|family| ["--family".to_owned(), family.to_string()]);
        family.into_iter().flatten().chain(self.arguments()).collect()
    }

    /// The options as the engine takes them.
    ///
    /// # Errors
    /// If a range is none.
    pub fn options(&self) -> Result<Options, String> {
        let nets = |texts: &[String]| -> Result<Vec<_>, String> {
            let nets = texts.iter().map(|text| text.parse().map_err(|_| text));
            let nets: Result<_, &String> = nets.collect();
            nets.map_err(|text| format!("`{text}` is no range of addresses"))
        };
        let defaults = Options::default();
        let namespace = self.namespace.clone();
        let domains = self.domain_names.iter().map(|text| text.parse());
        let domains: Vec<_> = domains.collect::<Result<_, String>>()?;
        let labels = self.namespace_labels.iter().map(|text| text.parse());
        let labels: Vec<_> = labels.collect::<Result<_, String>>()?;
        let mut options = Options {
            pod_cidrs: nets(&self.pod_cidrs)?,
            node_cidrs: nets(&self.node_cidrs)?,
            family: self.family,
            default_namespace: namespace.unwrap_or(defaults.default_namespace),
            ..defaults
        };
        options.namespaces.unlabelled = self.assume_unlabelled_namespaces;
        Ok(options.with_domain_names(domains).with_namespace_labels(labels))
    }
}
