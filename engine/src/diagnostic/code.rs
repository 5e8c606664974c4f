//! The registry of codes. A code never changes its meaning.

use std::fmt;

use super::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal, $name:literal, $severity:ident $(, $effect:ident)?;)*) => {
        /// What kind of finding a diagnostic is.
        ///
        /// `R` codes come from reading, `V` codes from the API server's validation, `L` codes are
        /// pitfalls.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])* $variant,)* }

        impl Code {
            /// Every code, in the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable code, for example `L19`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The code's name, for example `unknown-field`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What findings of this code say, as a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii()),* }
            }

            /// Whether what findings of this code are about counts in answers all the same: they
            /// are about pitfalls, and not those for which the API server rejects the object.
            pub fn is_pitfall_alone(self) -> bool {
                let rejects: &[&str] = match self { $(Self::$variant => &[$(stringify!($effect))?]),* };
                self.id().starts_with('L') && rejects.is_empty()
            }

            /// How much findings of this code matter.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }
        }
    };
}

/// Why a word names no code whose findings may be ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotIgnored {
    /// It names none.
    Unknown(String),
    /// Objects are left out for it: what is left out is never silent.
    Decides(Code),
}

impl fmt::Display for NotIgnored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "no code `{word}`"),
            Self::Decides(code) => write!(
                f,
                "{} cannot be ignored: only pitfalls can, and of these not the ones for which the \
                 API server rejects the object",
                code.id()
            ),
        }
    }
}

impl Code {
    /// The code that a word names, by its code or its name, if its findings may be ignored.
    ///
    /// # Errors
    /// If there is none, or what it is about leaves objects out.
    pub fn to_ignore(word: &str) -> Result<Self, NotIgnored> {
        let known = Self::ALL.iter().copied().find(|code| code.id() == word || code.name() == word);
        let code = known.ok_or_else(|| NotIgnored::Unknown(word.to_owned()))?;
        if code.is_pitfall_alone() { Ok(code) } else { Err(NotIgnored::Decides(code)) }
    }
}

// The last column, of pitfalls alone: the API server rejects the object.
codes! {
    /// The text is not well-formed YAML or JSON.
    Syntax = "R01", "syntax", Error;
    /// A document is not a Kubernetes object.
    NotAnObject = "R02", "not-an-object", Warning;
    /// A field's value has the wrong type: the API server cannot decode it.
    WrongType = "R03", "wrong-type", Error;
    /// Nesting or alias expansion beyond the limits.
    Limits = "R04", "limits", Error;
    /// Bytes that are not valid UTF-8 text.
    Encoding = "R05", "encoding", Error;
    /// A known kind in a version that no API server serves.
    UnsupportedVersion = "R06", "unsupported-version", Warning;
    /// A kind that decides traffic but is not evaluated.
    NotJudged = "R07", "not-judged", Warning;
    /// A field of an older version that is no longer understood: its rule fails closed.
    UnsupportedField = "R08", "unsupported-field", Warning;
    /// A field that only the experimental channel of its API has.
    ExperimentalField = "R09", "experimental-field", Info;
    /// Text after the end of a document, which kubectl does not read.
    TextAfterDocument = "R10", "text-after-document", Error;
    /// An annotation `portcullis.dev/mode` that is not `audit` or `enforce`: it enforces.
    UnknownMode = "R11", "unknown-mode", Warning;
    /// A kind or a version that no API server has: its API group is one of Kubernetes' own.
    UnknownKind = "R12", "unknown-kind", Error;
    /// A Kubernetes object without `apiVersion` or without `kind`.
    HalfAnObject = "R13", "half-an-object", Error;
    /// An object of a kustomize tree that is complete only when `kustomize build` has changed it.
    Uncompleted = "R14", "uncompleted-workload", Info;
    /// An annotation `portcullis.dev/ignore` that names what cannot be ignored.
    UnknownIgnore = "R15", "unknown-ignore", Warning;
    /// Pods that no policy selects, in a namespace where policies select others.
    DefaultAllow = "L01", "default-allow", Info;
    /// Policies in a namespace where none denies what the others do not allow.
    MissingDefaultDeny = "L02", "missing-default-deny", Info;
    /// A selector that matches no pod, where the namespaces that it means have pods.
    SelectorMatchesNothing = "L03", "selector-matches-nothing", Warning;
    /// A selector for labels of a workload that the pods of its template do not have.
    WorkloadLabel = "L04", "workload-label-vs-template-label", Warning;
    /// A selector whose requirements contradict each other: it matches nothing.
    ContradictorySelector = "L05", "contradictory-selector", Error;
    /// A peer by a label that is not, which admits what does not have the label at all.
    NegativeSelector = "L06", "negative-selector-includes-unlabelled", Warning;
    /// A selector of namespaces by a label that the namespace which is meant does not have.
    UnlabelledNamespace = "L07", "unlabelled-namespace", Warning;
    /// A `podSelector` alone, which means the policy's namespace, for pods of another one.
    CrossNamespacePodSelector = "L08", "cross-namespace-podselector", Warning;
    /// A selector for a label that controllers change or make up.
    VolatileLabel = "L09", "volatile-label", Warning;
    /// Pods on the host's network that a selector names: policies do not apply to them.
    HostNetworkBypass = "L10", "hostnetwork-bypass", Info;
    /// A policy in a namespace without pods.
    NamespaceWithoutPods = "L11", "wrong-or-missing-namespace", Info;
    /// Egress rules without `ingress` and without `policyTypes`: all ingress is denied, too.
    TypesMissing = "L12", "missing-policytypes", Warning;
    /// Rules for a direction that is not in `policyTypes`: they do nothing.
    InertDirection = "L13", "inert-direction", Error;
    /// An empty `egress` without `policyTypes`: egress is not restricted.
    EgressEmpty = "L14", "egress-empty-not-isolating", Error;
    /// Two peers, by namespace and by pod, that seem to be meant as one.
    AndOrDash = "L15", "and-or-dash", Warning;
    /// An empty list of peers: it matches any peer.
    EmptyPeerList = "L16", "empty-peer-list-is-any", Warning;
    /// An empty peer.
    EmptyPeer = "L17", "empty-peer-element", Error, Rejected;
    /// A port entry that says nothing: it is every TCP port.
    EmptyPortEntry = "L18", "ports-entry-without-port", Warning;
    /// A key that the object's type does not have; the API server drops it.
    UnknownField = "L19", "unknown-field", Error;
    /// A duplicate key in a mapping; the last value wins.
    DuplicateKey = "L20", "duplicate-yaml-key", Error;
    /// Two objects of the same kind, namespace and name; the later one replaces the earlier one.
    DuplicateName = "L21", "duplicate-name", Error;
    /// An API version that is no longer served.
    DeprecatedVersion = "L22", "deprecated-apiversion", Warning;
    /// An enum value in the wrong case.
    EnumCase = "L23", "bad-enum-case", Error, Rejected;
    /// A port number written as a string.
    PortAsString = "L24", "port-as-string-number", Error, Rejected;
    /// A label value that is not a string.
    NonStringLabel = "L25", "non-string-label", Error, Rejected;
    /// An `endPort` that does not fit its `port`.
    EndPort = "L26", "endport-invalid", Error, Rejected;
    /// A port of a Service in a rule for its pods, which listen on another one.
    ServicePortUsed = "L27", "service-port-used", Warning;
    /// A named port that no pod has which the rule leads to.
    NamedPortUndefined = "L28", "named-port-undefined", Warning;
    /// A named port that stands for different numbers, depending on the pod.
    NamedPortInconsistent = "L29", "named-port-inconsistent", Info;
    /// A named port for addresses, of which only those of pods have ports with names.
    NamedPortWithBlock = "L30", "named-port-with-ip", Warning;
    /// SCTP, which not every network plugin supports.
    Sctp = "L31", "sctp", Info;
    /// Pods that may send to others, but not to the cluster's DNS.
    DnsForgotten = "L32", "dns-forgotten", Info;
    /// DNS by UDP or by TCP alone.
    DnsOneProtocol = "L33", "dns-one-protocol", Warning;
    /// DNS with any server, not only the cluster's.
    DnsTooBroad = "L34", "dns-too-broad", Info;
    /// A peer that a rule allows, and that the policies of the other end deny.
    HalfOpen = "L35", "half-open", Warning;
    /// A load balancer whose pods admit nobody outside the cluster.
    ExposedButBlocked = "L36", "exposed-but-blocked", Warning;
    /// A host name where a CIDR belongs.
    HostName = "L37", "fqdn-unsupported", Error, Rejected;
    /// A block that has the address of cloud providers' metadata service.
    MetadataService = "L38", "metadata-service-open", Info;
    /// An `except` that is not a strict subset of its block.
    ExceptOutside = "L39", "except-outside-cidr", Error, Rejected;
    /// A block of addresses that are pods'.
    BlockOfPods = "L40", "ipblock-hits-pods", Warning;
    /// A block of all addresses, next to peers that it makes superfluous: it includes all pods.
    AnyIncludesPods = "L41", "any-includes-pods", Warning;
    /// Blocks of one address family alone, for pods that have addresses of both.
    OneFamilyOnly = "L42", "one-family-only", Info;
    /// An `except` whose addresses another peer admits: it excludes nothing.
    ExceptReadmitted = "L43", "except-readmitted", Warning;
    /// A CIDR with host bits, leading zeros or an IPv4-mapped address.
    NoncanonicalCidr = "L44", "noncanonical-cidr", Warning;
    /// A block of addresses outside for pods whose Service hides the client's address.
    SnatSource = "L45", "snat-source", Warning;
    /// A rule that admits nothing which other rules do not admit.
    RedundantRule = "L46", "redundant-rule", Info;
    /// A policy for pods that another policy admits everything to.
    ShadowedByAllowAll = "L47", "shadowed-by-allow-all", Warning;
    /// A network plugin that enforces no policies, and nothing else that does.
    NotEnforced = "L48", "cni-not-enforcing", Warning;
    /// Cluster policies of the same tier and priority that disagree about a flow.
    PriorityTie = "L49", "priority-tie", Warning;
    /// Domain names in a rule that denies or passes, or a protocol without ports, which API servers
    /// reject.
    ClusterPolicySchema = "L50", "cluster-policy-schema", Warning;
    /// Files or folders that hold different objects of the same names: variants, of which the later
    /// one counts.
    Variants = "L51", "variants", Info;
    /// A policy of Calico's storage without `types`: it is for both directions there.
    TypesLeftOut = "L52", "calico-types-left-out", Warning;
    /// A rule that asks what a request says, which no packet filter sees.
    ApplicationLayer = "L53", "application-layer", Warning;
    /// A policy in a tier that the input does not have.
    TierMissing = "L54", "tier-missing", Info;
    /// An object without a name.
    MissingName = "V01", "missing-name", Error;
    /// A name or namespace that is not allowed.
    BadName = "V02", "bad-name", Error;
    /// An unknown or a third policy type.
    PolicyTypes = "V03", "policy-types", Error;
    /// A protocol other than TCP, UDP and SCTP.
    ProtocolUnsupported = "V04", "protocol-unsupported", Error;
    /// A port number outside 1–65535.
    PortRange = "V05", "port-out-of-range", Error;
    /// A port name that is not allowed.
    PortName = "V06", "port-name-invalid", Error;
    /// An `ipBlock` and a selector in the same peer.
    BlockWithSelector = "V07", "ipblock-with-selector", Error;
    /// A missing or invalid CIDR.
    CidrInvalid = "V08", "cidr-invalid", Error;
    /// An unknown selector operator.
    SelectorOperator = "V09", "selector-operator", Error;
    /// Selector values that do not fit the operator.
    SelectorValues = "V10", "selector-values", Error;
    /// A label key that is not allowed.
    LabelKey = "V11", "label-key-invalid", Error;
    /// A label value that is not allowed.
    LabelValue = "V12", "label-value-invalid", Error;
    /// A required field that is missing.
    MissingField = "V13", "missing-field", Error;
    /// A list that is too long, or empty.
    ListLength = "V14", "list-length", Error;
    /// Several fields of which exactly one may be set.
    OneMember = "V15", "one-member", Error;
    /// A value that its field does not take.
    UnknownWord = "V16", "unknown-word", Error;
    /// A priority outside 0–1000.
    Priority = "V17", "priority-out-of-range", Error;
    /// A text that is too long.
    TooLong = "V18", "too-long", Error;
    /// A duplicate item in a list that is a set.
    DuplicateItem = "V19", "duplicate-item", Error;
    /// A port range whose start is not below its end.
    PortRangeOrder = "V20", "port-range-order", Error;
    /// A port name in a rule for addresses.
    NamedPortWithAddresses = "V21", "named-port-with-addresses", Error;
    /// A CIDR with host bits set.
    CidrHostBits = "V22", "cidr-host-bits", Error;
    /// A domain name that is not allowed.
    DomainName = "V23", "domain-name-invalid", Error;
    /// A workload's selector that is empty or does not select the pods of its template.
    SelectorMismatch = "V24", "selector-mismatch", Error;
    /// An address that is not valid, or that its field does not take.
    Address = "V25", "address-invalid", Error;
    /// Fields or values that do not go together.
    FieldConflict = "V26", "field-conflict", Error;
    /// A selector written as an expression that cannot be read.
    Expression = "V27", "selector-expression", Error;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pitfalls_alone_leave_nothing_out() {
        let rejects = |code: &&Code| code.id().starts_with('L') && !code.is_pitfall_alone();
        let ids: Vec<&str> = Code::ALL.iter().filter(rejects).map(|code| code.id()).collect();
        assert_eq!(ids, ["L17", "L23", "L24", "L25", "L26", "L37", "L39"]);
    }

    #[test]
    fn codes_and_names_are_unique() {
        let ids: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.id()).collect();
        let names: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!((ids.len(), names.len()), (Code::ALL.len(), Code::ALL.len()));
    }
}
