//! What host endpoints say: of what nodes send and receive, and of what passes through them.
//!
//! Which host endpoint a flow meets depends on its interface. Where the input leaves that open, all
//! that it may be are asked, and only if they agree is the answer known.
//!
//! # Source
//! Calico §7, §10.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::asking::Assumed;
use super::{EndState, EndVerdict, Judge, NoTrace, Party, Question, Trace, UnknownReason, Verdict};
use crate::cluster::Place;
use crate::manifest::Direction;
use crate::manifest::calico::HostAction;
use crate::net::Family;
use crate::policy::{CompiledHost, HostProgram};
use crate::selector::Match;

/// What a flow may meet at a host.
#[derive(Clone, Copy)]
enum Way<'h> {
    /// No host endpoint.
    Open,
    /// It goes to a pod of this node, which is not asked about.
    OwnPod,
    /// It is the host's own, through an interface of this host endpoint.
    Local(&'h CompiledHost),
    /// It comes from a pod of this node; `host` is that for all interfaces.
    FromPod { host: Option<&'h CompiledHost>, action: Option<HostAction> },
    /// It passes through the host.
    Through(&'h CompiledHost, HostProgram),
}

/// Judges an end that is no pod with a network of its own.
pub(super) fn end<T: Trace>(judge: Judge<'_, '_, '_>, trace: &mut T) -> EndVerdict {
    let open = EndVerdict::allow(EndState::Unenforced);
    if judge.set.hosts().is_empty() || judge.question.subject.host == Match::No {
        return open;
    }
    let subjects = subjects(judge);
    let ways_of = |subject: &Party<'_>| {
        let question = Question { subject, ..judge.question };
        ways_of_end(Judge { question, set: judge.set, ..judge })
    };
    let mut all: Vec<(EndVerdict, usize)> = Vec::with_capacity(subjects.len());
    for (at, subject) in subjects.iter().enumerate() {
        let ways = ways_of(subject);
        let said = match ways.iter().all(|way| matches!(way, Way::Open)) {
            true => open,
            false => {
                let question = Question { subject, ..judge.question };
                let judge = Judge { question, set: judge.set, ..judge };
                agreed(judge, &ways, &mut NoTrace)
            }
        };
        all.push((said, at));
    }
    let deciding = all.iter().min_by_key(|(said, _)| said.verdict);
    let Some((first, at)) = deciding.copied() else { return open };
    if let Some(subject) = subjects.get(at).filter(|_| first.state != EndState::Unenforced) {
        let question = Question { subject, ..judge.question };
        let judge = Judge { question, set: judge.set, ..judge };
        agreed(judge, &ways_of(subject), trace);
    }
    one_of(all.into_iter().map(|(said, _)| said), first)
}

/// The end at each of its addresses, if it is a node of which several are meant.
fn subjects<'m>(judge: Judge<'_, '_, 'm>) -> Vec<Party<'m>> {
    let subject = judge.question.subject;
    let (Place::Within(space), Some(node)) = (&subject.place, subject.node) else {
        return vec![subject.clone()];
    };
    let own = judge.set.addresses_of(node).iter().filter(|address| space.contains(**address));
    let at = |address: &IpAddr| Party { place: Place::Known(*address), ..subject.clone() };
    let all: Vec<Party<'m>> = own.map(at).collect();
    if all.is_empty() { vec![subject.clone()] } else { all }
}

/// What all say, if they agree; `first` is the one that stands in the way most.
fn one_of(all: impl Iterator<Item = EndVerdict>, first: EndVerdict) -> EndVerdict {
    let (mut agree, mut reason) = (true, None);
    for one in all {
        agree &= one.verdict == first.verdict;
        reason = reason.or(one.reason);
    }
    if agree {
        return first;
    }
    let reason = reason.unwrap_or(UnknownReason::HostEndpoint);
    EndVerdict { verdict: Verdict::Unknown, reason: Some(reason), state: EndState::HostEndpoint }
}

/// Judges a pod's end whose own policies say this: what it sends and receives also passes through
/// its node.
pub(super) fn through<T: Trace>(
    judge: Judge<'_, '_, '_>,
    own: EndVerdict,
    trace: &mut T,
) -> EndVerdict {
    let Question { direction, subject, peer, .. } = judge.question;
    let is_own_node = peer.host.min(subject.same_node(peer));
    if is_own_node == Match::Yes {
        return own;
    }
    let mut result = own;
    let mut others = vec![(Direction::Ingress, HostProgram::Entering)];
    others.push((Direction::Egress, HostProgram::Leaving));
    for (side, which) in others {
        // On its own side the flow passes the pod's interface, on the other one that of the node.
        let is_inner = (direction == Direction::Egress) == (side == Direction::Ingress);
        let ways = ways_through(judge, which, is_inner);
        if ways.iter().all(|way| matches!(way, Way::Open)) {
            continue;
        }
        let asked = if side == direction { judge } else { judge.turned(side) };
        let mut here = agreed(asked, &ways, trace);
        if is_own_node == Match::Unknown && here.verdict == Verdict::Deny {
            here = EndVerdict { verdict: Verdict::Unknown, ..here };
            here.reason = Some(UnknownReason::Node);
        }
        if here.verdict < result.verdict {
            result = here;
        }
    }
    result
}

/// What the flow may meet at the interfaces of a pod's node: inside, at the pod's own, or outside.
fn ways_through<'h>(judge: Judge<'h, '_, '_>, which: HostProgram, is_inner: bool) -> Vec<Way<'h>> {
    let hosts = judge.set.hosts();
    let Question { subject, peer, .. } = judge.question;
    let crosses = match is_inner {
        true => Match::Yes,
        // Between pods of one node nothing leaves it.
        false if peer.group.is_some() || peer.host != Match::No => !subject.same_node(peer),
        false => Match::Yes,
    };
    let mut ways = Vec::new();
    if crosses != Match::Yes {
        ways.push(Way::Open);
    }
    if crosses == Match::No {
        return ways;
    }
    let mut add = |node: &'h str| {
        let all = hosts.of_node(node).find(|host| host.place.is_for_all());
        ways.push(all.map_or(Way::Open, |host| Way::Through(host, which)));
        if !is_inner {
            let named = specific(judge, node).into_iter();
            ways.extend(named.map(|host| Way::Through(host, which)));
        }
    };
    match subject.node {
        Some(node) => match hosts.iter().find(|host| *host.place.node == *node) {
            Some(host) => add(&host.place.node),
            None => ways.push(Way::Open),
        },
        None => {
            hosts.iter().for_each(|host| add(&host.place.node));
            ways.push(Way::Open);
        }
    }
    ways
}

/// What the flow may meet at a host that sends or receives it.
fn ways_of_end<'h>(judge: Judge<'h, '_, '_>) -> Vec<Way<'h>> {
    let hosts = judge.set.hosts();
    let Question { subject, .. } = judge.question;
    let mut ways = Vec::new();
    match subject.node {
        Some(node) => match hosts.iter().find(|host| *host.place.node == *node) {
            Some(host) => add_of_node(judge, &host.place.node, &mut ways),
            None => ways.push(Way::Open),
        },
        None => {
            // It may be any node's, also one without host endpoints.
            hosts.iter().for_each(|host| add_of_node(judge, &host.place.node, &mut ways));
            ways.push(Way::Open);
        }
    }
    if subject.host == Match::Unknown {
        ways.push(Way::Open);
    }
    ways
}

fn add_of_node<'h>(judge: Judge<'h, '_, '_>, node: &'h str, ways: &mut Vec<Way<'h>>) {
    let hosts = judge.set.hosts();
    let Question { direction, subject, peer, .. } = judge.question;
    let for_all = hosts.of_node(node).find(|host| host.place.is_for_all());
    let local = |host: Option<&'h CompiledHost>| host.map_or(Way::Open, Way::Local);
    let is_outside = peer.group.is_none() && peer.host == Match::No;
    let is_own = if is_outside { Match::No } else { subject.same_node(peer) };
    if is_own != Match::No {
        ways.push(match (peer.group.is_some(), direction) {
            (true, Direction::Egress) => Way::OwnPod,
            (true, Direction::Ingress) => {
                let action = hosts.of_node(node).next().and_then(|host| host.to_host);
                Way::FromPod { host: for_all, action }
            }
            // To itself it goes through an interface that has no address of another's.
            (false, _) => local(for_all),
        });
    }
    if is_own == Match::Yes {
        return;
    }
    let own: Vec<&'h CompiledHost> =
        hosts.of_node(node).filter(|host| !host.place.is_for_all()).collect();
    match &subject.place {
        Place::Known(address) => at_address(&own, *address, ways, for_all),
        Place::Within(_) => {
            ways.push(local(for_all));
            ways.extend(specific(judge, node).into_iter().map(Way::Local));
        }
    }
    // Through a tunnel to pods it goes by another interface than that of its address.
    let may_tunnel = direction == Direction::Egress && peer.group.is_some();
    if may_tunnel && !own.is_empty() {
        ways.push(local(for_all));
    }
}

/// Host endpoints that may be for the interface that has an address. Lists of addresses are taken
/// to have all of their family.
fn at_address<'h>(
    specific: &[&'h CompiledHost],
    address: IpAddr,
    ways: &mut Vec<Way<'h>>,
    for_all: Option<&'h CompiledHost>,
) {
    let has = |host: &CompiledHost| host.place.addresses.contains(&address);
    let is_silent = |host: &CompiledHost| !host.place.has_family(Family::of(address));
    let of_name = |name: Option<&str>| -> Vec<&'h CompiledHost> {
        let own = specific.iter().filter(|host| host.place.interface.as_deref() == name);
        own.copied().collect()
    };
    let names: BTreeSet<&str> =
        specific.iter().filter_map(|host| host.place.interface.as_deref()).collect();
    let claims = |name: &&str| of_name(Some(name)).into_iter().any(has);
    let claimed: Vec<&str> = names.iter().copied().filter(claims).collect();
    let may_be = |name: &&str| of_name(Some(name)).into_iter().all(is_silent);
    let mut interfaces: Vec<Vec<&'h CompiledHost>> = match claimed.is_empty() {
        true => names.into_iter().filter(may_be).map(|name| of_name(Some(name))).collect(),
        false => claimed.iter().map(|name| of_name(Some(name))).collect(),
    };
    if claimed.is_empty() {
        // Another interface than those with names.
        interfaces.push(Vec::new());
    }
    let by_address = of_name(None);
    for mut bound in interfaces {
        bound.extend(by_address.iter().copied().filter(|host| has(host)));
        // Of several for one interface the first by name counts. [Calico §7]
        bound.sort_by_key(|host| host.place.name());
        let first = bound.first().copied();
        ways.push(first.or(for_all).map_or(Way::Open, Way::Local));
        // What is bound by an address of the other family may be for this interface.
        let others = by_address.iter().copied().filter(|host| is_silent(host));
        let earlier = others
            .filter(|other| first.is_none_or(|first| other.place.name() < first.place.name()));
        ways.extend(earlier.map(Way::Local));
    }
}

/// Host endpoints that may be for some interface of a node, besides that for all.
fn specific<'h>(judge: Judge<'h, '_, '_>, node: &'h str) -> Vec<&'h CompiledHost> {
    let mut names: BTreeSet<&'h str> = BTreeSet::new();
    let mut all: Vec<&'h CompiledHost> = Vec::new();
    for host in judge.set.hosts().of_node(node).filter(|host| !host.place.is_for_all()) {
        if host.place.interface.as_deref().is_none_or(|name| names.insert(name)) {
            all.push(host);
        }
    }
    all
}

/// What all ways say, if they agree.
fn agreed<T: Trace>(judge: Judge<'_, '_, '_>, ways: &[Way<'_>], trace: &mut T) -> EndVerdict {
    let said: Vec<EndVerdict> = ways.iter().map(|way| judge.way(*way, &mut NoTrace)).collect();
    let deciding = ways.iter().zip(&said).min_by_key(|(_, said)| said.verdict);
    let Some((way, first)) = deciding else {
        return EndVerdict::allow(EndState::Unenforced);
    };
    judge.way(*way, trace);
    let first = *first;
    one_of(said.into_iter(), first)
}

impl Judge<'_, '_, '_> {
    /// The same flow, seen from its other end.
    fn turned(self, direction: Direction) -> Self {
        let Question { subject, peer, .. } = self.question;
        let question = Question { direction, subject: peer, peer: subject, ..self.question };
        Self { question, ..self }
    }

    fn way<T: Trace>(self, way: Way<'_>, trace: &mut T) -> EndVerdict {
        match way {
            Way::Open => EndVerdict::allow(EndState::Unenforced),
            Way::OwnPod => EndVerdict::allow(EndState::OwnNode),
            Way::Local(host) => {
                let which = HostProgram::Local(self.question.direction);
                self.untracked(host, self.at_host(host, which, trace))
            }
            Way::Through(host, HostProgram::Entering) => {
                let said = self.at_host(host, HostProgram::Entering, trace);
                // Replies come in by another interface, where nobody lets them through untracked.
                let is_untracked = self.admits(host, HostProgram::Untracked(Direction::Ingress));
                match said.verdict == Verdict::Deny || is_untracked == Match::No {
                    true => said,
                    false => said.untracked(),
                }
            }
            Way::Through(host, which) => self.at_host(host, which, trace),
            Way::FromPod { host, action } => {
                let before = host.map(|host| self.at_host(host, HostProgram::BeforeDnat, trace));
                let (verdict, reason) = match action {
                    Some(HostAction::Accept) => (Verdict::Allow, None),
                    Some(HostAction::Drop) => (Verdict::Deny, None),
                    Some(HostAction::Return) | None => {
                        (Verdict::Unknown, Some(UnknownReason::HostAction))
                    }
                };
                let after = EndVerdict { verdict, reason, state: EndState::HostAction };
                before.filter(|before| before.verdict < verdict).unwrap_or(after)
            }
        }
    }

    fn at_host<T: Trace>(
        self,
        host: &CompiledHost,
        which: HostProgram,
        trace: &mut T,
    ) -> EndVerdict {
        trace.host(host.place.name());
        let program = self.set.host_program(host, which);
        let (admits, reason) = self.run(program, trace);
        EndVerdict { verdict: Verdict::from(admits), reason, state: EndState::HostEndpoint }
    }

    /// What is let through without being tracked needs the same for its replies.
    fn untracked(self, host: &CompiledHost, said: EndVerdict) -> EndVerdict {
        let direction = self.question.direction;
        let is_untracked = self.admits(host, HostProgram::Untracked(direction));
        if said.verdict == Verdict::Deny || is_untracked == Match::No {
            return said;
        }
        let reply = direction.opposite();
        let question = Question { direction: reply, ..self.question };
        let replies = Self { question, is_reply: true, ..self };
        match replies.admits(host, HostProgram::Replies(reply)) {
            Match::Yes => said,
            _ => said.untracked(),
        }
    }

    fn admits(self, host: &CompiledHost, which: HostProgram) -> Match {
        let program = self.set.host_program(host, which);
        self.assuming(Assumed::default(), program, &mut NoTrace).admits()
    }
}

impl EndVerdict {
    /// That nobody knows whether replies pass.
    fn untracked(self) -> Self {
        let (verdict, reason) = (Verdict::Unknown, Some(UnknownReason::Untracked));
        Self { verdict, reason, ..self }
    }
}
