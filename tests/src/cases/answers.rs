//! What a runner found out about a case.

use portcullis_engine::report::text::{self, ListFormat};
use portcullis_engine::report::{CheckReport, FlowReport, ListReport};
use portcullis_engine::{Change, ListFilter, Session, SourceFile};
use serde::{Deserialize, Serialize};

use super::Case;

/// Everything that the expectations of a case ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The findings.
    pub check: CheckReport,
    /// The list, with each pair of workloads for itself.
    pub list: ListReport,
    /// The list as text, where the runner has its own; else it is made from `list`.
    #[serde(default)]
    pub lines: Option<Vec<String>>,
    /// Of every flow of the case, in order.
    pub flows: Vec<FlowAnswer>,
}

/// The answer to one question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FlowAnswer {
    /// It was refused.
    Refused {
        /// With this message.
        error: String,
    },
    /// It was answered.
    Report(Box<FlowReport>),
}

impl Answers {
    /// What the engine answers.
    ///
    /// # Errors
    /// If the options are none.
    pub fn of_engine(case: &Case) -> Result<Self, String> {
        Ok(Self::of_session(&session(case)?, case))
    }

    /// What the engine answers about a session that has read the case.
    pub fn of_session(session: &Session, case: &Case) -> Self {
        let flows = case.flows.iter().map(|flow| match session.evaluate(flow) {
            Ok(report) => FlowAnswer::Report(Box::new(report)),
            Err(error) => FlowAnswer::Refused { error: error.to_string() },
        });
        Self {
            check: session.check(),
            list: session.list(&ListFilter { expand: true, ..ListFilter::default() }),
            lines: None,
            flows: flows.collect(),
        }
    }

    /// Lines of the list as text.
    pub fn list_lines(&self) -> Vec<String> {
        if let Some(lines) = &self.lines {
            return lines.clone();
        }
        text::list(&self.list, ListFormat::Text).lines().map(str::to_owned).collect()
    }
}

/// A session that has read a case.
///
/// # Errors
/// If the case's options are none.
pub fn session(case: &Case) -> Result<Session, String> {
    let files = case.inputs.iter().map(|input| {
        let file = SourceFile::new(&input.name, input.text.as_bytes());
        Change::Put(file)
    });
    Ok(Session::new(case.options.options()?).apply(files.collect()))
}

/// A session that has read another case, edited until it has read this one, as the fresh one has;
/// none if its files stand in another order, which decides between objects of one name.
pub fn edited(before: &Session, case: &Case, fresh: &Session) -> Option<Session> {
    let is_input = |name: &str| case.inputs.iter().any(|input| input.name == name);
    let gone = before.files().iter().filter(|file| !is_input(&file.name));
    let gone = gone.map(|file| Change::Remove(file.name.to_string()));
    let put = case.inputs.iter().map(|input| before.reread(&input.name, input.text.as_bytes()));
    let session = before.apply(gone.chain(put).collect());
    let names = |session: &Session| -> Vec<String> {
        session.files().iter().map(|file| file.name.to_string()).collect()
    };
    (names(&session) == names(fresh)).then_some(session)
}
