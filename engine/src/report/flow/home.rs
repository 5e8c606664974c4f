//! Ends of a flow that name no namespace.

use std::net::IpAddr;

use crate::report::query::is_kind;
use crate::report::types::FlowQuery;
use crate::session::Session;

/// The question with the namespace of objects that have none before ends that name none: `web`,
/// `web[Deployment]`, `{app=web}`, and `svc/web` where no namespace is called so.
pub fn with_namespaces(session: &Session, query: &FlowQuery) -> FlowQuery {
    let whole = |text: &str| in_namespace(session, text);
    FlowQuery { from: whole(&query.from), to: whole(&query.to), ..query.clone() }
}

/// An end of a question with the namespace of objects that have none, if it names none.
pub fn in_namespace(session: &Session, text: &str) -> String {
    match names_none(session, text) {
        true => format!("{}/{text}", session.options().default_namespace),
        false => text.to_owned(),
    }
}

fn names_none(session: &Session, text: &str) -> bool {
    // Keys of labels may have a slash.
    let name = text.split('{').next().unwrap_or_default();
    match name.split_once('/') {
        Some((kind, name)) => {
            !name.is_empty()
                && !name.contains('/')
                && is_kind(kind)
                && session.model().namespace(kind).is_none()
        }
        // What is nearly an address is no name.
        None => {
            text.starts_with('{')
                || (text.parse::<IpAddr>().is_err()
                    && !text.contains(':')
                    && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && name.contains(|c: char| c.is_ascii_alphabetic()))
        }
    }
}
