//! What the readers of one policy share.

use rustc_hash::FxHashSet;

use super::super::read::{Path, Reader};
use super::ClusterPolicyKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::tree::{Node, Value};

/// Where an object comes from, which says what its unknown fields mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A manifest that is still to be applied: the API server drops fields that it does not know.
    Written,
    /// An API server has it: a field that is unknown here is one of a later version, and may mean
    /// anything.
    Stored,
}

/// A reader of one policy.
pub struct Context<'r> {
    /// Collects findings.
    pub reader: &'r mut Reader,
    /// The kind that the policy is written as.
    pub kind: ClusterPolicyKind,
    /// Where the policy comes from.
    pub origin: Origin,
    /// Whether something of the part being read is valid but not understood.
    unclear: bool,
}

/// How many items a list may have.
#[derive(Clone, Copy)]
pub struct Length {
    /// At least.
    pub least: usize,
    /// At most.
    pub most: usize,
}

impl<'r> Context<'r> {
    /// A context in which nothing has been read.
    pub fn new(reader: &'r mut Reader, kind: ClusterPolicyKind, origin: Origin) -> Self {
        Self { reader, kind, origin, unclear: false }
    }

    /// Whether the kind is one of `v1alpha1`.
    pub fn is_outdated(&self) -> bool {
        self.kind != ClusterPolicyKind::ClusterNetworkPolicy
    }

    /// How many rules, peers of a rule and ports of a rule there may be at most.
    pub fn most(&self) -> usize {
        if self.is_outdated() { 100 } else { 25 }
    }

    /// Reads a part, and says beside it whether everything in it was understood.
    pub fn part<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> (T, bool) {
        let begin = self.reader.diagnostics.len();
        let refused = std::mem::take(&mut self.reader.refused);
        let unclear = std::mem::take(&mut self.unclear);
        let value = read(self);
        let since = self.reader.diagnostics.get(begin..).unwrap_or_default();
        let later = self.origin == Origin::Stored
            && since.iter().any(|finding| finding.code == Code::UnknownField);
        let understood = !self.reader.refused && !self.unclear && !later;
        self.reader.refused |= refused;
        self.unclear |= unclear;
        (value, understood)
    }

    /// Reports something that the API server lets pass and that cannot be evaluated.
    pub fn doubt(&mut self, path: &Path<'_>, finding: Diagnostic) {
        self.unclear = true;
        self.reader.report(path, finding);
    }

    /// As [`Self::doubt`], of a finding that has its path.
    pub fn doubt_as_is(&mut self, finding: Diagnostic) {
        self.unclear = true;
        self.reader.diagnostics.push(finding);
    }

    /// Reports that a required field is missing.
    pub fn missing(&mut self, path: &Path<'_>, span: Span, help: &str) {
        let message = format!("`{path}` is required");
        let finding = Diagnostic::new(Code::MissingField, message).at(span).with_help(help);
        self.reader.refuse(path, finding);
    }

    /// Whether a node is a mapping; anything else, null included, is reported. Unlike in a typed
    /// object, null in a list is no empty mapping in a custom one.
    pub fn is_map(&mut self, path: &Path<'_>, node: &Node<'_>) -> bool {
        if matches!(node.value, Value::Map(_)) {
            return true;
        }
        let message = format!("`{path}` takes a mapping, not {}", node.value.describe());
        self.reader.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
        false
    }

    /// Reports null in a list of texts, where a typed object would have an empty one.
    pub fn null_text(&mut self, path: &Path<'_>, node: &Node<'_>) {
        let message = format!("`{path}` takes a string, not null");
        self.reader.refuse(path, Diagnostic::new(Code::WrongType, message).at(node.span));
    }

    /// The items of a list whose length is checked.
    pub fn items<'n, 't>(
        &mut self,
        path: &Path<'_>,
        node: Option<&'n Node<'t>>,
        length: Length,
    ) -> &'n [Node<'t>] {
        let Some(node) = node else { return &[] };
        let items = self.reader.items(path, Some(node));
        if !matches!(node.value, Value::Seq(_)) {
            return items;
        }
        let (count, most) = (items.len(), length.most);
        let (message, help) = match count {
            _ if count > most => {
                let message = format!("`{path}` has {count} items, of which {most} are allowed");
                (message, "split the policy, or join items that can be one")
            }
            _ if count < length.least => (
                format!("`{path}` has no item, and needs at least one"),
                "an empty list is not the same as an absent one: leave ports out to mean all, and name all pods by `namespaces: {}`",
            ),
            _ => return items,
        };
        let finding = Diagnostic::new(Code::ListLength, message).at(node.span).with_help(help);
        self.reader.refuse(path, finding);
        items
    }

    /// Reports items that are in a list twice which the API server takes as a set.
    pub fn check_set(&mut self, path: &Path<'_>, items: &[Node<'_>]) {
        let mut before = FxHashSet::default();
        for (i, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else { continue };
            if !before.insert(text) {
                let message = format!("`{text}` is in the list twice");
                let finding = Diagnostic::new(Code::DuplicateItem, message).at(item.span);
                self.reader.refuse(&path.item(i), finding.with_help("remove one of the two"));
            }
        }
    }

    /// Says that only the experimental channel has a field.
    pub fn experimental(&mut self, path: &Path<'_>, span: Span) {
        let message = format!("`{path}` is of the experimental channel only");
        let help = "where the CustomResourceDefinitions of the standard channel are installed, the \
                    API server drops this field";
        let finding = Diagnostic::new(Code::ExperimentalField, message).at(span);
        self.reader.report(path, finding.with_help(help));
    }
}
