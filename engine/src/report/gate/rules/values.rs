//! Values of a file of rules, each read strictly.

use std::sync::Arc;

use super::ends::Party;
use super::read::Reader;
use crate::diagnostic::nearest;
use crate::manifest::syntax;
use crate::net::{AddrSet, Cidr, ConnSet, PortSet, Protocol, all_ports};
use crate::report::labels::parse_selector;
use crate::report::port::PortQuery;
use crate::selector::{Operator, Requirement, Selector};
use crate::source::Span;
use crate::tree::{Entry, Node, Value};

impl<'t> Reader<'t> {
    pub fn addresses(&mut self, node: &Node<'t>) -> Option<Party> {
        let list = self.texts(node, "`addresses`")?;
        let mut all = AddrSet::default();
        for (span, text) in &list {
            let cidr = Cidr::parse(text).ok();
            let address =
                text.parse().ok().map(|one: std::net::IpAddr| AddrSet::from_addresses([one]));
            match cidr.map(AddrSet::from_cidr).or(address) {
                Some(one) => all = all.union(&one),
                None => {
                    let message = format!(
                        "`{text}` is not a valid CIDR or address: use for example 192.0.2.0/24"
                    );
                    self.error(*span, message);
                    return None;
                }
            }
        }
        let texts: Vec<&str> = list.iter().map(|(_, text)| &**text).collect();
        Some(Party::Addresses(all, texts.join(", ")))
    }

    pub fn names(&mut self, node: &Node<'t>) -> Option<Vec<Arc<str>>> {
        let list = self.texts(node, "`namespace`")?;
        for (span, name) in &list {
            if !syntax::is_dns_label(name) {
                self.error(*span, format!("`{name}` is not a valid namespace"));
                return None;
            }
        }
        Some(list.into_iter().map(|(_, name)| name).collect())
    }

    /// Labels with a value or a list of values each, or a text as `kubectl -l` takes it.
    pub fn selector(&mut self, node: &Node<'t>, what: &str) -> Option<Selector> {
        match &node.value {
            Value::Str(text) => match parse_selector(text) {
                Ok(selector) => Some(selector),
                Err(error) => {
                    self.error(node.span, error.message);
                    None
                }
            },
            Value::Map(entries) => {
                let all: Vec<Option<Requirement>> =
                    entries.iter().map(|one| self.requirement(one)).collect();
                let all: Option<Vec<Requirement>> = all.into_iter().collect();
                Some(Selector::new(all?))
            }
            other => {
                let message = format!(
                    "{what} takes labels, or a text such as `app=web,!test`, not {}",
                    other.describe()
                );
                self.error(node.span, message);
                None
            }
        }
    }

    pub fn requirement(&mut self, entry: &Entry<'t>) -> Option<Requirement> {
        let key: &str = &entry.key;
        if ["matchLabels", "matchExpressions"].contains(&key) {
            let message = format!(
                "leave out `{key}`: labels stand here as they are, and all else as a text such as `app in (web,api),!test`"
            );
            self.error(entry.key_span, message);
            return None;
        }
        if let Some(why) = syntax::label_key_fault(key) {
            self.error(entry.key_span, format!("`{key}` is not a valid label key: {why}"));
            return None;
        }
        let values = self.texts(&entry.value, &format!("label `{key}`"))?;
        for (span, value) in &values {
            if let Some(why) = syntax::label_value_fault(value) {
                self.error(*span, format!("`{value}` is not a valid label value: {why}"));
                return None;
            }
        }
        let values = values.into_iter().map(|(_, value)| value).collect();
        Some(Requirement { key: key.into(), operator: Operator::In, values })
    }

    /// All ports of TCP, UDP and SCTP, or those of a list.
    pub fn ports(&mut self, node: Option<&Node<'t>>) -> Option<ConnSet> {
        let mut all = ConnSet::none();
        let Some(node) = node else {
            Protocol::ALL.into_iter().for_each(|protocol| all.add(protocol, &all_ports()));
            return Some(all);
        };
        let one = std::slice::from_ref(node);
        let items =
            if matches!(node.value, Value::Seq(_)) { self.items(node, "`ports`")? } else { one };
        for item in items {
            let text = match &item.value {
                Value::Str(text) => text.to_string(),
                Value::Number(number) => number.to_string(),
                other => {
                    let message = format!(
                        "a port is a number, a range such as 80-90, or one with a protocol such as 53/UDP, not {}",
                        other.describe()
                    );
                    self.error(item.span, message);
                    return None;
                }
            };
            let (ports, protocol) = match PortQuery::parse(&text, None) {
                Ok((PortQuery::Number(port), protocol)) => ((port, port), protocol),
                Ok((PortQuery::Range(first, last), protocol)) => ((first, last), protocol),
                Ok((PortQuery::Name(name), _)) => {
                    self.error(item.span, format!("`{name}` is a port's name, which each pod gives to a number of its own: give the number"));
                    return None;
                }
                Err(error) => {
                    self.error(item.span, error.message);
                    return None;
                }
            };
            all.add(protocol, &PortSet::range(ports.0, ports.1));
        }
        Some(all)
    }

    pub fn entries<'n>(
        &mut self,
        node: &'n Node<'t>,
        what: &str,
        known: &[&str],
    ) -> Option<&'n [Entry<'t>]> {
        let Value::Map(entries) = &node.value else {
            let known = known.join(", ");
            self.error(
                node.span,
                format!("{what} takes a mapping with {known}, not {}", node.value.describe()),
            );
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key)) {
            let key = &entry.key;
            let help = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{what} has {}", known.join(", ")),
            };
            self.error(entry.key_span, format!("unknown key `{key}`: {help}"));
        }
        Some(entries)
    }

    pub fn items<'n>(&mut self, node: &'n Node<'t>, what: &str) -> Option<&'n [Node<'t>]> {
        match &node.value {
            Value::Seq(items) if !items.is_empty() => Some(items),
            Value::Seq(_) => {
                self.error(node.span, format!("{what} is empty"));
                None
            }
            other => {
                self.error(node.span, format!("{what} takes a list, not {}", other.describe()));
                None
            }
        }
    }

    pub fn required_text(
        &mut self,
        node: &Node<'t>,
        entries: &[Entry<'t>],
        name: &str,
    ) -> Option<Arc<str>> {
        let Some(found) = value(entries, name) else {
            self.error(node.span, format!("`{name}` is missing"));
            return None;
        };
        let text = self.string(found, &format!("`{name}`"))?;
        if text.trim().is_empty() {
            self.error(found.span, format!("`{name}` is empty"));
            return None;
        }
        Some(text)
    }

    pub fn string(&mut self, node: &Node<'t>, what: &str) -> Option<Arc<str>> {
        match &node.value {
            Value::Str(text) => Some(Arc::from(&**text)),
            other => {
                let message =
                    format!("{what} takes a string, not {}: put it in quotes", other.describe());
                self.error(node.span, message);
                None
            }
        }
    }

    /// A text or a list of texts, with where each stands.
    pub fn texts(&mut self, node: &Node<'t>, what: &str) -> Option<Vec<(Span, Arc<str>)>> {
        let one = std::slice::from_ref(node);
        let items = if matches!(node.value, Value::Seq(_)) { self.items(node, what)? } else { one };
        items.iter().map(|item| Some((item.span, self.string(item, what)?))).collect()
    }
}

/// The entry of a key.
pub fn entry<'n, 't>(entries: &'n [Entry<'t>], name: &str) -> Option<&'n Entry<'t>> {
    entries.iter().find(|entry| entry.key == name)
}

/// The value of a key.
pub fn value<'n, 't>(entries: &'n [Entry<'t>], name: &str) -> Option<&'n Node<'t>> {
    entry(entries, name).map(|entry| &entry.value)
}
