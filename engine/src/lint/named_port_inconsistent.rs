//! L29: a named port that stands for different numbers, depending on the pod.
//!
//! **What.** A rule has `port: http`, which is 8080 in some of the pods and 9090 in others.
//!
//! **Why.** That is allowed, and often what is wanted; but who reads the rule, or copies the number,
//! may not expect it.
//!
//! **Fix.** None is needed if it is meant. It is an information.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::port_pods;
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::PortMatch;
use crate::net::Protocol;
use crate::policy::SetId;

/// One finding for each such element of `ports`.
///
/// # Cost
/// Linear in the rules; in the groups of each distinct set of pods, once for each name.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let model = context.session.model();
    let mut numbers: FxHashMap<(SetId, Protocol, &str), BTreeSet<u16>> = FxHashMap::default();
    let mut findings = Vec::new();
    for rule in port_pods::all(context.session.policies()) {
        let Some(ids) = rule.destinations() else { continue };
        for (item, entries) in rule.items() {
            let Some(entry) = entries.first() else { continue };
            let PortMatch::Named(name) = &entry.ports else { continue };
            let mut all = BTreeSet::new();
            for id in &ids {
                let known = numbers.entry((*id, entry.protocol, &**name)).or_insert_with(|| {
                    let sets = rule.sets(&[*id]);
                    let groups = port_pods::groups(model, &sets);
                    let ports = groups.flat_map(|group| {
                        let ports = group.named_ports(name, entry.protocol);
                        ports.ranges().iter().map(|(first, _)| *first).collect::<Vec<_>>()
                    });
                    ports.collect()
                });
                all.extend(known.iter().copied());
            }
            if all.len() < 2 {
                continue;
            }
            let texts: Vec<String> = all.iter().map(u16::to_string).collect();
            let message = format!(
                "port `{name}` is not the same number in all pods: it is {}",
                texts.join(" or ")
            );
            let finding = Diagnostic::new(Code::NamedPortInconsistent, message);
            let path = format!("{}.port", rule.path(item));
            findings.push(context.about(&rule.policy.object, Field::First(&[&path]), finding));
        }
    }
    findings
}
