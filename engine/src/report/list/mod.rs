//! The answer of `list`.
//!
//! Nothing here is done for each pair of units: `weave` and `gather` bring together who is treated
//! alike, `ends` finds names for such sets of `members`, `lines` has the lines between them, which
//! are written as `connections`. `focus` has what was asked for, `note` says why something is not
//! known.

pub(super) mod connections;
pub(super) mod endpoint;
pub(super) mod ends;
pub(super) mod focus;
pub(super) mod gather;
pub(super) mod lines;
pub(super) mod members;
pub(super) mod note;
mod pairs;
pub(super) mod part;
pub(super) mod ranges;
mod weave;

use super::PortQuery;
use super::types::{EndpointReport, ListReport, Protocol};
use super::why::Explained;
use crate::manifest::Direction;
use crate::reach::{Reach, Unit};
use crate::selector::Selector;
use crate::session::Session;
use crate::shared::Table;
use focus::Focus;
use members::Member;
use weave::Weaver;

pub use endpoint::workload_id;
pub use focus::in_focus;

/// Which connections to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only connections of these: `NAMESPACE`, `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME`, a name, an
    /// address, or anything that a list calls an endpoint; none: all. An address means the pod that
    /// has it; one of a Service in the cluster means what is behind that.
    pub focus: Vec<String>,
    /// Of these, only those in this namespace; none: in any.
    pub namespace: Option<String>,
    /// Of these, only those with a pod that this selects for certain; none: all.
    pub selector: Option<Selector>,
    /// Of those in focus, only connections to them or from them.
    pub direction: Option<Direction>,
    /// Only connections that include this port: of a range some of it, of a name a number that the
    /// destination has under it.
    pub port: Option<(Protocol, PortQuery)>,
    /// Leave out pairs of which nothing is certain; notes count them all the same.
    pub certain_only: bool,
    /// List also what pods of one workload may send to each other.
    pub siblings: bool,
    /// Say of each connection which rules admit it.
    pub explain: bool,
    /// List each pair of workloads for itself, also where many are treated alike.
    pub expand: bool,
}

impl Session {
    /// Who can reach whom.
    ///
    /// # Cost
    /// Linear in pairs of classes that policies let talk and in the answer; unless it is to be
    /// expanded, that has workloads that are treated alike in one entry.
    pub fn list(&self, filter: &ListFilter) -> ListReport {
        let new = if filter.explain { Reach::by_policies } else { Reach::new };
        let mut reach = new(self.model(), self.policies());
        let members = members::of_reach(&reach);
        let endpoints = endpoints(self, &reach, &members);
        let focus = Focus::new(&reach, filter, &endpoints);
        let mut explained = Explained::default();
        let woven = Weaver::new(&mut reach, (filter, &focus), &mut explained).weave();
        let notes = note::notes(self, &reach, &woven.counts);
        let lines = connections::write(&reach, &members, &woven, filter.expand);
        let (explanations, admissions) = explained.reports(self);
        ListReport {
            endpoints,
            groups: lines.groups,
            connections: lines.connections,
            port_sets: lines.port_sets,
            explanations,
            admissions,
            notes,
            summary: self.summary(),
        }
    }
}

pub(super) fn endpoints(
    session: &Session,
    reach: &Reach<'_>,
    members: &Table<Member, Unit>,
) -> Vec<EndpointReport> {
    let units = reach.units().values().zip(members.values());
    units.map(|(unit, member)| endpoint::endpoint(session, unit, &member.id)).collect()
}
