//! What the readers of one object share.

use rustc_hash::FxHashSet;

use super::super::policy::bad_word;
use super::super::read::{Path, Reader};
use super::{CalicoKind, Group};
use crate::diagnostic::{Code, Diagnostic};
use crate::net::{Cidr, CidrError};
use crate::selector::expression::{self, Expression};
use crate::source::Span;
use crate::tree::{Node, Value};

/// A reader of one object.
pub struct Context<'r> {
    /// Collects findings.
    pub reader: &'r mut Reader,
    /// The object's kind.
    pub kind: CalicoKind,
    /// The group that it is written in.
    pub group: Group,
}

/// A finding's code and message.
pub type Fault = (Code, String);

/// The most characters that a selector of a policy may have.
const LONGEST_SELECTOR: usize = 1024;

impl Context<'_> {
    /// Reports what both groups refuse: it is in the schema.
    pub fn refuse(&mut self, path: &Path<'_>, (code, message): Fault, span: Span, help: &str) {
        let finding = Diagnostic::new(code, message).at(span);
        let finding = if help.is_empty() { finding } else { finding.with_help(help) };
        self.reader.refuse(path, finding);
    }

    /// Reports what Calico's API refuses, and what would be stored without it.
    pub fn invalid(&mut self, path: &Path<'_>, fault: Fault, span: Span, help: &str) {
        match self.group {
            Group::Public => self.refuse(path, fault, span, help),
            Group::Stored => {
                let finding = Diagnostic::new(fault.0, fault.1).at(span);
                let stored = "it is stored as it stands, and Calico's own API refuses it";
                let help =
                    if help.is_empty() { stored.into() } else { format!("{help}; {stored}") };
                self.reader.report(path, finding.with_help(help));
            }
        }
    }

    /// `spec`; where it is missing, that is reported, unless the object stands without it.
    pub fn spec<'n, 't>(&mut self, object: &'n Node<'t>) -> Option<&'n Node<'t>> {
        let spec = object.get("spec").filter(|spec| !spec.is_null());
        if spec.is_none() && (self.group == Group::Public || self.kind == CalicoKind::Tier) {
            let fault = (Code::MissingField, "`spec` is required".to_owned());
            self.refuse(&Path::Root.field("spec"), fault, object.span, "");
        }
        spec
    }

    /// A selector; none if there is none, or if it cannot be read, which is reported.
    pub fn selector(&mut self, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<Expression> {
        let node = node?;
        let text = self.reader.string(path, Some(node))?;
        // As Calico stores it, a selector that is empty is not there.
        if text.is_empty() {
            return None;
        }
        if text.chars().count() > LONGEST_SELECTOR {
            let message = format!("`{path}` has {LONGEST_SELECTOR} characters at most");
            self.refuse(path, (Code::TooLong, message), node.span, "");
        }
        match expression::parse(text) {
            Ok(expression) => Some(expression),
            Err(error) => {
                let at = text.get(..error.at).unwrap_or(text).chars().count() + 1;
                let message = format!(
                    "`{path}` is not a valid selector: {}, at character {at}",
                    error.message
                );
                let help = error.help.unwrap_or_else(|| self.example());
                self.invalid(path, (Code::Expression, message), node.span, &help);
                None
            }
        }
    }

    fn example(&self) -> String {
        "for example `app == 'web' && !has(canary)`".to_owned()
    }

    /// A selector in which `global()` may not stand.
    pub fn own_selector(&mut self, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<Expression> {
        let selector = self.selector(path, node);
        if let (Some(node), true) = (node, selector.as_ref().is_some_and(Expression::names_global))
        {
            let message = format!("`{path}` does not take `global()`");
            let help = "only `namespaceSelector` of a rule's `source` or `destination` does";
            self.refuse(path, (Code::Expression, message), node.span, help);
        }
        selector
    }

    /// One of some words; none if it is missing or another, which is reported.
    pub fn word<T: Copy>(
        &mut self,
        path: &Path<'_>,
        node: Option<&Node<'_>>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let node = node?;
        let text = self.reader.string(path, Some(node))?;
        self.word_of(path, (text, node.span), words)
    }

    /// The words of a list that is a set, in order; others are reported, and left out.
    pub fn words<T: Copy>(
        &mut self,
        path: &Path<'_>,
        node: Option<&Node<'_>>,
        words: &[(&str, T)],
    ) -> Vec<T> {
        let texts = self.set(path, node).into_iter().enumerate();
        texts.filter_map(|(i, written)| self.word_of(&path.item(i), written, words)).collect()
    }

    fn word_of<T: Copy>(
        &mut self,
        path: &Path<'_>,
        (text, span): (&str, Span),
        words: &[(&str, T)],
    ) -> Option<T> {
        let known = words.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.reader.refuse(path, bad_word(text, &names, Code::UnknownWord, span));
        }
        known.map(|(_, value)| *value)
    }

    /// A number, whole or not.
    pub fn number(&mut self, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<f64> {
        let node = node?;
        match node.value {
            Value::Number(number) => Some(number),
            _ => {
                let found = node.value.describe();
                let message = format!("`{path}` takes a number, not {found}");
                self.refuse(path, (Code::WrongType, message), node.span, "");
                None
            }
        }
    }

    /// The texts of a list that is a set, in order, each with its place in the document.
    pub fn set<'n>(&mut self, path: &Path<'_>, node: Option<&'n Node<'_>>) -> Vec<(&'n str, Span)> {
        let items = self.reader.items(path, node);
        let mut before = FxHashSet::default();
        let mut texts = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let path = path.item(i);
            if item.is_null() {
                let fault = (Code::WrongType, format!("`{path}` takes a string, not null"));
                self.refuse(&path, fault, item.span, "");
            }
            let Some(text) = self.reader.string(&path, Some(item)) else { continue };
            if !before.insert(text) {
                let message = format!("`{text}` is in the list twice");
                let help = "remove one of the two";
                self.refuse(&path, (Code::DuplicateItem, message), item.span, help);
            }
            texts.push((text, item.span));
        }
        texts
    }

    /// Reports a list that has more items than it may have.
    pub fn check_length(&mut self, path: &Path<'_>, node: Option<&Node<'_>>, most: usize) {
        let Some(Node { value: Value::Seq(items), span }) = node else { return };
        if items.len() > most {
            let message =
                format!("`{path}` has {} items, of which {most} are allowed", items.len());
            let help = "name the addresses by a GlobalNetworkSet, or split the policy";
            self.refuse(path, (Code::ListLength, message), *span, help);
        }
    }

    /// A block of a rule: with a prefix, and no bits set behind it.
    pub fn rule_net(&mut self, path: &Path<'_>, text: &str, span: Span) -> Option<Cidr> {
        let net = self.net(path, text, span)?;
        if net.to_string() != text.to_ascii_lowercase() && !text.contains("::") {
            let message = format!("`{text}` is read as `{net}`, and rules take blocks as such");
            let help = format!("write `{net}`");
            self.invalid(path, (Code::CidrHostBits, message), span, &help);
        }
        Some(net)
    }

    /// A block of addresses, or one address.
    pub fn net(&mut self, path: &Path<'_>, text: &str, span: Span) -> Option<Cidr> {
        let whole = match text.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => format!("{text}/32"),
            Ok(std::net::IpAddr::V6(_)) => format!("{text}/128"),
            Err(_) => text.to_owned(),
        };
        match Cidr::parse(&whole) {
            Ok(cidr) => Some(cidr),
            Err(error) => {
                let why = match error {
                    CidrError::NoPrefix => "it is neither an address nor has it a prefix length",
                    CidrError::Address => "the part before `/` is not a valid address",
                    CidrError::Prefix => "the part after `/` is not a valid prefix length",
                };
                let message = format!("`{text}` is not a valid CIDR: {why}");
                let help = "for example 10.0.0.0/8 or fd00::/64";
                self.invalid(path, (Code::CidrInvalid, message), span, help);
                None
            }
        }
    }
}
