//! What of a policy stands at a line.

use std::sync::Arc;

use super::types::{Action, Location, ObjectRef};
use super::{path, place};
use crate::manifest::{Direction, Object, Rule};
use crate::session::Session;
use crate::source::Span;

/// A rule of a policy in force, or the peer or port of it, that stands at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAt {
    /// The policy.
    pub policy: ObjectRef,
    /// The rule's direction.
    pub direction: Direction,
    /// What the rule does with what it matches.
    pub action: Action,
    /// The rule's path, for example `spec.ingress[0]`.
    pub rule: String,
    /// The path of what stands at the line: a peer, a port or the rule.
    pub path: String,
    /// Which of these it is.
    pub part: RulePart,
    /// Where that stands.
    pub location: Location,
}

/// A part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePart {
    /// None of its peers or ports.
    Whole,
    /// A peer.
    Peer,
    /// A port.
    Port,
}

impl Session {
    /// The rule at a line, counted from 1, of a file; none if no rule stands there, or its policy
    /// is not in force.
    ///
    /// # Cost
    /// Linear in the policies, and in the rules of that one.
    pub fn rule_at(&self, file: &str, line: u32) -> Option<RuleAt> {
        let at = Line { session: self, file, line };
        self.policies().policies().find_map(|(_, policy)| at.in_object(&policy.object))
    }
}

/// A line that is asked about.
struct Line<'l> {
    session: &'l Session,
    file: &'l str,
    line: u32,
}

impl Line<'_> {
    fn in_object(&self, object: &Arc<Object>) -> Option<RuleAt> {
        let (file, _) = self.session.origin(object)?;
        if *self.session.files().get(file)?.name != *self.file {
            return None;
        }
        self.covered(object, object.span)?;
        let rules = Direction::BOTH.into_iter().flat_map(|direction| {
            (0..).zip(object.rules(direction)).map(move |(i, rule)| (direction, i, rule))
        });
        rules.into_iter().find_map(|(direction, i, rule)| self.in_rule(object, direction, i, rule))
    }

    fn in_rule(
        &self,
        object: &Arc<Object>,
        direction: Direction,
        index: usize,
        rule: &Rule,
    ) -> Option<RuleAt> {
        let whole = self.covered(object, rule.span)?;
        let peer = (0..).zip(&rule.peers).find_map(|(i, peer)| {
            let location = self.covered(object, peer.span)?;
            Some((path::peer(direction, index, i), RulePart::Peer, location))
        });
        let port = || {
            rule.ports.iter().find_map(|port| {
                let location = self.covered(object, port.span)?;
                let path = path::port(object, direction, index, port.item);
                Some((path, RulePart::Port, location))
            })
        };
        let rule_path = path::rule(direction, index);
        let (path, part, location) =
            peer.or_else(port).unwrap_or_else(|| (rule_path.clone(), RulePart::Whole, whole));
        Some(RuleAt {
            policy: place::object_ref(self.session, object),
            direction,
            action: rule.action,
            rule: rule_path,
            path,
            part,
            location,
        })
    }

    /// The place of a span, if the line is one of its own.
    fn covered(&self, object: &Arc<Object>, span: Span) -> Option<Location> {
        let location = place::of_object(self.session, object, span)?;
        // The end is exclusive: one at the start of a line is the end of the line before.
        let open = location.end_column <= 1 && location.end_line > location.line;
        let last = location.end_line - u32::from(open);
        (location.line <= self.line && self.line <= last).then_some(location)
    }
}
