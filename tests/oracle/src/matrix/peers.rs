//! Who a rule names.

use super::Kind;
use super::build::{block, by_expression, by_label, peers, rules};
use crate::cluster::{Operator, Peer, Selector};

/// By selectors, by blocks, or not at all.
pub const PEERS: Kind = &[
    (&["peer-pods: all of the namespace"], |p| {
        peers(p, &[Peer::Pods(None, Some(Selector::default()))]);
    }),
    (&["rule: any peer"], |p| rules(p, |rule| rule.peers = None)),
    (&["rule: any peer, empty list"], |p| peers(p, &[])),
    (&["peer-pods: by label"], |p| peers(p, &[Peer::Pods(None, Some(by_label("pod", "b")))])),
    (&["peer-pods: by expression"], |p| {
        peers(p, &[Peer::Pods(None, Some(by_expression("pod", Operator::NotIn, &["b"])))]);
    }),
    (&["peer-namespaces: all"], |p| peers(p, &[Peer::Pods(Some(Selector::default()), None)])),
    (&["peer-namespaces: by label"], |p| peers(p, &[Peer::Pods(Some(by_label("ns", "y")), None)])),
    (&["peer-namespaces: by name"], |p| {
        peers(p, &[Peer::Pods(Some(by_label("kubernetes.io/metadata.name", "z")), None)]);
    }),
    (&["peer-namespaces: by expression"], |p| {
        peers(p, &[Peer::Pods(Some(by_expression("ns", Operator::NotIn, &["x"])), None)]);
    }),
    (&["peer-namespaces: by label", "peer-pods: by label"], |p| {
        peers(p, &[Peer::Pods(Some(by_label("ns", "y")), Some(by_label("pod", "b")))]);
    }),
    (&["rule: several peers", "peer-namespaces: by label", "peer-pods: by label"], |p| {
        let namespace = Peer::Pods(Some(by_label("ns", "y")), None);
        peers(p, &[namespace, Peer::Pods(None, Some(by_label("pod", "b")))]);
    }),
    (&["peer-ipblock: everything"], |p| peers(p, &block("0.0.0.0", 0, &[]))),
    (&["peer-ipblock: one pod"], |p| peers(p, &block("10.0.0.5", 32, &[]))),
    (&["peer-ipblock: with exceptions"], |p| {
        peers(p, &block("10.0.0.0", 24, &[("10.0.0.0", 30), ("10.0.0.5", 32)]));
    }),
    (&["rule: several peers", "peer-ipblock: exception given back"], |p| {
        let mut both = block("10.0.0.0", 24, &[("10.0.0.4", 30)]);
        both.extend(block("10.0.0.4", 31, &[]));
        peers(p, &both);
    }),
    (&["peer-ipblock: a node"], |p| peers(p, &block("192.168.0.0", 24, &[]))),
    (&["peer-ipblock: outside, with exception"], |p| {
        peers(p, &block("203.0.113.0", 24, &[("203.0.113.9", 32)]));
    }),
    (&["peer-ipblock: IPv6"], |p| peers(p, &block("::", 0, &[]))),
    (&["peer-namespaces: all", "peer-pods: all"], |p| {
        peers(p, &[Peer::Pods(Some(Selector::default()), Some(Selector::default()))]);
    }),
    (&["peer-namespaces: all", "peer-pods: by label"], |p| {
        peers(p, &[Peer::Pods(Some(Selector::default()), Some(by_label("pod", "b")))]);
    }),
    (&["peer-namespaces: by label", "peer-pods: all"], |p| {
        peers(p, &[Peer::Pods(Some(by_label("ns", "y")), Some(Selector::default()))]);
    }),
    (&["peer-namespaces: by expression", "peer-pods: by expression"], |p| {
        let namespaces = by_expression("ns", Operator::In, &["x", "z"]);
        let pods = by_expression("pod", Operator::NotIn, &["a"]);
        peers(p, &[Peer::Pods(Some(namespaces), Some(pods))]);
    }),
    (&["peer-namespaces: none"], |p| peers(p, &[Peer::Pods(Some(by_label("ns", "w")), None)])),
    (&["peer-pods: none"], |p| peers(p, &[Peer::Pods(None, Some(by_label("pod", "d")))])),
    (&["rule: several peers", "peer-ipblock: one pod", "peer-pods: by label"], |p| {
        let mut all = block("10.0.0.5", 32, &[]);
        all.push(Peer::Pods(None, Some(by_label("pod", "b"))));
        all.push(Peer::Pods(Some(by_label("ns", "z")), Some(by_label("pod", "c"))));
        peers(p, &all);
    }),
];
