//! The blocks in which this node's pods have their addresses. An address in there that is no known
//! pod's is blocked, so that no pod is reached before its policies are in force.
//!
//! A Node's `spec.podCIDRs` say so only where the network takes addresses from them, which not
//! every one does. Elsewhere they would blocked pods of other nodes, or what these send from
//! addresses of their own. The pods of the node show it: one whose address is in none of the
//! blocks, and they say nothing.

use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_engine::cluster::ClusterModel;
use portcullis_engine::dataplane::{FilterProgram, Members};
use portcullis_engine::net::{ByFamily, Family};

/// The blocks of this node's pods.
#[derive(Clone, Debug, Default)]
pub struct PodBlocks {
    /// Where the operator says.
    given: Vec<IpNet>,
    ask_node: AskNode,
    /// An address of a pod of the node that its blocks do not have, by family.
    strays: ByFamily<Option<IpAddr>>,
}

/// Whether the Node object is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AskNode {
    /// It is.
    Yes,
    /// It is not.
    #[default]
    No,
}

impl PodBlocks {
    /// Where the operator says, and maybe where the Node object says.
    pub fn new(given: Vec<IpNet>, ask_node: AskNode) -> Self {
        Self { given, ask_node, ..Self::default() }
    }

    /// Where pods are expected, as far as it is known what addresses they have.
    pub fn blocks(&self, model: &ClusterModel, node: &str) -> Vec<IpNet> {
        let trusted = |block: &&IpNet| self.strays[family(block)].is_none();
        let named = self.named(model, node).iter().filter(trusted);
        let mut blocks: Vec<IpNet> = self.given.iter().chain(named).copied().collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    /// Learns from a program what addresses the node's pods have; whether that changes anything.
    pub fn learn(&mut self, model: &ClusterModel, node: &str, program: &FilterProgram) -> bool {
        let named = self.named(model, node);
        let strays = ByFamily::from_fn(|family| {
            let family = &program.families[family];
            let Some(Members::Addresses(pods)) =
                family.sets.get(&family.local).map(|set| &set.members)
            else {
                return None;
            };
            let is_stray = |pod: &&IpAddr| !named.iter().any(|block| block.contains(*pod));
            pods.iter().find(is_stray).copied().filter(|_| !named.is_empty())
        });
        let before = self.blocks(model, node);
        self.strays = strays;
        self.blocks(model, node) != before
    }

    /// Why addresses of unknown pods are not blocked; none if they are.
    pub fn openness(&self, model: &ClusterModel, node: &str) -> Option<String> {
        if self.ask_node == AskNode::No || !self.given.is_empty() {
            return None;
        }
        let named = self.named(model, node);
        if named.is_empty() {
            return Some("this node's Node object has no pod CIDRs (spec.podCIDRs)".into());
        }
        let stray = self.strays.values().flatten().next()?;
        let blocks: Vec<String> = named.iter().map(ToString::to_string).collect();
        let blocks = blocks.join(", ");
        Some(format!("a pod of this node has the address {stray}, which is not in {blocks}"))
    }

    fn named<'m>(&self, model: &'m ClusterModel, node: &str) -> &'m [IpNet] {
        if self.ask_node == AskNode::No {
            return &[];
        }
        // INVARIANT: nodes are sorted by name.
        let known = model.nodes.binary_search_by(|known| (*known.name).cmp(node)).ok();
        known.and_then(|at| model.nodes.get(at)).map_or(&[], |node| &node.pod_cidrs)
    }
}

fn family(block: &IpNet) -> Family {
    Family::of(block.addr())
}

#[cfg(test)]
mod tests {
    use portcullis_engine::dataplane::{Input, Settings, UNKNOWN_WIRING, lower};
    use portcullis_engine::{Change, Options, Session, SourceFile};

    use super::*;

    const NODE: &str = "{apiVersion: v1, kind: Node, metadata: {name: b}, spec: ";

    fn session(spec: &str, pods: &[&str]) -> Session {
        let pod = |(at, ips): (usize, &&str)| {
            format!(
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{at}}}, \
                 spec: {{nodeName: b, containers: []}}, status: {{phase: Running, podIPs: [{ips}]}}}}\n"
            )
        };
        let pods: String = pods.iter().enumerate().map(pod).collect();
        let others = "---\n{apiVersion: v1, kind: Node, metadata: {name: a}}\n\
                      ---\n{apiVersion: v1, kind: Node, metadata: {name: c}}\n";
        let text = format!("{NODE}{spec}}}\n{others}{pods}");
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    /// The blocks after all, and what is said about them.
    fn after(pod_blocks: &mut PodBlocks, session: &Session) -> (Vec<String>, Option<String>) {
        let settings = Settings::default();
        let (model, policies) = (session.model(), session.policies());
        let program = lower(Input {
            model,
            policies,
            node: "b",
            settings: &settings,
            wiring: &UNKNOWN_WIRING,
        });
        let before = pod_blocks.blocks(model, "b");
        let changes = pod_blocks.learn(model, "b", &program);
        let blocks = pod_blocks.blocks(model, "b");
        assert_eq!(changes, blocks != before);
        (blocks.iter().map(ToString::to_string).collect(), pod_blocks.openness(model, "b"))
    }

    const BLOCKS: &str = "{podCIDRs: [10.0.1.0/24, 'fd00:1::/64']}";

    #[test]
    fn the_nodes_blocks_are_expected_until_a_pod_is_elsewhere() {
        let mut pod_blocks = PodBlocks::new(Vec::new(), AskNode::Yes);
        let inside = session(BLOCKS, &["{ip: 10.0.1.7}, {ip: 'fd00:1::7'}"]);
        let both = ["10.0.1.0/24", "fd00:1::/64"].map(str::to_owned).to_vec();
        assert_eq!(after(&mut pod_blocks, &inside), (both.clone(), None));
        let elsewhere = session(BLOCKS, &["{ip: 10.0.1.7}, {ip: 'fd00:1::7'}", "{ip: 10.9.9.9}"]);
        let (blocks, news) = after(&mut pod_blocks, &elsewhere);
        assert_eq!(blocks, ["fd00:1::/64"]);
        assert!(news.unwrap().contains("10.9.9.9, which is not in 10.0.1.0/24, fd00:1::/64"));
        assert_eq!(after(&mut pod_blocks, &inside), (both, None));
    }

    #[test]
    fn a_node_without_blocks_leaves_what_the_operator_says() {
        let pods = session("{}", &["{ip: 10.0.1.7}"]);
        let mut pod_blocks = PodBlocks::new(Vec::new(), AskNode::Yes);
        let (blocks, news) = after(&mut pod_blocks, &pods);
        assert!(blocks.is_empty() && news.unwrap().contains("has no pod CIDRs"));
        let given = vec!["10.0.1.0/25".parse().unwrap()];
        let mut pod_blocks = PodBlocks::new(given.clone(), AskNode::Yes);
        assert_eq!(after(&mut pod_blocks, &pods), (vec!["10.0.1.0/25".into()], None));
        // What the operator says holds wherever pods are.
        let elsewhere = session(BLOCKS, &["{ip: 10.9.9.9}"]);
        let mut pod_blocks = PodBlocks::new(given, AskNode::No);
        assert_eq!(after(&mut pod_blocks, &elsewhere), (vec!["10.0.1.0/25".into()], None));
    }
}
