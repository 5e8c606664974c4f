//! What can happen.

use std::rc::Rc;

use super::{Bundle, File, FlowForm, Pane, SetName, Tab, Theme, Toast, View, Work};
use crate::text::Language;
use crate::worker::Assume;
use crate::worker::message::{Changes, Findings, Reply};

pub enum Action {
    // Files.
    /// The editor has another text for a file.
    Typed(Rc<str>, Rc<str>),
    Open(Rc<str>),
    /// Adds files; names that are taken get another one.
    Add(Vec<File>),
    Rename(Rc<str>, Rc<str>),
    Close(Rc<str>),
    /// Other work; what was there is put aside if it was the user's own.
    Begin(Box<Work>),
    /// The work that was put aside, or the file that was closed.
    BringBack,
    /// The work is the user's own, and is kept under this id.
    Identify(Rc<str>),
    /// The work has another name.
    Name(Rc<str>),
    /// What the browser keeps.
    Kept(Rc<[SetName]>),
    /// Nothing is kept, and nothing is here any more.
    Forget,
    // Answers.
    Replied(Box<Reply>),
    Found(Findings),
    /// What differs from the pinned state.
    Changed(Changes),
    /// Compares later states with this one; or no more.
    Pin(bool),
    /// Shows what differs, or what was shown before.
    Compare(bool),
    Working(bool),
    Stopped,
    // Selections.
    /// The flow between two nodes, by id.
    PickEdge(String, String),
    PickBundle(Bundle),
    PickNode(String),
    /// The cursor stands on another line.
    PickLine(Rc<str>, u32),
    /// The flow bar, as typed.
    Ask(FlowForm),
    /// What the manifests do not say.
    Assume(Assume),
    /// The flow in the flow bar is to be explained.
    Explain,
    Unpick,
    /// The editor is to show a line.
    Visit(String, u32),
    // What is shown.
    Show(View),
    ShowTab(Tab),
    ShowPane(Pane),
    ShowLesson(bool),
    Filter(Rc<str>),
    Speak(Language),
    Wear(Theme),
    Say(Option<Toast>),
}
