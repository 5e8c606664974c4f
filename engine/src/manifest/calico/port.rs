//! The entries of `ports` and `notPorts`.

use std::sync::Arc;

use super::super::read::{Path, is_beyond, whole};
use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::{Node, Value};

/// Ports by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalicoPort {
    /// From one to another, inclusive.
    Range(u16, u16),
    /// What endpoints call so, of whatever protocol the rule has, or they.
    Named(Arc<str>),
}

/// The most entries of a list.
const MOST: usize = 50;

/// Reads a list; entries that are wrong are reported, and left out.
pub fn read_all(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Vec<CalicoPort> {
    context.check_length(path, node, MOST);
    let items = context.reader.items(path, node).iter().enumerate();
    items.filter_map(|(i, item)| read(context, &path.item(i), item)).collect()
}

fn read(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<CalicoPort> {
    match &node.value {
        Value::Number(number) => {
            let port = whole(*number).and_then(|number| u16::try_from(number).ok());
            let port = port.filter(|port| *port > 0);
            if port.is_none() {
                let written = if is_beyond(*number) { "this".into() } else { number.to_string() };
                bad_number(context, path, node, &written);
            }
            port.map(|port| CalicoPort::Range(port, port))
        }
        Value::Str(text) => of_text(context, path, node, text),
        other => {
            let message =
                format!("`{path}` takes a port's number, range or name, not {}", other.describe());
            context.refuse(path, (Code::WrongType, message), node.span, "");
            None
        }
    }
}

/// `80`, `8080:8090`, or a name.
fn of_text(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: &Node<'_>,
    text: &str,
) -> Option<CalicoPort> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let ends = match text.split_once(':') {
        Some((first, last)) if is_number(first) && is_number(last) => Some((first, last)),
        None if is_number(text) => Some((text, text)),
        _ => None,
    };
    let Some((first, last)) = ends else { return named(context, path, node, text) };
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let Some((first, last)) = port(first).zip(port(last)) else {
        bad_number(context, path, node, &format!("`{text}`"));
        return None;
    };
    if first > last {
        let message = format!("the range `{text}` begins behind its end");
        let help = format!("write `{last}:{first}`");
        context.invalid(path, (Code::PortRangeOrder, message), node.span, &help);
        return None;
    }
    Some(CalicoPort::Range(first, last))
}

fn named(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: &Node<'_>,
    text: &str,
) -> Option<CalicoPort> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=128).contains(&text.len()) && text.bytes().all(is_of_name) {
        check_letters(context, path, node, text);
        return Some(CalicoPort::Named(text.into()));
    }
    let message = format!("`{text}` is not a port");
    let help = "write a number, a range such as `8080:8090`, or a port's name";
    context.invalid(path, (Code::PortName, message), node.span, help);
    None
}

/// Names that no port of a pod may have: they have no letter.
fn check_letters(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>, text: &str) {
    if text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return;
    }
    let message = format!("`{text}` is taken for a port's name, and no pod's port is called so");
    let help = match text.split_once('-') {
        Some((first, last)) => format!("write a range as `{first}:{last}`"),
        None => "the name of a pod's port has a letter".to_owned(),
    };
    let finding = Diagnostic::new(Code::PortName, message).at(node.span).with_help(help);
    context.reader.report(path, finding);
}

fn bad_number(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>, written: &str) {
    let message = format!("{written} is not a valid port: ports are 1 to 65535");
    context.invalid(path, (Code::PortRange, message), node.span, "");
}
