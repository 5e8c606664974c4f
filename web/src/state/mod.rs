//! What the page knows, and how it changes.

mod action;
mod context;
mod flow;
mod kept;
mod reduce;
mod secrets;
mod shared;
mod storage;

use std::collections::BTreeSet;
use std::rc::Rc;

pub use action::Action;
pub use context::{Store, use_store};
pub use flow::FlowForm;
pub use kept::{Opening, SetName, Written};
pub use storage::{Seen, save_language, save_seen, save_solved, save_theme, save_width, width};

pub mod sets {
    //! Sets of manifests that the browser keeps.
    pub use super::kept::{
        first, forget, keep, keep_removed, names, new_id, open, remember, remove, rename,
    };
}

pub mod links {
    //! Work in addresses.
    pub use super::shared::{Link, Opened, VERSION, is_there, link, of_hash};
}

use serde::{Deserialize, Serialize};

use crate::text::Language;
use crate::worker::message::{
    Broken, Changes, Findings, FlowAnswer, Question, Reach, RuleFlows, Scene, What,
};
use crate::worker::{Assume, Texts};

/// A file as the editor has it.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    pub name: Rc<str>,
    pub text: Rc<str>,
}

/// What a user works on: enough to bring it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Under which it is kept; none before it is the user's own.
    pub id: Option<Rc<str>>,
    /// As the user calls it; none: after its files.
    pub name: Option<Rc<str>>,
    pub files: Vec<File>,
    pub open: Rc<str>,
    /// The example that it began as.
    pub example: Option<&'static str>,
    pub flow: FlowForm,
    /// What the files do not say.
    pub assume: Assume,
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
    /// A line of the diagram or of the list that stands for several flows.
    Bundle(Rc<Bundle>),
    /// The rule that `State::rule` holds, at a line of a file.
    Rule,
}

/// Flows that one line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The first of them, by ids of their ends.
    pub edges: Vec<(String, String)>,
    /// How many there are.
    pub all: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    Diagram,
    Matrix,
    List,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tab {
    Explain,
    Reach,
    Findings,
}

/// The pane that a phone shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Offers the file that was closed, by name.
    Closed(Rc<str>),
    /// Offers the set that was deleted.
    Deleted(Rc<Work>),
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
    /// The file that was closed last, and where it stood.
    pub closed: Option<(File, usize)>,
    /// What the browser keeps, the newest first.
    pub sets: Rc<[SetName]>,
    pub lesson: bool,
    /// How many flows of the example's goal are as wanted; none before that is known.
    pub goal: Option<usize>,
    /// Examples of which the goal has been reached, by id.
    pub solved: Rc<BTreeSet<Rc<str>>>,
    pub findings: Option<Rc<Findings>>,
    /// What later states are compared with: its files.
    pub pinned: Option<Rc<Texts>>,
    /// What differs from that; none until it is known.
    pub changes: Option<Rc<Changes>>,
    /// Whether that is shown in place of the view.
    pub comparing: bool,
    pub scene: Option<Rc<Scene>>,
    /// Documents that cannot be read: no answer counts them.
    pub broken: Rc<[Broken]>,
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
            goal: None,
            solved: Rc::default(),
            work,
            work_number: 1,
            files_number: 1,
            changed: Rc::default(),
            aside: None,
            closed: None,
            sets: Rc::default(),
            findings: None,
            pinned: None,
            changes: None,
            comparing: false,
            scene: None,
            broken: Rc::default(),
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
        let form = self.work.flow.resolved(self.text().outside, self.outside());
        let example = self.work.example.and_then(crate::examples::find);
        let goal = example.map(|example| example.goal.queries()).unwrap_or_default();
        Question { flow: form.query(), node: self.node.clone(), line, goal }
    }

    /// An address to ask with where somebody writes `outside`, which a card is called.
    fn outside(&self) -> Option<&str> {
        let nodes = self.scene.as_deref()?.nodes.iter();
        let mut ranges = nodes.filter(|node| matches!(node.what, What::Addresses(_)));
        let any = ranges.clone().next();
        ranges.find(|node| node.id == "outside").or(any).map(|node| node.ask.as_str())
    }

    /// Whether the example's goal is reached. What cannot be read may say otherwise, once it can.
    pub fn is_goal_met(&self) -> bool {
        let example = self.work.example.and_then(crate::examples::find);
        let all = example.map(|example| example.goal.flows.len());
        self.goal.is_some() && self.goal == all && self.broken.is_empty()
    }

    /// Whether there is nothing to look at yet.
    pub fn is_empty(&self) -> bool {
        self.work.files.iter().all(|file| file.text.trim().is_empty())
    }

    /// Whether there is something that is not an example as it came: it is kept.
    pub fn is_own(&self) -> bool {
        let own = self.work.example.is_none()
            || !self.changed.is_empty()
            || !self.has_all_files()
            || !self.work.assume.is_empty();
        own && !self.is_empty()
    }

    /// Whether the files are those of the example, by name.
    fn has_all_files(&self) -> bool {
        let example = self.work.example.and_then(crate::examples::find);
        example.is_some_and(|example| {
            let mut names = self.work.files.iter().map(|file| &*file.name);
            names.len() == example.files.len()
                && names.all(|name| example.files.iter().any(|(known, _)| *known == name))
        })
    }

    pub fn text(&self) -> &'static crate::text::Text {
        self.language.text()
    }
}

impl Work {
    /// One empty file.
    pub fn empty() -> Self {
        Self {
            id: None,
            name: None,
            files: vec![File { name: "manifests.yaml".into(), text: "".into() }],
            open: "manifests.yaml".into(),
            example: None,
            flow: FlowForm::default(),
            assume: Assume::default(),
        }
    }

    /// As menus call it.
    pub fn title(&self) -> String {
        if let Some(name) = &self.name {
            return name.to_string();
        }
        let names: Vec<&str> = self.files.iter().map(|file| &*file.name).collect();
        match names.as_slice() {
            [first, second, _, ..] => format!("{first}, {second}, …"),
            _ => names.join(", "),
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
