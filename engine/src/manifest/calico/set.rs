//! NetworkSet and GlobalNetworkSet.

use super::super::read::{Keys, Path};
use super::context::Context;
use crate::net::Cidr;
use crate::tree::Node;

/// Reads the blocks of a set; those that are no blocks are left out, and reported.
pub fn read(context: &mut Context<'_>, object: &Node<'_>) -> Vec<Cidr> {
    let path = Path::Root.field("spec");
    let Some(spec) = object.get("spec") else { return Vec::new() };
    let fields = context.reader.fields(&path, spec, Keys::Exactly(&["nets"]));
    let path = path.field("nets");
    let texts = context.set(&path, fields.get("nets"));
    let nets = texts.into_iter().enumerate();
    nets.filter_map(|(i, (text, span))| context.net(&path.item(i), text, span)).collect()
}
