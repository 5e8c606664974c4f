//! Reading a file of rules, strictly: what is not understood is an error on its line.

use std::sync::Arc;

use super::ends::{Ends, Party};
use super::values::{entry, value};
use super::{Demand, Flows, Future, GateRules, Rule, RulesError};
use crate::cluster::NAME_LABEL;
use crate::diagnostic::nearest;
use crate::lint::is_contradictory;
use crate::report::hypothetical::Selection;
use crate::report::types::Location;
use crate::selector::{Operator, Requirement, Selector};
use crate::source::{LineIndex, Span};
use crate::tree::{Entry, Node, Value, read_whole_trees};

const TOP: &[&str] = &["rules"];
const RULE: &[&str] =
    &["name", "description", "never", "never-meet", "no-new-access", "ports", "future"];
const FLOWS: &[&str] = &["from", "to", "ports", "except-from", "except-to"];
const END: &[&str] = &["pods", "namespaces", "namespace", "addresses"];
const WORDS: &[&str] = &["internet", "outside", "pods", "anything"];
const FUTURES: &[(&str, Future)] =
    &[("namespaces", Future::Namespaces), ("pods", Future::Pods), ("nothing", Future::Nothing)];

impl GateRules {
    /// The rules of a file in YAML or JSON.
    ///
    /// # Errors
    /// All that is wrong in it, in the order of the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<RulesError>> {
        let mut reader =
            Reader { file: file.into(), lines: LineIndex::new(text), text, errors: Vec::new() };
        let rules = reader.document();
        match (reader.errors.is_empty(), rules) {
            (true, Some(rules)) => Ok(Self { rules }),
            _ => {
                reader.errors.sort_by_key(|error| (error.line, error.column));
                Err(reader.errors)
            }
        }
    }
}

/// Reads one file and collects what is wrong in it.
pub struct Reader<'t> {
    file: Arc<str>,
    lines: LineIndex,
    text: &'t str,
    errors: Vec<RulesError>,
}

impl<'t> Reader<'t> {
    /// Notes what is wrong at a place.
    pub fn error(&mut self, span: Span, message: impl Into<String>) {
        let at = self.lines.position(self.text, span.start as usize);
        let (file, message) = (self.file.clone(), message.into());
        self.errors.push(RulesError { file, line: at.line, column: at.column, message });
    }

    fn document(&mut self) -> Option<Vec<Rule>> {
        let trees = read_whole_trees(self.text);
        for finding in trees.findings.iter().chain(trees.fault.as_deref()) {
            let help = finding.help.as_ref().map_or_else(String::new, |help| format!(": {help}"));
            let message = format!("{}{help}", finding.message);
            self.error(finding.span.unwrap_or_default(), message);
        }
        if trees.fault.is_some() {
            return None;
        }
        let (root, more) = match trees.documents.as_slice() {
            [] => {
                self.error(Span::default(), "no rules in it: `rules` expected, a list of rules");
                return None;
            }
            [root, more @ ..] => (root, more),
        };
        if let Some(second) = more.first() {
            self.error(second.span, "a second document: one file has one list of rules");
        }
        let entries = self.entries(root, "a file of rules", TOP)?;
        let Some(list) = value(entries, "rules") else {
            self.error(root.span, "`rules` is missing: a list of rules");
            return None;
        };
        let items = self.items(list, "`rules`")?;
        let rules: Vec<Option<Rule>> = items.iter().map(|item| self.rule(item)).collect();
        self.check_names(items);
        rules.into_iter().collect()
    }

    /// Two rules of a name could not be told apart in an answer.
    fn check_names(&mut self, items: &[Node<'t>]) {
        let names: Vec<(&Node<'t>, &str)> = items
            .iter()
            .filter_map(|item| item.get("name").and_then(|name| Some((name, name.as_str()?))))
            .collect();
        for (at, (node, name)) in names.iter().enumerate() {
            if names.iter().take(at).any(|(_, earlier)| earlier == name) {
                self.error(node.span, format!("duplicate name `{name}`: give each rule its own"));
            }
        }
    }

    fn rule(&mut self, node: &Node<'t>) -> Option<Rule> {
        let entries = self.entries(node, "a rule", RULE)?;
        let name = self.required_text(node, entries, "name");
        let description =
            entry(entries, "description").and_then(|one| self.string(&one.value, "`description`"));
        let future = self.future(entries);
        let demands: Vec<&Entry<'t>> = entries
            .iter()
            .filter(|one| ["never", "never-meet", "no-new-access"].contains(&&*one.key))
            .collect();
        let demand = match demands.as_slice() {
            [one] => self.demand(one, entries),
            [] => {
                self.error(
                    node.span,
                    "a rule needs one of `never`, `never-meet` and `no-new-access`",
                );
                None
            }
            [_, second, ..] => {
                let message = format!("`{}` is a second demand: write a rule for each", second.key);
                self.error(second.key_span, message);
                None
            }
        };
        let compares = matches!(demand, Some(Demand::NoNewAccess(_)));
        if let Some(one) = entry(entries, "future").filter(|_| compares) {
            self.error(one.key_span, "`no-new-access` takes no `future`: it compares policies for all pods and namespaces");
        }
        if let (Some(one), Some(true)) = (
            entry(entries, "ports"),
            demand.as_ref().map(|one| !matches!(one, Demand::NeverMeet(..))),
        ) {
            self.error(one.key_span, "`ports` belongs next to `from` and `to` here");
        }
        let location = self.location(node.span);
        Some(Rule { name: name?, description, location, demand: demand?, future: future? })
    }

    fn location(&self, span: Span) -> Location {
        let at = |offset: u32| self.lines.position(self.text, offset as usize);
        let (first, end) = (at(span.start), at(span.end.max(span.start)));
        Location {
            file: self.file.clone(),
            line: first.line,
            column: first.column,
            end_line: end.line,
            end_column: end.column,
        }
    }

    fn future(&mut self, entries: &[Entry<'t>]) -> Option<Future> {
        let Some(node) = value(entries, "future") else { return Some(Future::default()) };
        let word = self.string(node, "`future`")?;
        let found = FUTURES.iter().find(|(name, _)| *name == &*word);
        if found.is_none() {
            let message =
                format!("`{word}` is not a valid `future`: use namespaces, pods or nothing");
            self.error(node.span, message);
        }
        found.map(|(_, future)| *future)
    }

    fn demand(&mut self, entry: &Entry<'t>, rule: &[Entry<'t>]) -> Option<Demand> {
        let node = &entry.value;
        match &*entry.key {
            "never" => {
                let flows = self.flows(node, "`never`")?;
                let is_known = |one: &Entry<'t>| FLOWS.contains(&&*one.key);
                let are_known = matches!(&node.value, Value::Map(all) if all.iter().all(is_known));
                for name in ["from", "to"] {
                    if are_known && node.get(name).is_none() {
                        self.error(entry.key_span, format!("`never` needs `{name}`"));
                        return None;
                    }
                }
                Some(Demand::Never(flows))
            }
            "no-new-access" => {
                let flows = self.flows(node, "`no-new-access`")?;
                Some(Demand::NoNewAccess(flows))
            }
            _ => {
                let items = self.items(node, "`never-meet`")?;
                let sides: Vec<Option<Ends>> = items
                    .iter()
                    .map(|item| self.one(item))
                    .map(|one| Some(Ends::of(one?)))
                    .collect();
                let sides: Vec<Ends> = sides.into_iter().collect::<Option<_>>()?;
                if sides.len() < 2 {
                    self.error(node.span, "`never-meet` needs two ends or more");
                    return None;
                }
                Some(Demand::NeverMeet(sides, self.ports(value(rule, "ports"))?))
            }
        }
    }

    fn flows(&mut self, node: &Node<'t>, what: &str) -> Option<Flows> {
        let entries = self.entries(node, what, FLOWS)?;
        let from = self.ends(entries, ("from", "except-from"));
        let to = self.ends(entries, ("to", "except-to"));
        let ports = self.ports(value(entries, "ports"));
        Some(Flows { from: from?, to: to?, ports: ports? })
    }

    fn ends(&mut self, entries: &[Entry<'t>], (name, except): (&str, &str)) -> Option<Ends> {
        let any = match entry(entries, name) {
            None => Some(Ends::anything().any),
            Some(one) => self.parties(&one.value),
        };
        let except = match entry(entries, except) {
            None => Some(Vec::new()),
            Some(one) => self.parties(&one.value),
        };
        Some(Ends { any: any?, except: except? })
    }

    /// One end or a list of them.
    fn parties(&mut self, node: &Node<'t>) -> Option<Vec<Party>> {
        match &node.value {
            Value::Seq(items) if items.is_empty() => {
                self.error(node.span, "an empty list names nothing");
                None
            }
            Value::Seq(items) => {
                let all: Vec<Option<Vec<Party>>> =
                    items.iter().map(|item| self.one(item)).collect();
                let all: Option<Vec<Vec<Party>>> = all.into_iter().collect();
                Some(all?.concat())
            }
            _ => self.one(node),
        }
    }

    fn one(&mut self, node: &Node<'t>) -> Option<Vec<Party>> {
        let Value::Str(word) = &node.value else { return self.selected(node).map(|one| vec![one]) };
        match &**word {
            "internet" => Some(vec![Party::internet()]),
            "outside" => Some(vec![Party::outside()]),
            "pods" => Some(vec![Party::all_pods()]),
            "anything" => Some(Ends::anything().any),
            other => {
                let meant = nearest(other, WORDS.iter().copied());
                let meant = meant.map_or_else(
                    || "use internet, outside, pods, anything, or {pods: …}, {namespaces: …}, {addresses: […]}".into(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                self.error(node.span, format!("`{other}` is not a valid end: {meant}"));
                None
            }
        }
    }

    fn selected(&mut self, node: &Node<'t>) -> Option<Party> {
        let entries = self.entries(node, "an end", END)?;
        if entries.is_empty() {
            self.error(
                node.span,
                "an end without fields selects nothing: write `pods` for all pods",
            );
            return None;
        }
        if let Some(list) = entry(entries, "addresses") {
            if let Some(other) = entries.iter().find(|one| one.key != "addresses") {
                self.error(
                    other.key_span,
                    format!(
                        "`addresses` stand alone: leave out `{}`, or write a list of ends",
                        other.key
                    ),
                );
                return None;
            }
            return self.addresses(&list.value);
        }
        let pods = match entry(entries, "pods") {
            None => Some(Selector::default()),
            Some(one) => self.selector(&one.value, "`pods`"),
        };
        let labels = match entry(entries, "namespaces") {
            None => Some(Selector::default()),
            Some(one) => self.selector(&one.value, "`namespaces`"),
        };
        let names = match entry(entries, "namespace") {
            None => Some(Vec::new()),
            Some(one) => self.names(&one.value).map(|values| {
                vec![Requirement { key: NAME_LABEL.into(), operator: Operator::In, values }]
            }),
        };
        let namespaces = [labels?.requirements(), &names?].concat();
        let of_both =
            [("namespaces", &Selector::new(namespaces.clone())), ("pods", pods.as_ref()?)];
        if let Some((field, _)) = of_both.iter().find(|(_, one)| is_contradictory(one)) {
            self.error(node.span, format!("`{field}` contradicts itself: nobody is meant"));
            return None;
        }
        Some(Party::Pods(Selection { namespaces: Selector::new(namespaces), pods: pods? }))
    }
}
