//! On which ports and protocols.

use super::Kind;
use super::build::{named, number, ports, rules};
use crate::cluster::{Port, Protocol};

/// By number, by name, by range, or not at all.
pub const PORTS: Kind = &[
    (&["port: numbered", "protocol: left out"], |p| ports(p, &[number(None, 80)])),
    (&["rule: any port and protocol"], |p| rules(p, |rule| rule.ports = None)),
    (&["rule: any port and protocol, empty list"], |p| ports(p, &[])),
    (&["port: any", "protocol: left out"], |p| ports(p, &[Port::default()])),
    (&["port: any", "protocol: UDP"], |p| {
        ports(p, &[Port { protocol: Some(Protocol::Udp), ..Port::default() }]);
    }),
    (&["port: any", "protocol: SCTP"], |p| {
        ports(p, &[Port { protocol: Some(Protocol::Sctp), ..Port::default() }]);
    }),
    (&["port: numbered", "protocol: UDP"], |p| ports(p, &[number(Some(Protocol::Udp), 80)])),
    (&["port: numbered", "protocol: SCTP"], |p| ports(p, &[number(Some(Protocol::Sctp), 80)])),
    (&["port: named", "protocol: left out"], |p| ports(p, &[named(None, "serve-80-tcp")])),
    (&["port: named", "protocol: UDP"], |p| {
        ports(p, &[named(Some(Protocol::Udp), "serve-81-udp")]);
    }),
    (&["port: named", "protocol: SCTP"], |p| {
        ports(p, &[named(Some(Protocol::Sctp), "serve-80-sctp")]);
    }),
    (&["port: named, of another protocol"], |p| ports(p, &[named(None, "serve-80-udp")])),
    (&["port: named, nobody's"], |p| ports(p, &[named(None, "serve-82-tcp")])),
    (&["port: end-port", "protocol: left out"], |p| {
        ports(p, &[Port { end: Some(81), ..number(None, 79) }]);
    }),
    (&["port: end-port of one"], |p| ports(p, &[Port { end: Some(81), ..number(None, 81) }])),
    (&["rule: several ports and protocols"], |p| {
        let ranged = Port { end: Some(u16::MAX), ..number(Some(Protocol::Udp), 81) };
        ports(p, &[number(None, 81), ranged, named(Some(Protocol::Sctp), "serve-80-sctp")]);
    }),
    (&["port: any", "protocol: TCP"], |p| {
        ports(p, &[Port { protocol: Some(Protocol::Tcp), ..Port::default() }]);
    }),
    (&["port: numbered", "protocol: TCP"], |p| ports(p, &[number(Some(Protocol::Tcp), 81)])),
    (&["port: named", "protocol: TCP"], |p| {
        ports(p, &[named(Some(Protocol::Tcp), "serve-81-tcp")]);
    }),
    (&["port: end-port", "protocol: UDP"], |p| {
        ports(p, &[Port { end: Some(u16::MAX), ..number(Some(Protocol::Udp), 81) }]);
    }),
    (&["port: end-port", "protocol: SCTP"], |p| {
        ports(p, &[Port { end: Some(80), ..number(Some(Protocol::Sctp), 1) }]);
    }),
    (&["port: end-port of everything"], |p| {
        ports(p, &[Port { end: Some(u16::MAX), ..number(None, 1) }]);
    }),
];
