//! The next state.

use std::collections::BTreeSet;
use std::rc::Rc;

use portcullis_engine::report::Verdict;
use yew::Reducible;

use super::{Action, Bundle, File, FlowForm, Pane, Selection, State, Tab, Toast, Visit, Work};
use crate::editor::marks;
use crate::examples;
use crate::worker::message::{Changes, Reply, RuleFlows, Scene};

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = (*self).clone();
        next.revision = next.revision.wrapping_add(1);
        next.apply(action);
        Rc::new(next)
    }
}

impl State {
    fn apply(&mut self, action: Action) {
        match action {
            Action::Typed(name, text) => self.typed(&name, text),
            Action::Open(name) => self.work.open = name,
            Action::Add(files) => self.add(files),
            Action::Rename(from, to) => self.rename(&from, to),
            Action::Close(name) => self.close(&name),
            Action::Begin(work) => self.begin(*work),
            Action::BringBack => self.bring_back(),
            Action::Identify(id) => self.work.id = Some(id),
            Action::Name(name) => {
                self.work.name = Some(name).filter(|name| !name.trim().is_empty());
            }
            Action::Kept(sets) => self.sets = sets,
            Action::Forget => self.forget(),
            Action::Replied(reply) => self.replied(*reply),
            Action::Found(findings) => self.findings = Some(Rc::new(findings)),
            Action::Changed(changes) => self.changed_since(changes),
            Action::Pin(pinned) => self.pin(pinned),
            Action::Compare(comparing) => {
                self.comparing = comparing && self.pinned.is_some();
                self.pane = Pane::View;
            }
            Action::Working(working) => self.working = working,
            Action::Stopped => self.stopped = true,
            Action::PickEdge(from, to) => self.pick_edge(&from, &to),
            Action::PickBundle(bundle) => self.pick_bundle(bundle),
            Action::PickNode(node) => self.pick_node(node),
            Action::PickLine(file, line) => self.cursor = Some((file, line)),
            Action::Ask(flow) => self.ask(flow),
            Action::Explain => self.explain(),
            Action::Assume(assume) => self.work.assume = assume,
            Action::Unpick => self.unpick(),
            Action::Visit(file, line) => self.visit(file, line),
            Action::Show(view) => {
                (self.view, self.pane, self.comparing) = (view, Pane::View, false);
            }
            Action::ShowTab(tab) => self.tab = tab,
            Action::ShowPane(pane) => self.pane = pane,
            Action::ShowLesson(shown) => self.lesson = shown,
            Action::Filter(filter) => self.filter = filter,
            Action::Speak(language) => self.language = language,
            Action::Wear(theme) => self.theme = theme,
            Action::Say(toast) => self.toast = toast,
        }
    }

    fn typed(&mut self, name: &str, text: Rc<str>) {
        let Some(file) = self.work.files.iter_mut().find(|file| *file.name == *name) else {
            return;
        };
        if file.text == text {
            return;
        }
        file.text = text;
        self.mark_changed(name);
        self.stopped = false;
        self.forget_line();
    }

    /// Changed is what differs from the example; own files are never said to be.
    fn mark_changed(&mut self, name: &str) {
        let original = self.work.example.and_then(|id| examples::text_of(id, name));
        let now = self.work.file(name).map(|file| &*file.text);
        let changed: &mut BTreeSet<Rc<str>> = Rc::make_mut(&mut self.changed);
        if original.is_some() && original != now {
            changed.insert(name.into());
        } else {
            changed.remove(name);
        }
    }

    fn add(&mut self, files: Vec<File>) {
        if self.is_empty() {
            self.work.files.clear();
        }
        for file in files {
            let name: Rc<str> = self.work.free_name(&file.name).into();
            self.work.open = Rc::clone(&name);
            self.work.files.push(File { name, text: file.text });
        }
        self.files_number += 1;
        self.pane = if self.is_empty() { Pane::Edit } else { self.pane };
    }

    fn rename(&mut self, from: &str, to: Rc<str>) {
        if to.trim().is_empty() || self.work.file(&to).is_some() {
            return;
        }
        if let Some(file) = self.work.files.iter_mut().find(|file| *file.name == *from) {
            file.name = Rc::clone(&to);
        }
        if *self.work.open == *from {
            self.work.open = to;
        }
        self.files_number += 1;
    }

    fn close(&mut self, name: &str) {
        let Some(at) = self.work.files.iter().position(|file| *file.name == *name) else {
            return;
        };
        let file = self.work.files.remove(at);
        if !file.text.trim().is_empty() {
            self.toast = Some(Toast::Closed(Rc::clone(&file.name)));
            self.closed = Some((file, at));
        }
        if self.work.files.is_empty() {
            self.work.files = Work::empty().files;
        }
        if self.work.file(&self.work.open).is_none() {
            let next = self.work.files.get(at).or(self.work.files.last());
            self.work.open = next.map(|file| Rc::clone(&file.name)).unwrap_or_default();
        }
        self.files_number += 1;
    }

    fn begin(&mut self, work: Work) {
        let own = self.is_own();
        if own {
            self.aside = Some(Rc::new(self.work.clone()));
        }
        self.toast = own.then_some(Toast::PutAside);
        self.replace(work);
    }

    fn bring_back(&mut self) {
        match self.toast.take() {
            Some(Toast::Closed(_)) => self.open_again(),
            Some(Toast::PutAside) => {
                if let Some(work) = self.aside.take() {
                    self.replace((*work).clone());
                }
            }
            Some(Toast::Deleted(_) | Toast::Say(_)) | None => {}
        }
    }

    /// Only the closed file comes back: what was typed into others since stays.
    fn open_again(&mut self) {
        let Some((file, at)) = self.closed.take() else {
            return;
        };
        if self.is_empty() {
            self.work.files.clear();
        }
        let name: Rc<str> = self.work.free_name(&file.name).into();
        let at = at.min(self.work.files.len());
        self.work.files.insert(at, File { name: Rc::clone(&name), text: file.text });
        self.mark_changed(&name);
        self.work.open = name;
        self.files_number += 1;
    }

    fn forget(&mut self) {
        self.replace(Work::empty());
        (self.aside, self.sets, self.solved) = (None, Rc::default(), Rc::default());
        self.toast = Some(Toast::Say(self.text().forgotten.to_owned()));
    }

    fn replace(&mut self, work: Work) {
        self.lesson = work.example.is_some();
        self.forget_line();
        self.chosen = work.flow.query().is_some();
        self.selection = if self.chosen { Selection::Flow } else { Selection::None };
        self.work = work;
        self.work_number += 1;
        self.files_number += 1;
        self.changed = Rc::default();
        self.closed = None;
        let names: Vec<Rc<str>> =
            self.work.files.iter().map(|file| Rc::clone(&file.name)).collect();
        names.iter().for_each(|name| self.mark_changed(name));
        (self.findings, self.scene, self.answer) = (None, None, None);
        self.pin(false);
        (self.reach, self.rule, self.node, self.goal) = (None, None, None, None);
        self.broken = Rc::default();
        (self.tab, self.filter, self.stopped) = (Tab::Explain, "".into(), false);
    }

    fn pin(&mut self, is_wanted: bool) {
        let files = self.work.files.iter().map(|file| (file.name.clone(), file.text.clone()));
        self.pinned = is_wanted.then(|| Rc::new(files.collect()));
        (self.changes, self.comparing) = (None, false);
    }

    /// What comes after the pin was taken off is about nothing.
    fn changed_since(&mut self, changes: Changes) {
        self.changes = self.pinned.is_some().then(|| Rc::new(changes));
    }

    fn replied(&mut self, reply: Reply) {
        self.stopped = false;
        if let Some(scene) = reply.scene {
            self.scene = Some(Rc::new(scene));
            self.took = reply.took;
        }
        if let Some(broken) = reply.broken {
            self.broken = broken.into();
        }
        self.measure(&reply.goal);
        self.answer = reply.flow.map(Rc::new);
        self.reach = reply.reach.map(Rc::new);
        self.take_rule(reply.rule.map(Rc::new));
        self.bring_into_sight();
    }

    /// How near the goal of the lesson is.
    fn measure(&mut self, verdicts: &[Option<Verdict>]) {
        let Some(example) = self.work.example.and_then(examples::find) else {
            self.goal = None;
            return;
        };
        let (met, all) = (example.goal.met(verdicts), example.goal.flows.len());
        self.goal = (verdicts.len() == all).then_some(met);
        if self.is_goal_met() && !self.solved.contains(example.id) {
            Rc::make_mut(&mut self.solved).insert(example.id.into());
        }
    }

    /// Only a rule takes the place of what is selected: on other lines a cursor is but a cursor.
    fn take_rule(&mut self, rule: Option<Rc<RuleFlows>>) {
        match &rule {
            Some(_) => (self.selection, self.tab) = (Selection::Rule, Tab::Explain),
            None if self.selection == Selection::Rule => self.selection = Selection::None,
            None => {}
        }
        self.rule = rule;
    }

    fn forget_line(&mut self) {
        self.cursor = None;
        self.take_rule(None);
    }

    /// Opens the file with the lines that decide, once after a choice.
    fn bring_into_sight(&mut self) {
        if !self.chosen || self.answer.is_none() {
            return;
        }
        self.chosen = false;
        self.reveal += 1;
        if let Some(mark) = marks(self).first()
            && self.work.file(&mark.file).is_some()
        {
            self.work.open = mark.file.as_str().into();
        }
    }

    fn unpick(&mut self) {
        self.forget_line();
        self.selection = Selection::None;
    }

    fn pick_edge(&mut self, from: &str, to: &str) {
        let flow =
            self.scene.as_deref().and_then(|scene| flow_of(scene, &self.work.flow, (from, to)));
        if let Some(flow) = flow
            && flow != self.work.flow
        {
            // Its answer is on its way; that of the flow before must not be shown for it.
            self.answer = None;
            self.work.flow = flow;
        }
        self.explain();
    }

    fn pick_bundle(&mut self, bundle: Bundle) {
        self.forget_line();
        self.selection = Selection::Bundle(Rc::new(bundle));
        self.tab = Tab::Explain;
    }

    fn pick_node(&mut self, node: String) {
        self.forget_line();
        self.selection = Selection::Node(node.clone());
        self.node = Some(node);
        self.tab = Tab::Reach;
    }

    fn ask(&mut self, flow: FlowForm) {
        self.forget_line();
        self.work.flow = flow;
        self.selection = Selection::Flow;
    }

    fn explain(&mut self) {
        self.forget_line();
        self.selection = Selection::Flow;
        self.tab = Tab::Explain;
        self.chosen = true;
        self.bring_into_sight();
    }

    fn visit(&mut self, file: String, line: u32) {
        self.work.open = file.as_str().into();
        self.pane = Pane::Edit;
        self.visit = Visit { number: self.visit.number + 1, file, line };
    }
}

/// The flow of the edge between two nodes.
fn flow_of(scene: &Scene, form: &FlowForm, (from, to): (&str, &str)) -> Option<FlowForm> {
    let index = |id: &str| scene.nodes.iter().position(|node| node.id == id);
    let (from, to) = (u32::try_from(index(from)?).ok()?, u32::try_from(index(to)?).ok()?);
    match scene.flows.edge(from, to) {
        Some(edge) => form.of_edge(scene, &edge),
        None => form.of_ends(scene, (from, to)),
    }
}
