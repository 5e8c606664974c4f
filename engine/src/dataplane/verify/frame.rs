//! Whether the chains that all packets walk do what they must.

use std::sync::Arc;

use super::super::program::{Action, Chain, ChainKind, ChainName, FamilyProgram, Match, States};
use super::super::settings::{NodeTraffic, Settings};
use super::reader::{DISCOVERY, Reader, Trouble, Walker};
use super::regions::{Outcome, Region, Walk};
use super::space::{Space, everywhere, of_cidr};
use crate::manifest::Direction;
use crate::net::{Cidr, ConnSet, Family, Protocol, all_ports};

/// Where packets come in, and which of the two directions' chains they must walk there.
struct Entry {
    hook: &'static str,
    chain: ChainName,
    calls: u8,
}

/// The bit of the egress chains, and of the ingress chains.
const EGRESS: u8 = 1;
const INGRESS: u8 = 2;

/// Checks one family's frame.
pub struct Frame<'f, 'p> {
    /// The program.
    pub reader: &'f Reader<'p>,
    /// What the operator decides.
    pub settings: &'f Settings,
    /// The addresses of local pods, by the model.
    pub local: &'f Space,
}

impl Frame<'_, '_> {
    /// Checks that packets come to where policies are, and what holds without policies.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Trouble> {
        let family = self.reader.program.family;
        self.check_rest()?;
        for entry in self.entries()? {
            self.new_connections(&entry)?;
            self.established(&entry)?;
            if family == Family::IPv6 {
                for kind in DISCOVERY {
                    let walker = Walker { discovery: Some(kind), ..Walker::NEW };
                    let outcome = self.walk(&entry, walker, self.all())?;
                    none_of(&stopped(&outcome), &entry, "neighbour discovery is policed")?;
                }
            }
            if entry.hook == "FORWARD" {
                self.invalid(&entry)?;
            }
        }
        Ok(())
    }

    /// Checks what is no chain: where packets come in, and who is local.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check_rest(&self) -> Result<(), Trouble> {
        if self.reader.addresses(&self.reader.program.local)?.space() != self.local {
            return Err("the set of local addresses is not that of the node's pods".into());
        }
        self.entries().map(drop)
    }

    fn entries(&self) -> Result<Vec<Entry>, Trouble> {
        let forward =
            Entry { hook: "FORWARD", chain: self.settings.forward(), calls: EGRESS | INGRESS };
        let input = Entry { hook: "INPUT", chain: self.settings.input(), calls: EGRESS };
        let entries = match self.settings.node_traffic {
            NodeTraffic::Policed => vec![forward, input],
            NodeTraffic::Open => vec![forward],
        };
        let hooks = &self.reader.program.hooks;
        let same = hooks.len() == entries.len()
            && entries.iter().all(|entry| {
                hooks.iter().any(|hook| hook.from == entry.hook && hook.to == entry.chain)
            });
        if same { Ok(entries) } else { Err("packets do not come in where they must".into()) }
    }

    fn all(&self) -> Region {
        let any = everywhere(self.reader.program.family);
        Region { source: any.clone(), destination: any, conns: ConnSet::all(), calls: 0 }
    }

    fn walk(&self, entry: &Entry, walker: Walker, region: Region) -> Result<Outcome, Trouble> {
        let opaque = [Direction::Egress, Direction::Ingress].map(|d| self.settings.root(d));
        Walk { reader: self.reader, walker, opaque: &opaque }.chain(&entry.chain, region)
    }

    /// New connections pass where the policies of both ends let them, and nowhere else.
    fn new_connections(&self, entry: &Entry) -> Result<(), Trouble> {
        let outcome = self.walk(entry, Walker::NEW, self.all())?;
        let through = outcome.returned.iter().chain(&outcome.accepted);
        let past: Vec<Region> =
            through.clone().filter(|region| region.calls != entry.calls).cloned().collect();
        none_of(&past, entry, "packets pass by policies")?;
        let family = self.reader.program.family;
        let unknown = match entry.hook {
            "FORWARD" => self.unknown(family),
            _ => Space::empty(),
        };
        let is_unknown = |region: &Region| {
            region.source.is_subset(&unknown) || region.destination.is_subset(&unknown)
        };
        if !outcome.denied.iter().all(is_unknown) {
            return Err(format!("{}: packets are denied that no policy denies", entry.chain));
        }
        let may_be_unknown = |region: &Region| {
            !region.source.is_disjoint(&unknown) || !region.destination.is_disjoint(&unknown)
        };
        if { through }.any(may_be_unknown) {
            return Err(format!("{}: packets of unknown pods pass", entry.chain));
        }
        Ok(())
    }

    /// Where local pods have their addresses, less those that are known.
    fn unknown(&self, family: Family) -> Space {
        let blocks = self.settings.unknown_local.iter().map(|block| match block {
            ipnet::IpNet::V4(net) => of_cidr(Cidr::V4(net.trunc()), family),
            ipnet::IpNet::V6(net) => of_cidr(Cidr::V6(net.trunc()), family),
        });
        blocks.fold(Space::empty(), |all, one| all.union(&one)).difference(self.local)
    }

    /// Established connections pass, and those that are to be cut do not.
    fn established(&self, entry: &Entry) -> Result<(), Trouble> {
        let state = Some(States::EstablishedOrRelated);
        let walker = Walker { state, ..Walker::NEW };
        let outcome = self.walk(entry, walker, self.all())?;
        none_of(&stopped(&outcome), entry, "established connections are policed")?;
        let walker = Walker { state, marked: true, ..Walker::NEW };
        let outcome = self.walk(entry, walker, self.all())?;
        let through: Vec<Region> = outcome.returned.into_iter().chain(outcome.accepted).collect();
        none_of(&through, entry, "connections that are to be cut pass")
    }

    /// Packets of no connection are dropped where they concern local pods, but for the SCTP
    /// packet that the kernel misjudges.
    fn invalid(&self, entry: &Entry) -> Result<(), Trouble> {
        let walker = Walker { state: Some(States::Invalid), ..Walker::NEW };
        let outcome = self.walk(entry, walker, self.all())?;
        let concerned = |region: &Region| {
            region.source.is_subset(self.local) || region.destination.is_subset(self.local)
        };
        let may_be = |region: &Region| {
            !region.source.is_disjoint(self.local) || !region.destination.is_disjoint(self.local)
        };
        if !outcome.denied.iter().all(concerned)
            || outcome.returned.iter().chain(&outcome.accepted).any(may_be)
        {
            return Err(format!("{}: packets of no connection are misjudged", entry.chain));
        }
        let sctp = ConnSet::of(Protocol::Sctp, all_ports());
        let walker = Walker { init_ack: true, ..walker };
        let outcome = self.walk(entry, walker, Region { conns: sctp, ..self.all() })?;
        none_of(&stopped(&outcome), entry, "SCTP INIT ACKs are policed")
    }
}

/// What is denied, or comes to where policies may deny it.
fn stopped(outcome: &Outcome) -> Vec<Region> {
    let through = outcome.returned.iter().chain(&outcome.accepted);
    outcome.denied.iter().chain(through.filter(|region| region.calls != 0)).cloned().collect()
}

fn none_of(regions: &[Region], entry: &Entry, wrong: &str) -> Result<(), Trouble> {
    if regions.is_empty() { Ok(()) } else { Err(format!("{}: {wrong}", entry.chain)) }
}

/// The chains that all packets walk but for the two directions'; none if they lead elsewhere or
/// ask other sets than that of local addresses.
pub fn chains(program: &FamilyProgram, settings: &Settings) -> Option<Vec<Arc<Chain>>> {
    let roots = [Direction::Ingress, Direction::Egress].map(|direction| settings.root(direction));
    let fixed = program.chains.values().filter(|chain| chain.kind == ChainKind::Fixed);
    let frame: Vec<Arc<Chain>> =
        fixed.filter(|chain| !roots.contains(&chain.name)).cloned().collect();
    let within =
        |name: &ChainName| roots.contains(name) || frame.iter().any(|chain| chain.name == *name);
    let asks_others = |one: &Match| match one {
        Match::SourceIn(set)
        | Match::SourceNotIn(set)
        | Match::DestinationIn(set)
        | Match::DestinationNotIn(set)
        | Match::DestinationPortIn(set) => *set != program.local,
        _ => false,
    };
    let mut rules = frame.iter().flat_map(|chain| &chain.rules);
    let closed = rules.all(|rule| {
        let stays = match &rule.action {
            Action::Jump(to) | Action::Goto(to) => within(to),
            _ => true,
        };
        stays && !rule.matches.iter().any(asks_others)
    });
    closed.then_some(frame)
}
