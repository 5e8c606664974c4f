//! The chains of host endpoints: what the node itself sends and receives, and what passes it.
//!
//! Four chains find the host endpoint of an interface: `HI` of what comes to the node, `HO` of what
//! it sends, `HE` and `HL` of what enters and leaves to pass through. Each leads on to chains of
//! tiers like those of pods. Policies before DNAT are asked there, too: the connection says where it
//! was sent to at first, and only where that was translated does another chain ask for it.

use super::super::bound::{Bound, bound};
use super::super::expressible::Seen;
use super::super::program::{Action, ChainKind, ChainName, Class, FilterRule, Match, Note};
use super::super::wiring::Interface;
use super::FamilyLowering;
use super::entry::of_ipv6;
use super::memory::ClassKey;
use super::subject::{Answers, Whose};
use super::tier::denied;
use crate::manifest::calico::HostAction;
use crate::manifest::{Direction, Mode};
use crate::policy::{CompiledHost, HostProgram, HostStage};

/// What a packet is on its way to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Enter,
    Leave,
    Receive,
    Send,
}

impl Way {
    const ALL: [Self; 4] = [Self::Enter, Self::Leave, Self::Receive, Self::Send];

    fn word(self) -> &'static str {
        match self {
            Self::Enter => ENTERING,
            Self::Leave => LEAVING,
            Self::Receive => RECEIVED,
            Self::Send => SENT,
        }
    }

    fn program(self) -> HostProgram {
        match self {
            Self::Enter => HostProgram::Entering,
            Self::Leave => HostProgram::Leaving,
            Self::Receive => HostProgram::Local(Direction::Ingress),
            Self::Send => HostProgram::Local(Direction::Egress),
        }
    }

    fn direction(self) -> Direction {
        match self {
            Self::Enter | Self::Receive => Direction::Ingress,
            Self::Leave | Self::Send => Direction::Egress,
        }
    }

    /// That a packet goes by an interface, seen from here.
    fn by(self, interface: &Interface) -> Match {
        match self.direction() {
            Direction::Ingress => Match::Enters(interface.clone()),
            Direction::Egress => Match::Leaves(interface.clone()),
        }
    }
}

/// Names of chains that find a host endpoint.
pub const ENTERING: &str = "HE";
/// As [`ENTERING`].
pub const LEAVING: &str = "HL";
/// As [`ENTERING`].
pub const RECEIVED: &str = "HI";
/// As [`ENTERING`].
pub const SENT: &str = "HO";
/// What pods send to their own node.
pub const FROM_PODS: &str = "HP";

impl FamilyLowering<'_> {
    /// Adds the chains of the node's host endpoints; whether it has some.
    pub(super) fn hosts(&mut self, local: &ChainName, all: &mut Vec<Note>) -> bool {
        let Some(bound) = bound(self.input) else { return false };
        let mut own = Vec::new();
        let notes = &mut own;
        let mut from_pods = self.sent_by_pods(&bound, notes);
        from_pods.push(FilterRule::new([], Action::Return));
        self.put(self.input.settings.chain(FROM_PODS), ChainKind::Fixed, from_pods);
        for way in Way::ALL {
            let of_pods = match way {
                Way::Enter | Way::Leave => Vec::new(),
                Way::Receive => {
                    let to = Action::Goto(self.input.settings.chain(FROM_PODS));
                    self.of_pods(way, local, &to)
                }
                // To its own pods a host sends what it likes. [Calico §6]
                Way::Send => self.of_pods(way, local, &Action::Return),
            };
            let mut rules = match way {
                Way::Enter | Way::Leave => Vec::new(),
                Way::Receive | Way::Send => of_ipv6(self.family),
            };
            for (interface, endpoint) in &bound.own {
                rules.extend(self.at(way, &[way.by(interface)], endpoint, notes));
            }
            // Not before: where addresses alone tell pods, anybody outside can claim to be one.
            rules.extend(of_pods);
            if let Some(endpoint) = bound.for_all {
                rules.extend(self.at(way, &[], endpoint, notes));
            }
            rules.push(FilterRule::new([], Action::Return));
            self.put(self.input.settings.chain(way.word()), ChainKind::Fixed, rules);
        }
        // Of policies that were made for hosts alone, those that they were made of are told.
        let policies = self.input.policies;
        all.extend(own.into_iter().map(|note| match note {
            Note::NotExpressed(id) => Note::NotExpressed(policies.as_written(id).unwrap_or(id)),
            other => other,
        }));
        true
    }

    /// Rules about what pods of the node send or receive.
    fn of_pods(&self, way: Way, local: &ChainName, to: &Action) -> Vec<FilterRule> {
        let wiring = self.input.wiring;
        if wiring.pods.is_empty() {
            let own = match way.direction() {
                Direction::Ingress => Match::SourceIn(local.clone()),
                Direction::Egress => Match::DestinationIn(local.clone()),
            };
            return vec![FilterRule::new([own], to.clone())];
        }
        let devices = wiring.pods.iter().chain(&wiring.forwarders);
        devices.map(|device| FilterRule::new([way.by(device)], to.clone())).collect()
    }

    /// What a pod sends to its node goes through policies before DNAT of the host endpoint for all
    /// interfaces; then settings say what becomes of it. [Calico §7, §10.9]
    fn sent_by_pods(&mut self, bound: &Bound<'_>, notes: &mut Vec<Note>) -> Vec<FilterRule> {
        if bound.to_host == HostAction::Drop {
            return denied(self.input.settings, "ingress:host");
        }
        let Some(endpoint) = bound.for_all else { return Vec::new() };
        let leading = self.leading(Direction::Ingress, (endpoint, HostProgram::BeforeDnat), notes);
        leading.into_iter().map(|(matches, chain)| led(matches, chain)).collect()
    }

    fn at(
        &mut self,
        way: Way,
        by: &[Match],
        endpoint: &CompiledHost,
        notes: &mut Vec<Note>,
    ) -> Vec<FilterRule> {
        let leading = self.leading(way.direction(), (endpoint, way.program()), notes);
        leading.into_iter().map(|(matches, chain)| led([by, &matches].concat(), chain)).collect()
    }

    /// The chains of a program of a host endpoint, each with the packets that are led there and to
    /// none before; none where everything passes.
    fn leading(
        &mut self,
        direction: Direction,
        (endpoint, which): (&CompiledHost, HostProgram),
        notes: &mut Vec<Note>,
    ) -> Vec<(Vec<Match>, Option<ChainName>)> {
        let policies = self.input.policies;
        let id = policies.host_program_id(endpoint, which);
        let program = policies.program(id);
        if program.is_open() {
            return vec![(Vec::new(), None)];
        }
        let is_before = |tier: &crate::policy::Tier| tier.stage == Some(HostStage::BeforeDnat);
        let mut all = Vec::new();
        if program.tiers.iter().any(is_before) {
            all.push((vec![Match::Translated], Seen::Original));
        }
        all.push((Vec::new(), Seen::Packet));
        let mut leading = Vec::new();
        for (matches, seen) in all {
            let (passes, named, answers) = (false, None, Answers::default());
            let key = ClassKey { direction, program: id, passes, named, answers, seen };
            let chain = self.chains_for(key, Some(Whose::Host(seen)), notes);
            // So that logs and counters find the policies.
            let class = Class { direction, mode: Mode::Enforce, program: id, subjects: Vec::new() };
            self.classes.entry(chain.clone()).or_insert(class);
            leading.push((matches, Some(chain)));
        }
        leading
    }
}

/// A rule that leads on, or lets pass where everything may.
fn led(matches: Vec<Match>, chain: Option<ChainName>) -> FilterRule {
    FilterRule::new(matches, chain.map_or(Action::Return, Action::Goto))
}
