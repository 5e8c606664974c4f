//! L38: a block that has the address of cloud providers' metadata service.
//!
//! **What.** An egress rule to a block such as `0.0.0.0/0`, which has 169.254.169.254, on TCP 80.
//!
//! **Why.** In many clouds that address gives whoever can reach it credentials of the node.
//!
//! **Fix.** `except: [169.254.169.254/32]`.
//!
//! Some plugins and providers block it elsewhere. It is an information.

use std::net::{IpAddr, Ipv4Addr};

use super::blocks::{self, Written};
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, PortEntry};
use crate::net::Protocol;

/// Where the clouds of Amazon, Google, Microsoft and others have it.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// One finding for each policy, at the first such block.
///
/// # Cost
/// Linear in the peers.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        let found = blocks::of(body, Direction::Egress).find(|one| {
            // Whoever writes the address itself means it.
            let is_meant = one.block.cidr.starts_with("169.254.");
            !is_meant && one.block.addresses.contains(METADATA) && is_http(&one.rule.ports)
        });
        let Some(Written { place, block, .. }) = found else { continue };
        let message =
            format!("`{}` has {METADATA}, the metadata service of cloud providers", block.cidr);
        let finding = Diagnostic::new(Code::MetadataService, message)
            .with_help(format!("leave it out: `except: [{METADATA}/32]`"));
        let path = place.block_path();
        findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
    }
    findings
}

fn is_http(ports: &[PortEntry]) -> bool {
    let is_http =
        |one: &PortEntry| one.protocol == Protocol::Tcp && one.ports.has(80) == Some(true);
    ports.is_empty() || ports.iter().any(is_http)
}
