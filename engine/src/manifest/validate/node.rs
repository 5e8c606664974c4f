//! Nodes.

use ipnet::IpNet;

use super::super::read::{Keys, Path, Reader};
use super::{items, text};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::Node;

/// Fields of `spec` that are not read.
const OTHERS: &[&str] = &["configSource", "externalID", "providerID", "taints", "unschedulable"];

/// Checks a node's `spec`.
pub fn check(reader: &mut Reader, path: &Path<'_>, spec: &Node<'_>) {
    reader.fields(path, spec, Keys::Open(&["podCIDR", "podCIDRs"], OTHERS));
    reader.string(&path.field("podCIDR"), spec.get("podCIDR"));
    let all = items(spec, "podCIDRs");
    let path_all = path.field("podCIDRs");
    for (i, one) in all.iter().enumerate() {
        if let Some(written) = reader.string(&path_all.item(i), Some(one)) {
            check_block(reader, &path_all.item(i), written, one);
        }
    }
    // The older field is the first of them; where they are there, it is not looked at.
    if let Some((written, node)) = text(spec, "podCIDR").filter(|_| all.is_empty()) {
        check_block(reader, &path.field("podCIDR"), written, node);
    }
    let blocks: Vec<IpNet> = all.iter().filter_map(|one| one.as_str()?.parse().ok()).collect();
    let are_pair = match blocks.as_slice() {
        [] | [_] => true,
        [one, other] => one.addr().is_ipv4() != other.addr().is_ipv4(),
        _ => false,
    };
    if let (false, [_, second, ..]) = (are_pair, all) {
        let message = "`spec.podCIDRs` has two blocks of one address family";
        let finding = Diagnostic::new(Code::ListLength, message).at(second.span);
        reader.refuse(&path_all, finding.with_help("a node has one block of each family"));
    }
}

fn check_block(reader: &mut Reader, path: &Path<'_>, written: &str, node: &Node<'_>) {
    if written.parse::<IpNet>().is_err() {
        let message = format!("`{written}` is not a valid CIDR");
        let finding = Diagnostic::new(Code::CidrInvalid, message).at(node.span);
        reader.refuse(path, finding.with_help("write an address and a prefix length: 10.0.0.0/24"));
    }
}
