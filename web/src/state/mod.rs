//! What the page knows, and how it changes.

mod action;
mod context;
mod flow;
mod reduce;
mod storage;

use std::collections::BTreeSet;
use std::rc::Rc;

pub use action::Action;
pub use context::{Store, use_store};
pub use flow::FlowForm;
pub use storage::{load, save, save_language, save_theme};

use crate::text::Language;
use crate::worker::message::{Findings, FlowAnswer, Question, Reach, RuleFlows, Scene};

/// A file as the editor has it.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    pub name: Rc<str>,
    pub text: Rc<str>,
}

/// What a user works on: enough to bring it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    pub files: Vec<File>,
    pub open: Rc<str>,
    /// The example that it began as.
    pub example: Option<&'static str>,
    pub flow: FlowForm,
}

/// The one thing that is amber.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Selection {
    #[default]
    None,
    /// The flow in the flow bar.
    Flow,
    /// A node, by id.
    Node(String),
    /// A line of the diagram that stands for several flows, by ids of their ends.
    Bundle(Rc<Vec<(String, String)>>),
    /// The rule that `State::rule` holds, at a line of a file.
    Rule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Diagram,
    Matrix,
    List,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Explain,
    Reach,
    Findings,
}

/// The pane that a phone shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    Edit,
    View,
    Explain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

/// A place that the editor is sent to; the number makes a second visit another one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visit {
    pub number: u32,
    pub file: String,
    pub line: u32,
}

/// A short message at the bottom.
#[derive(Clone, Debug, PartialEq)]
pub enum Toast {
    Say(String),
    /// Offers the work that was replaced.
    PutAside,
}

#[derive(Clone)]
pub struct State {
    /// Grows with every change: states compare by it.
    pub revision: u32,
    pub work: Work,
    /// Another number: other work altogether.
    pub work_number: u32,
    /// Another number: the set of files changed otherwise than by typing.
    pub files_number: u32,
    pub changed: Rc<BTreeSet<Rc<str>>>,
    pub aside: Option<Rc<Work>>,
    pub lesson: bool,
    pub findings: Option<Rc<Findings>>,
    pub scene: Option<Rc<Scene>>,
    /// Numbers of the texts that the findings and the scene are of.
    pub findings_number: u32,
    pub scene_number: u32,
    pub answer: Option<Rc<FlowAnswer>>,
    pub reach: Option<Rc<Reach>>,
    pub rule: Option<Rc<RuleFlows>>,
    pub took: f64,
    pub working: bool,
    pub stopped: bool,
    pub selection: Selection,
    /// The line whose rule is looked for.
    pub cursor: Option<(Rc<str>, u32)>,
    /// Whether what was chosen is to be brought into sight once it is answered.
    pub chosen: bool,
    /// Another number: the editor is to show the amber lines.
    pub reveal: u32,
    /// The node that the reach is shown of; outlives its selection.
    pub node: Option<String>,
    pub visit: Visit,
    pub view: View,
    pub tab: Tab,
    pub pane: Pane,
    pub filter: Rc<str>,
    pub language: Language,
    pub theme: Theme,
    pub toast: Option<Toast>,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision
    }
}

impl State {
    pub fn new(work: Work, language: Language, theme: Theme) -> Self {
        Self {
            revision: 0,
            lesson: work.example.is_some(),
            work,
            work_number: 1,
            files_number: 1,
            changed: Rc::default(),
            aside: None,
            findings: None,
            scene: None,
            findings_number: 0,
            scene_number: 0,
            answer: None,
            reach: None,
            rule: None,
            took: 0.0,
            working: false,
            stopped: false,
            selection: Selection::None,
            cursor: None,
            chosen: false,
            reveal: 0,
            node: None,
            visit: Visit::default(),
            view: View::Diagram,
            tab: Tab::Explain,
            pane: Pane::View,
            filter: "".into(),
            language,
            theme,
            toast: None,
        }
    }

    /// What the worker is asked besides the files.
    pub fn question(&self) -> Question {
        let line = self.cursor.as_ref().map(|(file, line)| (file.to_string(), *line));
        Question { flow: self.work.flow.query(), node: self.node.clone(), line }
    }

    /// Whether there is nothing to look at yet.
    pub fn is_empty(&self) -> bool {
        self.work.files.iter().all(|file| file.text.trim().is_empty())
    }

    pub fn text(&self) -> &'static crate::text::Text {
        self.language.text()
    }
}

impl Work {
    /// One empty file.
    pub fn empty() -> Self {
        Self {
            files: vec![File { name: "manifests.yaml".into(), text: "".into() }],
            open: "manifests.yaml".into(),
            example: None,
            flow: FlowForm::default(),
        }
    }

    pub fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| *file.name == *name)
    }

    /// The name, or one like it that is not taken.
    pub fn free_name(&self, name: &str) -> String {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "yaml"));
        let numbered = (2..).map(|n| format!("{stem}-{n}.{ending}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| self.file(name).is_none()).unwrap_or_default()
    }
}
