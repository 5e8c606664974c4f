//! L10: pods on the host's network that a selector names.
//!
//! **What.** The labels of a policy's `podSelector` or of a peer are those of pods with
//! `hostNetwork: true`.
//!
//! **Why.** Such pods have the address of their node. Policies do not apply to them, and rules
//! that name them by labels do not match what they send and receive: it is the node's traffic.
//!
//! **Fix.** As a peer, name the addresses of the nodes (`ipBlock`), or the nodes themselves where
//! the policy's kind can (`nodes`). To protect such pods, use the node's firewall.
//!
//! Selectors that name pods by no label are left alone: they are not about these pods.

use super::host_pods::HostPods;
use super::named::{self, Named, Role};
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::Match;

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors, times the kinds of pods on the host's network.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let (session, host) = (context.session, context.host());
    let model = session.model();
    if host.is_empty() {
        return Vec::new();
    }
    let finding = |named: Named<'_>| {
        if named.set.pods().is_empty() {
            return None;
        }
        let matches = |pods: &&HostPods| pods.would_match(model, named.set) == Match::Yes;
        let pods = host.iter().find(matches)?;
        let paths = named.pods_paths();
        let finding = finding(&named, pods);
        Some(context.about(&named.policy.object, Field::Selector(&paths), finding))
    };
    named::all(session.policies()).filter_map(finding).collect()
}

fn finding(named: &Named<'_>, pods: &HostPods) -> Diagnostic {
    let (kind, name) = &pods.example;
    let only = if named.set.is_empty() { "only " } else { "" };
    let (effect, help) = match named.role {
        Role::Subject => (
            "the policy does not apply to them",
            "protect the ports of such pods with the node's firewall",
        ),
        Role::Peer(_) => (
            "the peer does not match them, since they have the address of their node",
            "name the addresses of the nodes instead, by `ipBlock`",
        ),
    };
    let message = format!(
        "the labels are {only}those of pods on the host's network ({kind} `{name}`): {effect}"
    );
    Diagnostic::new(Code::HostNetworkBypass, message).with_help(help)
}
