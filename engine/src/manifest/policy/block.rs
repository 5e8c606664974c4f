//! `ipBlock`.

use std::sync::Arc;

use super::super::read::{Keys, Path, Reader};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::net::{AddrSet, Cidr, CidrError};
use crate::source::Span;
use crate::tree::{Node, Value};

/// A block of addresses without its exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// `cidr` as written.
    pub cidr: Arc<str>,
    /// `except` as written, in order.
    pub except: Vec<Arc<str>>,
    /// The addresses: `cidr` less every `except`.
    pub addresses: Arc<AddrSet>,
}

impl Block {
    /// As findings and evidence write it: `10.0.0.0/8 except 10.1.0.0/16`.
    pub fn text(&self) -> String {
        match self.except.as_slice() {
            [] => self.cidr.to_string(),
            except => format!("{} except {}", self.cidr, except.join(", ")),
        }
    }
}

/// Reads an `ipBlock`; none if its `cidr` is unreadable.
pub fn read(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Option<Block> {
    if !matches!(node.value, Value::Map(_)) {
        // Not a mapping: said once, and not again as a missing `cidr`.
        reader.entries(path, node);
        return None;
    }
    let fields = reader.fields(path, node, Keys::Exactly(&["cidr", "except"]));
    let cidr_path = path.field("cidr");
    let text = reader.text(&cidr_path, fields.get("cidr"));
    let span = fields.get("cidr").map_or(node.span, |cidr| cidr.span);
    let cidr = text.and_then(|text| cidr(reader, &cidr_path, text, span));
    let path = path.field("except");
    let (mut texts, mut excepted) = (Vec::new(), Vec::new());
    for (i, item) in reader.items(&path, fields.get("except")).iter().enumerate() {
        let path = path.item(i);
        let except_text = reader.text(&path, Some(item));
        // Without a block there is nothing to be inside of: only the type counts then.
        let (Some(except_text), Some(whole)) = (except_text, cidr.zip(text)) else {
            continue;
        };
        let Some(except) = self::cidr(reader, &path, except_text, item.span) else {
            continue;
        };
        check_except(reader, &path, (whole, (except, except_text)), item.span);
        excepted.push(except);
        texts.push(except_text.into());
    }
    let (cidr, text) = cidr.zip(text)?;
    let addresses = AddrSet::from_cidr(cidr).difference(&AddrSet::from_cidrs(excepted));
    Some(Block { cidr: text.into(), except: texts, addresses: Arc::new(addresses) })
}

/// A block and its text.
type Written<'t> = (Cidr, &'t str);

/// The API server compares prefix lengths as written, also of an IPv4-mapped block with a plain
/// one: `::ffff:10.0.0.0/104` takes no `10.1.0.0/16`. [NetworkPolicy §3]
fn check_except(
    reader: &mut Reader,
    path: &Path<'_>,
    ((cidr, text), (except, except_text)): (Written<'_>, Written<'_>),
    span: Span,
) {
    let longer = Cidr::written_prefix(text) < Cidr::written_prefix(except_text);
    let inside = cidr.contains_start(except);
    if inside && longer {
        return;
    }
    let message = if !cidr.same_family(except) {
        format!("`{except}` is not of the same address family as `{cidr}`")
    } else if cidr == except {
        format!("`{except}` excludes the whole block")
    } else if inside && cidr.to_string() != text {
        format!("as written, the prefix of `{except_text}` is not longer than that of `{text}`")
    } else {
        format!("`{except}` is not inside `{cidr}`")
    };
    let finding = Diagnostic::new(Code::ExceptOutside, message).at(span);
    reader.refuse(path, finding.with_help("an `except` must be a strict subset of its block"));
}

fn cidr(reader: &mut Reader, path: &Path<'_>, text: &str, span: Span) -> Option<Cidr> {
    match Cidr::parse(text) {
        Ok(cidr) => {
            if cidr.to_string() != text {
                let message = format!("`{text}` is read as `{cidr}`");
                let finding = Diagnostic::new(Code::NoncanonicalCidr, message).at(span);
                let help = format!("write `{cidr}`: newer API servers reject the other form");
                let fix = Fix::same(span, Edit::Scalar(cidr.to_string()));
                reader.report(path, finding.with_help(help).with_fix(fix));
            }
            Some(cidr)
        }
        Err(error) => {
            reader.refuse(path, unreadable(text, error).at(span));
            None
        }
    }
}

fn unreadable(text: &str, error: CidrError) -> Diagnostic {
    if text.is_empty() {
        return Diagnostic::new(Code::CidrInvalid, "an `ipBlock` needs a `cidr`")
            .with_help("for example 10.0.0.0/8, or 203.0.113.9/32 for one address");
    }
    if is_host_name(text) {
        let message = format!("`{text}` is a host name, not a CIDR");
        return Diagnostic::new(Code::HostName, message).with_help(
            "give the addresses as CIDRs; names need another kind of policy or an egress proxy",
        );
    }
    let (why, help) = match error {
        CidrError::NoPrefix => ("it has no prefix length", single_address_help(text)),
        CidrError::Address => ("the part before `/` is not a valid address", None),
        CidrError::Prefix => ("the part after `/` is not a valid prefix length", None),
    };
    let finding =
        Diagnostic::new(Code::CidrInvalid, format!("`{text}` is not a valid CIDR: {why}"));
    match help {
        Some(help) => finding.with_help(help),
        None => finding.with_help("for example 10.0.0.0/8 or fd00::/64"),
    }
}

fn single_address_help(text: &str) -> Option<String> {
    let address: std::net::IpAddr = text.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    Some(format!("write `{text}/{bits}` for this single address"))
}

/// Whether a text looks like a DNS name rather than a mistyped address.
fn is_host_name(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text).trim_end_matches('.');
    name.contains('.')
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}
