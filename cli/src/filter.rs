//! Which connections are asked for, of a list or of what differs between two.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use portcullis_engine::diagnostic::nearest;
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::report::{
    EndpointReport, PortQuery, in_focus, parse_family, parse_protocol, parse_selector,
};
use portcullis_engine::selector::Selector;
use portcullis_engine::{ListFilter, Session};

use crate::args::AssumeArgs;

#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only connections of these; may be repeated: NAMESPACE, NAMESPACE/NAME,
    /// NAMESPACE/KIND/NAME, a workload's NAME, an address or a range, or a group as lists write it
    #[arg(long, value_name = "WHO", help_heading = "Filter")]
    pub focus: Vec<String>,
    /// Connections of all namespaces, also with -n, which then says only where objects go that name
    /// no namespace
    #[arg(long, short = 'A', help_heading = "Filter")]
    pub all_namespaces: bool,
    /// Only connections of workloads whose pods have these labels, as `kubectl -l`, for example
    /// app=web,tier!=test or 'app in (web,db),!old'
    #[arg(long, short = 'l', value_name = "SELECTOR", value_parser = parse_selector)]
    #[arg(help_heading = "Filter")]
    pub selector: Option<Selector>,
    /// With --focus, -n or -l: only connections to them (ingress) or from them (egress)
    #[arg(long, value_enum, help_heading = "Filter")]
    pub direction: Option<FocusDirection>,
    /// Only connections that include this port, for example 5432, 53/UDP, http or 80-90
    ///
    /// Of a range some of its ports are enough. A name is that of a container's port: connections
    /// to pods are listed that include a number which the pods have under that name.
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = port, help_heading = "Filter")]
    pub port: Option<(Protocol, PortQuery)>,
    /// Only connections of one address family: ipv4 or ipv6
    #[arg(long, value_name = "FAMILY", value_parser = parse_family, help_heading = "Filter")]
    pub family: Option<Family>,
    /// Also list connections between pods of the same workload
    #[arg(long, help_heading = "Filter")]
    pub siblings: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FocusDirection {
    Ingress,
    Egress,
}

impl From<FocusDirection> for Direction {
    fn from(direction: FocusDirection) -> Self {
        match direction {
            FocusDirection::Ingress => Self::Ingress,
            FocusDirection::Egress => Self::Egress,
        }
    }
}

impl FilterArgs {
    /// The filter, of which the caller sets the rest.
    pub fn filter(&self, assume: &AssumeArgs) -> ListFilter {
        ListFilter {
            focus: self.focus.clone(),
            namespace: assume.namespace.clone().filter(|_| !self.all_namespaces),
            selector: self.selector.clone(),
            direction: self.direction.map(Into::into),
            port: self.port.clone(),
            siblings: self.siblings,
            ..ListFilter::default()
        }
    }

    /// Whether options go together.
    pub fn check(&self, assume: &AssumeArgs) -> anyhow::Result<()> {
        if self.direction.is_some() && !self.filter(assume).has_focus() {
            anyhow::bail!(
                "--direction says which connections of some: use it with --focus, -n or -l"
            );
        }
        Ok(())
    }
}

/// Refuses a name of a port that no pod has, and no Service: it would look as if nothing passed.
pub fn check_port(filter: &ListFilter, sessions: &[&Session]) -> anyhow::Result<()> {
    let Some((protocol, PortQuery::Name(name))) = &filter.port else { return Ok(()) };
    let known: BTreeSet<Arc<str>> =
        sessions.iter().flat_map(|one| one.port_names(*protocol)).collect();
    if known.contains(name) {
        return Ok(());
    }
    let meant = nearest(name, known.iter().map(|known| &**known));
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    anyhow::bail!("--port: no pod of the input has a {protocol} port named `{name}`{meant}")
}

/// Refuses what names nothing of the endpoints of a list.
pub fn check_names(filter: &ListFilter, endpoints: &[EndpointReport]) -> anyhow::Result<()> {
    let namespace = filter.namespace.as_deref();
    if let Some(namespace) = namespace.filter(|own| !has_namespace(own, endpoints)) {
        anyhow::bail!("{}", strange("-n", &format!("{namespace}/"), endpoints));
    }
    if let Some(stranger) = filter.focus.iter().find(|focus| is_strange(focus, endpoints)) {
        anyhow::bail!("{}", strange("--focus", stranger, endpoints));
    }
    Ok(())
}

fn is_strange(focus: &str, endpoints: &[EndpointReport]) -> bool {
    !endpoints.iter().any(|endpoint| in_focus(focus, endpoint))
}

fn has_namespace(namespace: &str, endpoints: &[EndpointReport]) -> bool {
    let mut own = endpoints.iter().map(|endpoint| endpoint.namespace.as_deref());
    own.any(|own| own == Some(namespace))
}

fn strange(option: &str, focus: &str, endpoints: &[EndpointReport]) -> String {
    let names = endpoints.iter().filter_map(|endpoint| {
        let (namespace, name) = (endpoint.namespace.as_deref()?, endpoint.name.as_deref()?);
        Some([namespace.to_owned(), name.to_owned(), format!("{namespace}/{name}")])
    });
    let names: Vec<String> = names.flatten().collect();
    let (focus, what) = match focus.strip_suffix('/') {
        Some(namespace) => (namespace, "pod or workload in namespace"),
        None => (focus, "namespace or workload"),
    };
    let meant = nearest(focus, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    let input = if option == "--focus" { " in the input" } else { "" };
    format!("{option}: no {what} `{focus}`{input}{meant}")
}

/// What `eval` takes, and `tcp-80` and `80-tcp` as other tools write it.
pub fn port(text: &str) -> Result<(Protocol, PortQuery), String> {
    // `dns-tcp` is the name of a port.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = match text.split_once('-') {
        Some((protocol, port)) if is_number(port) && parse_protocol(protocol).is_ok() => {
            PortQuery::parse(port, parse_protocol(protocol).ok())
        }
        Some((port, protocol)) if is_number(port) && parse_protocol(protocol).is_ok() => {
            PortQuery::parse(port, parse_protocol(protocol).ok())
        }
        _ => PortQuery::parse(text, None),
    };
    parsed.map(|(port, protocol)| (protocol, port)).map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_in_several_ways() {
        assert_eq!(port("5432"), Ok((Protocol::Tcp, 5432.into())));
        assert_eq!(port("53/udp"), Ok((Protocol::Udp, 53.into())));
        assert_eq!(port("tcp-80"), Ok((Protocol::Tcp, 80.into())));
        assert_eq!(port("80-90"), Ok((Protocol::Tcp, PortQuery::Range(80, 90))));
        assert_eq!(port("http-web"), Ok((Protocol::Tcp, PortQuery::Name("http-web".into()))));
        for name in ["dns-tcp", "tcp-metrics"] {
            assert_eq!(port(name), Ok((Protocol::Tcp, PortQuery::Name(name.into()))));
        }
        assert_eq!(port("53-udp"), Ok((Protocol::Udp, 53.into())));
        assert!(port("0").is_err());
        assert!(port("70000").is_err());
    }
}
