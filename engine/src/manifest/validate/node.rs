//! Nodes.

use ipnet::IpNet;

use super::super::read::{Elsewhere, Keys, Path, Reader};
use super::{items, text};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::Node;

/// Fields of `spec` that are not read.
const OTHERS: &[&str] = &["configSource", "externalID", "providerID", "taints", "unschedulable"];

/// What does not belong in `spec`.
const ELSEWHERE: Elsewhere = &[("addresses", "`status`"), ("labels", "`metadata`")];

/// Checks a node's `spec`.
pub fn check(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    reader.fields(path, spec, Keys::Open(&["podCIDR", "podCIDRs"], OTHERS, ELSEWHERE));
    let path_all = path.field("podCIDRs");
    let all = items(spec, "podCIDRs");
    let written: Vec<Option<&str>> = all
        .iter()
        .enumerate()
        .map(|(i, one)| reader.string(&path_all.item(i), Some(one)))
        .collect();
    reader.string(&path.field("podCIDR"), spec.get("podCIDR"));
    if let Some((older, node)) = older_block(spec) {
        return check_block(reader, &path.field("podCIDR"), older, node);
    }
    for (i, (written, node)) in written.iter().zip(all).enumerate() {
        if let Some(written) = written {
            check_block(reader, &path_all.item(i), written, node);
        }
    }
    check_pair(reader, &path_all, all);
}

/// The older field for a node's block, if it is what counts: where it is not the first of the list,
/// there is nothing else.
///
/// # Source
/// `Convert_v1_NodeSpec_To_core_NodeSpec` of Kubernetes, for the sake of older clients.
pub fn older_block<'n>(spec: &'n Node<'_>) -> Option<(&'n str, &'n Node<'n>)> {
    let first = items(spec, "podCIDRs").first();
    text(spec, "podCIDR").filter(|(older, _)| first.and_then(Node::as_str) != Some(older))
}

fn check_pair(reader: &mut Reader, path: &Path<'_>, all: &[Node<'_>]) {
    let blocks: Vec<IpNet> = all.iter().filter_map(|one| one.as_str()?.parse().ok()).collect();
    let are_pair = match blocks.as_slice() {
        [] | [_] => true,
        [one, other] => one.addr().is_ipv4() != other.addr().is_ipv4(),
        _ => false,
    };
    if let (false, [_, second, ..]) = (are_pair, all) {
        let message = "`spec.podCIDRs` has two blocks of one address family";
        let finding = Diagnostic::new(Code::ListLength, message).at(second.span);
        reader.refuse(path, finding.with_help("a node has one block of each family"));
    }
}

fn check_block(reader: &mut Reader, path: &Path<'_>, written: &str, node: &Node<'_>) {
    if written.parse::<IpNet>().is_err() {
        let message = format!("`{written}` is not a valid CIDR");
        let finding = Diagnostic::new(Code::CidrInvalid, message).at(node.span);
        reader.refuse(path, finding.with_help("write an address and a prefix length: 10.0.0.0/24"));
    }
}
