/// <reference lib="esnext.disposable" />
/* tslint:disable */
/* eslint-disable */
/** A manifest: YAML or JSON of any number of documents, as a string or as the bytes of a file. */
export type Text = string | Uint8Array;

/** A text and the name by which findings and reasons refer to it. */
export interface SourceFile {
    name: string;
    text: Text;
}

/** What to read: texts by name, or a list without duplicate names. */
export type Files = Readonly<Record<string, Text>> | readonly SourceFile[];

/** What the files do not say. */
export interface Options {
    /** Pod CIDRs to assume for pods without an address, such as `10.244.0.0/16`; none: any address. */
    podCidrs?: readonly string[];
    /** Node CIDRs to assume for nodes without an address; none: any address. */
    nodeCidrs?: readonly string[];
    /** Answer about flows, and list, for one address family only: `IPv4` or `IPv6`; none: both. */
    family?: Family;
    /** Addresses that domain names of policies resolve to, such as `api.example.com=192.0.2.7`. */
    domainNames?: readonly string[];
    /** Labels of namespaces whose objects are not in the files, such as `monitoring=team=ops`; `monitoring=` for none. */
    namespaceLabels?: readonly string[];
    /** Take the other namespaces whose objects are not in the files to have no labels but their names. */
    assumeUnlabelledNamespaces?: boolean;
    /** The namespace of objects that have none: `default` unless given. */
    namespace?: string;
}

/** Which connections to list. */
export interface ListFilter {
    /** Only those of these: `NAMESPACE`, `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME` or a name; none: all. */
    focus?: readonly string[];
    /** Of those in focus, only workloads with pods of these labels, as `kubectl -l` takes them: `app=web,tier in (front,back),!old`. */
    selector?: string;
    /** Of those in focus, only what comes to them (`ingress`) or from them (`egress`). */
    direction?: 'ingress' | 'egress';
    /** Only connections that include this port: a number, `53/UDP`, some of a range such as `80-90`, or a number that the destination has under a name such as `http`. */
    port?: PortQuery;
    /** The protocol of `port`: `TCP` unless given there. */
    protocol?: Protocol;
    /** Leave out pairs between which nothing is certain. */
    certainOnly?: boolean;
    /** Also list connections between pods of the same workload. */
    siblings?: boolean;
    /** List each pair of workloads for itself, also where many are treated alike: connections then name no groups of workloads. */
    expand?: boolean;
    /** Show for each connection which rules admit it: `why` names two of `explanations`, and these some of `admissions`. */
    explain?: boolean;
}

/** Which differences to report. */
export type DiffFilter = Omit<ListFilter, 'certainOnly' | 'explain'>;

/** What to hold rules against. */
export interface GateOptions {
    /** The state before, for rules with `no-new-access`. */
    before?: Files;
}

/** What to describe: the pods of a name, a policy, or all of a namespace. */
export type DescribeKind = 'pod' | 'workload' | 'policy' | 'namespace';

/** What to find out about expectations besides whether they hold. */
export interface TestOptions {
    /** Which rules of which policies decide an expectation, and which decide none. */
    coverage?: boolean;
    /** Small changes of policies, and which of them no expectation notices. */
    mutants?: boolean;
    /** Expectations that would notice what none of these does; `mutants` comes with it. */
    suggest?: boolean;
}

/** Which program to render. */
export interface RenderOptions {
    /** The node whose rules to render. */
    node: string;
    /** How to deny a packet: `reject`, so that the sender gets an error (the default), or `drop` silently. */
    deny?: 'reject' | 'drop';
    /** Add to each rule a comment with the policy and line that it comes from. */
    comments?: boolean;
}

/** Whether a flow is allowed, and what decides. */
export function evaluate(files: Files, flow: FlowQuery, options?: Options): FlowReport;
/** Whether each of some flows is allowed, and what decides, in their order. A flow that cannot be evaluated has an `error` instead of a `verdict`; the others are answered. */
export function evaluate(files: Files, flows: readonly FlowEntry[], options?: Options): FlowAnswer[];

export interface Model {
    /** Whether a flow is allowed, and what decides. */
    evaluate(flow: FlowQuery): FlowReport;
    /** Whether each of some flows is allowed, and what decides, in their order. A flow that cannot be evaluated has an `error` instead of a `verdict`; the others are answered. */
    evaluate(flows: readonly FlowEntry[]): FlowAnswer[];
}

/** How a list or a difference can be written. Of a list, `text` and `md` end with what is unknown, the others show what is certain. */
export type ListForm = 'text' | 'csv' | 'md' | 'dot' | 'mermaid';

/** How the answer for a flow can be written: briefly, or with everything that decides it. */
export type FlowForm = 'text' | 'chain';

/** A list as text or as the source of a drawing, as `portcullis list -o` prints it. */
export function format(report: ListReport, form: ListForm): string;
/** A difference as text or as the source of a drawing, as `portcullis diff -o` prints it. */
export function format(report: DiffReport, form: ListForm): string;
/** The answer for a flow as text, as `portcullis eval` (`text`) and `explain` (`chain`) print it. */
export function format(report: FlowReport, form: FlowForm): string;

/**
 * What went wrong.
 *
 * - `argument`: an argument has the wrong type; `argument` says which.
 * - `query`: nothing in the files has that name, or it cannot take part in traffic.
 * - `released`: the model was freed, or was lost when the engine restarted.
 * - `load`: the WebAssembly file could not be loaded, or is not loaded yet.
 * - `internal`: an error in the engine; it restarts by itself, and models are lost.
 */
export type ErrorCode = 'argument' | 'query' | 'released' | 'load' | 'internal';

/** Every error that the package throws. */
export class PortcullisError extends Error {
    private constructor();
    readonly code: ErrorCode;
    /** Which argument, or part of it: `options.podCidrs[1]`. */
    readonly argument?: string;
}


// Generated from tests/schema/portcullis.schema.json by wasm/js/types.mjs.

/**
 * What a rule does with a flow that it matches.
 *
 * - `accept`: It passes this end, whatever comes after.
 * - `deny`: It is denied.
 * - `pass`: The next tier decides.
 * - `log`: It is written down, and the next rule decides.
 */
export type Action = 'accept' | 'deny' | 'pass' | 'log';

/** What would be said of a flow if policies that are only audited were enforced. */
export interface AuditReport {
    /** The answer. */
    verdict: Verdict;
    /** The answer as a sentence. */
    summary: string;
    /** Audited policies that decide it, or may, sorted. */
    policies: ObjectRef[];
    /** What would decide, at each end. */
    evidence: Evidence;
    /** Each answer with its own evidence, where pods or address families would differ. */
    parts?: FlowPart[];
    /** Why it is unknown. */
    reason?: UnknownReason;
}

/** A chain of rules. */
export interface ChainReport {
    /** Its name. */
    name: string;
    /** Addresses of the pods whose policies it holds; empty for chains of other kinds. */
    subjects: string[];
    /** Its rules, in order. */
    rules: FilterRuleReport[];
}

/** The answer of `check`. */
export interface CheckReport {
    /** Findings, by file and position. */
    diagnostics: DiagnosticReport[];
    /** What was read. */
    summary: Summary;
}

/**
 * What one end may send to another. Between groups, that is what each member of the one may send
 * to each member of the other that is not itself.
 */
export interface Connection {
    /** `id` of the source, an endpoint or a group. */
    from: string;
    /** `id` of the destination, an endpoint or a group. */
    to: string;
    /**
     * What is allowed for certain, for example `TCP 80,443` or `All Connections`;
     * a key of `portSets`. Absent where nothing is.
     */
    allowed?: string;
    /** The address family that this line holds for, where the two differ: `IPv4` or `IPv6`. */
    family?: Family;
    /** What cannot be known from the input; a key of `portSets`. */
    unknown?: string;
    /** Why, if explanations were asked for. */
    why?: Why;
}

/** Which rules decide what is expected. */
export interface CoverageReport {
    /** Rules, and directions that policies isolate for. */
    parts: number;
    /** Those that decide at least one answer. */
    covered: number;
    /** Policies in force, sorted by namespace and name. */
    policies: PolicyCoverage[];
}

/** What one rule alone decides between two ends. */
export interface DecidedAlone {
    /** The source. */
    from: string;
    /** The destination. */
    to: string;
    /** Protocols and ports, as lists write them. */
    ports: string;
}

/** A rule, or one of its peers, that decides. */
export interface DecidingRule {
    /** The policy. */
    policy: ObjectRef;
    /** The tier that it is in. */
    tier: TierKind;
    /** What the rule does with what it matches. */
    action: Action;
    /** The peer's path, `spec.ingress[0].from[1]`, or the rule's if it takes any peer. */
    path: string;
    /** Whom it names, for example `app=web`. */
    peer: string;
    /** Which ports it names, for example `TCP 80, UDP dns`. */
    ports: string;
    /** Whether it is certain that it names the other end. */
    matches: Match;
    /** Where the peer stands, or the rule if it takes any. */
    location?: Location;
    /** The tier's name, if it is one of Calico's. */
    tierName?: string;
}

/** The answer of `describe`. */
export interface DescribeReport {
    /** What is described: `shop/web[Deployment]`, `shop/default-deny`, `shop`. */
    name: string;
    /**
     * The workloads, or parts of them, that it is about: of a policy those that it selects, of a
     * namespace all that are in it.
     */
    workloads: DescribedWorkload[];
    /** Ingress and egress with the policies that decide; empty for a namespace. */
    directions?: DescribedDirection[];
    /** Findings of `check` about it, and about the policies that select it. */
    findings?: DiagnosticReport[];
    /** Its labels; empty for a policy. */
    labels?: Record<string, string>;
    /** Where it is declared. */
    location?: Location;
    /** Policies of a namespace; empty for others. */
    policies?: DescribedPolicy[];
    /** The policy, if it is one. */
    policy?: ObjectRef;
}

/** What policies do in a direction. */
export interface DescribedDirection {
    /** The direction. */
    direction: Direction;
    /** Workloads, or parts of them, at the other end between which something is allowed for certain. */
    workloads: Reached;
    /** The same of ranges of addresses outside. */
    ranges: Reached;
    /** Policies that decide, in the order of evaluation. */
    policies: DescribedPolicy[];
}

/** A policy that decides. */
export interface DescribedPolicy {
    /** The policy. */
    policy: ObjectRef;
    /** The tier that it is in. */
    tier: TierKind;
    /** Whether it is certain that it selects the pods. */
    selects: Match;
    /** How many workloads, or parts of them, it selects in the input. */
    workloads: number;
    /** Whether it is only audited. */
    audited?: boolean;
    /** Where it begins. */
    location?: Location;
    /** Its rules of the direction, in order; empty for a namespace. */
    rules?: DescribedRule[];
}

/** A rule, and what it decides alone. */
export interface DescribedRule {
    /** Its path, for example `spec.ingress[0]`. */
    path: string;
    /** What it does with what it matches. */
    action: Action;
    /** Whom it names: `app=web`, `any peer`. */
    peers: string;
    /** Which ports it names: `TCP 80`, `any port`. */
    ports: string;
    /** Workloads of the input that it names, or may. */
    named: number;
    /** What would be denied without it, if it accepts, or allowed, if it denies: the first ones. */
    alone?: DecidedAlone[];
    /** Where it stands. */
    location?: Location;
    /** How many pairs that are; absent where there are too many pairs to compare. */
    pairs?: number;
}

/** A workload, or a part of one that policies distinguish. */
export interface DescribedWorkload {
    /** As lists write it: `shop/web[Deployment]`. */
    id: string;
    /** Whether NetworkPolicies isolate it for ingress. */
    ingress: Isolation;
    /** Whether they do for egress. */
    egress: Isolation;
}

/** One finding about the input. */
export interface DiagnosticReport {
    /** Stable code, for example `L19`. */
    code: string;
    /** The code's name, for example `unknown-field`. */
    name: string;
    /** How much it matters. */
    severity: Severity;
    /** What is wrong: lower case, no full stop, the user's text in backticks. */
    message: string;
    /** What to change in the text, where that is certain. */
    fix?: FixReport;
    /** What to do about it. */
    help?: string;
    /** Where it stands, when the input was text. */
    location?: Location;
    /** The object that it is about. */
    object?: ObjectRef;
    /** The field's path in that object, for example `spec.ingress[0].from[1]`. */
    path?: string;
}

/**
 * A rule that decides on one side and not on the other, or a policy that isolates on one side
 * where none does on the other. For flows of a workload that only one side has, a rule that decides
 * there.
 */
export interface DiffCause {
    /** The side. */
    side: DiffSide;
    /** At which end: `egress` is the source. */
    direction: Direction;
    /** The policy. */
    policy: ObjectRef;
    /** The tier that it is in. */
    tier: TierKind;
    /** What the rule does with the flows; `deny` of a policy that isolates. */
    action: Action;
    /**
     * The peer's path, `spec.ingress[0].from[1]`, or the rule's if it takes any peer;
     * `spec.podSelector` of a policy that isolates.
     */
    path: string;
    /** Where it stands. */
    location?: Location;
    /** Whom the rule names, for example `app=web`; absent for a policy that isolates. */
    peer?: string;
    /** Which ports it names, for example `TCP 80, UDP dns`; absent for a policy that isolates. */
    ports?: string;
    /** The tier's name, if it is one of Calico's. */
    tierName?: string;
}

/**
 * Flows of which the new side says something else than the old one. Between groups, those from
 * each member of the one to each member of the other that is not itself.
 */
export interface DiffChange {
    /** `id` of the source, an endpoint or a group. */
    from: string;
    /** `id` of the destination, an endpoint or a group. */
    to: string;
    /** On which ports, for example `TCP 80,443` or `All Connections`; a key of `portSets`. */
    ports: string;
    /** What the new side says; absent where it does not have one of the ends. */
    after?: Verdict;
    /** What the old side says; absent where it does not have one of the ends. */
    before?: Verdict;
    /**
     * What of the policies makes the difference, as indices of the report's `causes`. Empty where
     * labels, ports, addresses or nodes make it.
     */
    causes?: number[];
    /** The address family that this holds for, where the two differ: `IPv4` or `IPv6`. */
    family?: Family;
    /**
     * Whether there are more causes: groups are so large that they were not looked for in all
     * pairs.
     */
    moreCauses?: boolean;
}

/** An end of changes, or a workload that only one side has. */
export interface DiffEndpoint {
    /** Unique in the report: `shop/web[Deployment]`, `10.0.0.0-10.255.255.255`. */
    id: string;
    /** What it is. */
    kind: EndpointKind;
    /** Its ranges as CIDRs, for addresses. */
    addresses?: string[];
    /** Its name, for workloads. */
    name?: string;
    /** Its namespace, for workloads. */
    namespace?: string;
    /** Where the new side declares it. */
    newLocation?: Location;
    /** Where the old side declares it. */
    oldLocation?: Location;
    /** The only side that has it; absent if both do. */
    onlyIn?: DiffSide;
    /**
     * Names of the pods that it is about, where policies of a side distinguish pods of the
     * workload, sorted.
     */
    pods?: string[];
    /** `Deployment`, `Pod`, …, for workloads. */
    workloadKind?: string;
}

/** The answer of `diff`. */
export interface DiffReport {
    /**
     * Ends of changes, members of groups among them, and workloads that only one side has:
     * addresses first (IPv4, then IPv6, ascending), then workloads by namespace, name and kind.
     */
    endpoints: DiffEndpoint[];
    /**
     * Flows between what both sides have, then those of what only the new one has, then those of
     * what only the old one has; each in the order of `endpoints`.
     */
    changes: DiffChange[];
    /** What `ports` of changes name, as ranges, sorted by protocol and port. */
    portSets: Record<string, PortRange[]>;
    /** What `causes` of changes name, each once. */
    causes: DiffCause[];
    /** Why flows are unknown on the new side that were not so on the old one. */
    notes: Note[];
    /** How much differs. */
    summary: DiffSummary;
    /** What was read of the old side. */
    old: Summary;
    /** What was read of the new side. */
    new: Summary;
    /**
     * Groups of endpoints that changes name, in the order of their first members, larger ones
     * first.
     */
    groups?: GroupReport[];
}

/**
 * One of the two inputs of a comparison.
 *
 * - `old`: What there was.
 * - `new`: What there is, or is to be.
 */
export type DiffSide = 'old' | 'new';

/** How much differs. */
export interface DiffSummary {
    /**
     * Pairs of workloads that both sides have, and directions between one and whatever is outside,
     * with flows that were denied and are allowed.
     */
    opened: number;
    /** Those with flows that were allowed and are denied. */
    closed: number;
    /** Those with flows that are unknown on one side only. */
    uncertain: number;
    /** Workloads, or parts of one, that only the new side has. */
    added: number;
    /** Workloads, or parts of one, that only the old side has. */
    removed: number;
}

/**
 * A direction, seen from the subject of a policy.
 *
 * - `ingress`: Traffic to the subject.
 * - `egress`: Traffic from the subject.
 */
export type Direction = 'ingress' | 'egress';

/** One end of a flow, judged. */
export interface EndReport {
    /** What this end alone says. */
    verdict: Verdict;
    /** Why. */
    state: EndState;
    /** Why, as a sentence. */
    summary: string;
    /** Tiers of policies that select this end in this direction, in the order of evaluation. */
    tiers: TierEvidence[];
    /**
     * Their policies, tier by tier: cluster policies in the order of evaluation, NetworkPolicies
     * that admit the flow first, then by name.
     */
    policies: PolicyEvidence[];
}

/**
 * Why an end lets a flow pass or not.
 *
 * - `unenforced`: Not a pod that policies apply to: outside, a node, host network.
 * - `notIsolated`: No policy selects it in this direction.
 * - `isolated`: At least one NetworkPolicy selects it in this direction, or may.
 * - `selected`: Only cluster policies select it in this direction, which do not isolate, or may.
 * - `selfTraffic`: A pod to itself: no policy can stop it.
 * - `ownNode`: From the pod's own node, or to a pod of this node: always allowed.
 * - `hostEndpoint`: A host endpoint applies, or may.
 * - `hostAction`: A pod to its own node, which has host endpoints: settings of Calico's agent say.
 */
export type EndState = 'unenforced' | 'notIsolated' | 'isolated' | 'selected' | 'selfTraffic' | 'ownNode' | 'hostEndpoint' | 'hostAction';

/**
 * What an endpoint of the list is.
 *
 * - `addresses`: Addresses outside the cluster (or of nodes) that the policies do not distinguish.
 * - `workload`: Pods of one owner, or a group of them where policies distinguish them.
 */
export type EndpointKind = 'addresses' | 'workload';

/** One end of connections. */
export interface EndpointReport {
    /** Unique in the report: `shop/web[Deployment]`, `10.0.0.0-10.255.255.255`. */
    id: string;
    /** What it is. */
    kind: EndpointKind;
    /** Addresses: of pods where known, else the ranges of this endpoint as CIDRs, sorted. */
    addresses?: string[];
    /** Directions in which cluster policies with rules select it, or may: ingress first. */
    clusterPolicies?: Direction[];
    /** Whether NetworkPolicies isolate it for egress, for workloads. */
    egress?: Isolation;
    /** Which part of the workload, where policies distinguish its pods. */
    group?: string;
    /** Uses its node's network. */
    hostNetwork?: boolean;
    /** Whether NetworkPolicies isolate it for ingress, for workloads. */
    ingress?: Isolation;
    /** Labels, for workloads. */
    labels?: Record<string, string>;
    /** Where it is declared, when the input was text. */
    location?: Location;
    /** Its name, for workloads. */
    name?: string;
    /** Its namespace, for workloads. */
    namespace?: string;
    /** Names of its pods in the input, sorted; empty for a template. */
    pods?: string[];
    /** Replicas that a template asks for. */
    replicas?: number;
    /** `Deployment`, `Pod`, …, for workloads. */
    workloadKind?: string;
}

/** What one peer or port entry says of a flow. */
export interface EntryEvidence {
    /** Its path, for example `spec.ingress[0].from[1]`. */
    path: string;
    /** What it says, briefly: `app=web`, `10.0.0.0/8 except 10.1.0.0/16`, `TCP 5432`. */
    text: string;
    /** Whether it matches. */
    matches: Match;
    /** Where it stands. */
    location?: Location;
    /** Why it does not match, or why that is not known. */
    why?: string;
}

/**
 * Whether two sets of policies mean the same.
 *
 * - `equal`: They do, for all pods that are there or may come to be.
 * - `different`: They do not.
 * - `unknown`: The input leaves it open.
 * - `undecided`: There are more combinations than are looked at.
 */
export type EqualOutcome = 'equal' | 'different' | 'unknown' | 'undecided';

/** The answer of `equal`. */
export interface EqualReport {
    /** Whether both sides mean the same. */
    outcome: EqualOutcome;
    /** What was read of A. */
    a: Summary;
    /** What was read of B. */
    b: Summary;
    /** What is taken for granted: for example that no pod has some address. */
    assumptions?: string[];
    /** Why that is undecided or unknown, as a sentence. */
    reason?: string;
    /** Flows of which they say something else: `before` is A, `verdict` B. */
    witnesses?: Witness[];
}

/** Both ends of a flow. */
export interface Evidence {
    /** At the source. */
    egress: EndReport;
    /** At the destination. */
    ingress: EndReport;
}

/** What is expected of flows from some ends to others, or of pods */
export interface Expectation {
    expect: Expected;
    direction?: Direction;
    /** Ends that patterns do not mean */
    except?: string | string[];
    /** Sources, as a flow has them, or patterns */
    from?: string | string[];
    /** How it is called in answers */
    name?: string;
    /** Whom `isolated` and `no-internet` are about */
    pods?: string | string[];
    /** Every port of every protocol if absent */
    port?: PortQuery | PortQuery[];
    protocol?: Protocol;
    /** Destinations, as a flow has them, or patterns */
    to?: string | string[];
}

/** An answer other than expected. */
export interface ExpectationFailure {
    /** What is so instead, as a sentence. */
    message: string;
    /** How many questions it answers: ends that are treated alike have one answer. */
    questions: number;
    /**
     * The answer as `eval` gives it, with what decides; absent where the question is whether pods
     * are isolated.
     */
    flow?: FlowReport;
}

/**
 * Whether an expectation holds.
 *
 * - `holds`: It does, of everyone that it is about.
 * - `fails`: It does not, or that is unknown.
 * - `invalid`: It could not be evaluated.
 */
export type ExpectationOutcome = 'holds' | 'fails' | 'invalid';

/** What became of an expectation. */
export interface ExpectationReport {
    /** Its name, or what it says: `shop/* → shop/db TCP 5432 deny`. */
    name: string;
    /** The line that it stands at, from 1. */
    line: number;
    /** The column there, from 1. */
    column: number;
    /** Whether it holds. */
    outcome: ExpectationOutcome;
    /** How many questions it asks: pairs of ends, times ports; or pods, times directions. */
    questions: number;
    /** How many of them have another answer than expected. */
    failing: number;
    /** Why it could not be evaluated, as a sentence. */
    error?: string;
    /** What is expected; absent where that could not be read. */
    expect?: Expected;
    /** Answers other than expected: the first ones, of those that are treated alike one. */
    failures?: ExpectationFailure[];
    /** Ends of it that are not in the input, and so stand for a pod of these labels. */
    supposed?: string[];
}

/** A file of expectations for `portcullis test`, in JSON or YAML */
export type Expectations = ExpectationsFile | Expectation[];

/** Expectations with the manifests that they are about */
export interface ExpectationsFile {
    /** The expectations */
    expect: Expectation[];
    /** Paths, from the folder that the file is in */
    manifests?: string | string[];
}

/**
 * What can be expected.
 *
 * - `allow`: Each flow is allowed.
 * - `deny`: Each flow is denied.
 * - `unknown`: Of each flow it is unknown.
 * - `isolated`: NetworkPolicies isolate each pod.
 * - `no-internet`: Each pod is denied every address of the internet.
 */
export type Expected = 'allow' | 'deny' | 'unknown' | 'isolated' | 'no-internet';

/** Why one end lets a connection pass. */
export interface Explanation {
    /** Whether policies isolate it. */
    state: EndState;
    /**
     * The rules' peers that decide all or a part of it, in the order of evaluation, as indices of
     * the report's `admissions`; empty unless policies select it.
     */
    rules: number[];
}

/**
 * An address family. A flow has exactly one.
 *
 * - `IPv4`: IPv4.
 * - `IPv6`: IPv6.
 */
export type Family = 'IPv4' | 'IPv6';

/** One address family's part of a program. */
export interface FamilyReport {
    /** The family. */
    family: Family;
    /** Sets, by name. */
    sets: SetReport[];
    /** Chains, by name. */
    chains: ChainReport[];
    /** The sets as `ipset restore` reads them, before the rules. */
    ipsetRestore: string;
    /** The chains as `iptables-restore --noflush` reads them, or `ip6tables-restore`. */
    iptablesRestore: string;
}

/** A rule of a chain. */
export interface FilterRuleReport {
    /** The rule as `iptables` writes it, without its chain. */
    text: string;
    /** What it comes from, if it comes from a policy. */
    source?: RuleSource;
}

/** A change of the text that does away with a finding. */
export interface FixReport {
    /** What is replaced; nothing if it ends where it begins. */
    location: Location;
    /** What takes its place. */
    text: string;
    /** Whether policies decide otherwise with it, or an object counts that was rejected. */
    changesMeaning?: boolean;
}

/** The answer to one flow of a file, or why there is none */
export type FlowAnswer = FlowResult | FlowError;

/** What `portcullis eval --flows FILE -o json` prints, in the order of the file */
export type FlowAnswers = FlowAnswer[];

/** An entry of a list of flows: a question, and what is expected of the answer. */
export interface FlowEntry {
    /**
     * `NAMESPACE/POD`, `NAMESPACE/KIND/NAME` of a workload, `node/NAME`, an address, or
     * `NAMESPACE/{KEY=VALUE}` for a pod that is not in the input.
     */
    from: string;
    /** As `from`, or `NAMESPACE/Service/NAME`: then `port` is the Service's. */
    to: string;
    /** Destination port as the destination pod sees it. */
    port: PortQuery;
    /** The verdict that is expected: with another one the command ends with exit status 1. */
    expect?: Verdict;
    /** How it is called in answers. */
    name?: string;
    /** `TCP`, `UDP` or `SCTP`; `TCP` if absent, unless `port` says it. */
    protocol?: Protocol;
}

/** A flow of a list that could not be evaluated; the others are. */
export interface FlowError {
    /** Its number in the list, from 1. */
    number: number;
    /** Which kind of error it is. */
    code: FlowErrorCode;
    /** What is wrong. */
    error: string;
    /** The column there, from 1. */
    column?: number;
    /** The file that it is in. */
    file?: string;
    /** As given, if it is there. */
    from?: string;
    /** The line there, from 1. */
    line?: number;
    /** Its name, if it has one. */
    name?: string;
    /** As given, if it is there. */
    port?: string;
    /** As given, if it is there. */
    protocol?: string;
    /** As given, if it is there. */
    to?: string;
}

/**
 * Why a flow could not be evaluated.
 *
 * - `argument`: It is not a flow: a field is missing, or is not of its form.
 * - `query`: Nothing in the input has that name, or it cannot take part in traffic.
 */
export type FlowErrorCode = 'argument' | 'query';

/** One of several answers that a question has. */
export interface FlowPart {
    /** Who sends. */
    source: string;
    /** Who receives. */
    destination: string;
    /** The answer. */
    verdict: Verdict;
    /** What decided. */
    evidence: Evidence;
    /** The address family, where the two differ: `IPv4` or `IPv6`. */
    family?: Family;
    /**
     * The number of the port that the pod sees, where it was asked for by name or a Service makes
     * another one of it.
     */
    podPort?: number;
    /** The ports that it is about, where those of a range differ: `80-85,90`. */
    ports?: string;
    /** Why it is unknown. */
    reason?: UnknownReason;
}

/** A flow to evaluate. */
export interface FlowQuery {
    /**
     * `NAMESPACE/POD`, `NAMESPACE/KIND/NAME` of a workload, `node/NAME`, an address, or
     * `NAMESPACE/{KEY=VALUE}`, a pod of these labels that is not in the input.
     */
    from: string;
    /** As `from`, or `NAMESPACE/Service/NAME`: then `port` is the Service's. */
    to: string;
    /**
     * Destination port as the destination pod sees it: a number, a name or a range. The protocol
     * may stand behind it instead of in `protocol`: `53/UDP`.
     */
    port: PortQuery;
    /** `TCP`, `UDP` or `SCTP`; `TCP` if absent. */
    protocol?: Protocol;
}

/** The answer of `eval` and `explain` for one flow. */
export interface FlowReport {
    /** As asked. */
    from: string;
    /** As asked. */
    to: string;
    /** As asked. */
    protocol: Protocol;
    /** As asked. */
    port: PortQuery;
    /** The answer. */
    verdict: Verdict;
    /** The answer as a sentence. */
    summary: string;
    /** What the source resolved to, for example `shop/web[Deployment]`. */
    source: string;
    /** What the destination resolved to. */
    destination: string;
    /** What decided, at each end, in the order in which a packet meets them. */
    evidence: Evidence;
    /**
     * Everything allowed between the two, whatever the port asked about; of a Service, those of
     * its ports.
     */
    allowed?: string;
    /** What would be said if audited policies were enforced; absent where none of them has a say. */
    audit?: AuditReport;
    /**
     * Objects of the input that decide traffic and that are not judged, by kind with its group:
     * they can change this answer.
     */
    notJudged?: KindCount[];
    /** Each answer with its own evidence, where pods, ports or address families differ. */
    parts?: FlowPart[];
    /**
     * The number of the port that the pods see, where it was asked for by name or a Service makes
     * another one of it.
     */
    podPort?: number;
    /** Why it is unknown. */
    reason?: UnknownReason;
    /**
     * Policies that API servers reject, by kind with its group: they are not in force, and no
     * answer counts them.
     */
    rejected?: KindCount[];
    /**
     * Whether this is about two different pods of one workload, which was asked about itself: a
     * pod always reaches itself.
     */
    siblings?: boolean;
}

/** The answer to a flow of a list that was evaluated. */
export interface FlowResult {
    /** As asked. */
    from: string;
    /** As asked. */
    to: string;
    /** As asked. */
    protocol: Protocol;
    /** As asked. */
    port: PortQuery;
    /** The answer. */
    verdict: Verdict;
    /** The answer as a sentence. */
    summary: string;
    /** What the source resolved to, for example `shop/web[Deployment]`. */
    source: string;
    /** What the destination resolved to. */
    destination: string;
    /** What decided, at each end, in the order in which a packet meets them. */
    evidence: Evidence;
    /**
     * Everything allowed between the two, whatever the port asked about; of a Service, those of
     * its ports.
     */
    allowed?: string;
    /** Whether the verdict is the expected one. */
    asExpected?: boolean;
    /** What would be said if audited policies were enforced; absent where none of them has a say. */
    audit?: AuditReport;
    /** The verdict that was expected. */
    expect?: Verdict;
    /** Its name, if it has one. */
    name?: string;
    /**
     * Objects of the input that decide traffic and that are not judged, by kind with its group:
     * they can change this answer.
     */
    notJudged?: KindCount[];
    /** Each answer with its own evidence, where pods, ports or address families differ. */
    parts?: FlowPart[];
    /**
     * The number of the port that the pods see, where it was asked for by name or a Service makes
     * another one of it.
     */
    podPort?: number;
    /** Why it is unknown. */
    reason?: UnknownReason;
    /**
     * Policies that API servers reject, by kind with its group: they are not in force, and no
     * answer counts them.
     */
    rejected?: KindCount[];
    /**
     * Whether this is about two different pods of one workload, which was asked about itself: a
     * pod always reaches itself.
     */
    siblings?: boolean;
}

/** A file of flows for `portcullis eval --flows`, in JSON or YAML */
export type Flows = FlowEntry[];

/**
 * Whether a rule holds.
 *
 * - `holds`: It does, for everything that is there or may come to be.
 * - `broken`: It does not: there is a flow that it forbids.
 * - `unknown`: It cannot be ruled out that there is such a flow: the input leaves it open.
 * - `undecided`: There are more combinations than are looked at.
 */
export type GateOutcome = 'holds' | 'broken' | 'unknown' | 'undecided';

/** The answer of `gate`. */
export interface GateReport {
    /** All rules, in the order of their file. */
    rules: GateRuleReport[];
    /** How many rules have each outcome. */
    summary: GateSummary;
    /** What was read of the new side. */
    new: Summary;
    /** What was read of the old side, if there is one. */
    old?: Summary;
}

/** What is said of a rule. */
export interface GateRuleReport {
    /** Its name. */
    name: string;
    /** What it demands, as a sentence: `never from the internet to pods {data=sensitive}`. */
    rule: string;
    /** Where it stands in its file. */
    location: Location;
    /** Whether it holds. */
    outcome: GateOutcome;
    /** What is taken for granted: for example that no pod has some address. */
    assumptions?: string[];
    /** What it is for, if the file says so. */
    description?: string;
    /** Why it is undecided, as a sentence. */
    reason?: string;
    /**
     * Ends of the rule that no pod of the input is, as its sentence has them: pods that may come to
     * be are, or a word is mistyped.
     */
    unmatched?: string[];
    /**
     * Flows that break it, or of which it cannot be ruled out that they do: one for each set of
     * lines that opens some.
     */
    witnesses?: Witness[];
}

/** How many rules have each outcome. */
export interface GateSummary {
    /** Rules that hold. */
    holds: number;
    /** Rules that are broken. */
    broken: number;
    /** Rules of which it cannot be ruled out that they are broken. */
    unknown: number;
    /** Rules with too many combinations. */
    undecided: number;
}

/** Endpoints that are treated alike by others, or neighbouring ranges of addresses. */
export interface GroupReport {
    /** Unique in the report, among endpoints too: `shop/*`, `all addresses`. */
    id: string;
    /** How texts write it, which need not be unique: `shop/* (12 workloads)`. */
    name: string;
    /** What its members are. */
    kind: EndpointKind;
    /** `id`s of its endpoints, in their order. */
    members: string[];
}

/**
 * Isolation of a workload's pods by NetworkPolicies, per direction.
 *
 * - `no`: No NetworkPolicy selects them in this direction: what no cluster policy denies is allowed.
 * - `yes`: At least one NetworkPolicy does.
 * - `unknown`: Whether one does depends on a label that a template does not show.
 * - `unenforced`: Policies do not apply (host network, finished).
 */
export type Isolation = 'no' | 'yes' | 'unknown' | 'unenforced';

/** How many objects there are of a kind that takes no part in the answer. */
export interface KindCount {
    /** For example `ConfigMap`. */
    kind: string;
    /** How many. */
    count: number;
}

/** The answer of `list`. */
export interface ListReport {
    /** Endpoints: addresses first (IPv4, then IPv6, ascending), then workloads by `id`. */
    endpoints: EndpointReport[];
    /**
     * Groups of endpoints that connections name, in the order of their first members, larger ones
     * first. An endpoint can be in several of them, and in none.
     */
    groups: GroupReport[];
    /**
     * Between whom something is allowed or unknown, in the order of `endpoints`. Each pair of
     * endpoints is in one connection at most, or in one for each family.
     */
    connections: Connection[];
    /** What `allowed` and `unknown` name, as ranges, sorted by protocol and port. */
    portSets: Record<string, PortRange[]>;
    /** What cannot be known, and why. */
    notes: Note[];
    /** What was read. */
    summary: Summary;
    /** What `rules` of explanations name, each once; empty unless asked for. */
    admissions?: DecidingRule[];
    /** What `why` of connections names, each once; empty unless asked for. */
    explanations?: Explanation[];
}

/**
 * Where something stands in a text that was read.
 *
 * Lines and columns count from 1; columns count Unicode scalar values. `end` is exclusive.
 */
export interface Location {
    /** The file's name as it was given. */
    file: string;
    /** First line. */
    line: number;
    /** Column of the first character. */
    column: number;
    /** Line of the end. */
    endLine: number;
    /** Column after the last character. */
    endColumn: number;
}

/**
 * Whether something matches.
 *
 * - `no`: It does not.
 * - `unknown`: The input does not tell.
 * - `yes`: It does.
 */
export type Match = 'no' | 'unknown' | 'yes';

/**
 * How a policy was changed.
 *
 * - `policyRemoved`: The policy is gone.
 * - `directionRemoved`: It says nothing of a direction.
 * - `ruleRemoved`: A rule is gone.
 * - `peerRemoved`: One of several peers is gone.
 * - `anyPeer`: The rule takes any peer.
 * - `portRemoved`: One of several ports is gone.
 * - `anyPort`: The rule takes any port.
 * - `selectorWidened`: A selector has a requirement less.
 * - `actionFlipped`: A rule of a cluster policy, or of Calico's, does the opposite.
 * - `conditionRemoved`: A rule of Calico's asks for something less.
 */
export type MutantKind = 'policyRemoved' | 'directionRemoved' | 'ruleRemoved' | 'peerRemoved' | 'anyPeer' | 'portRemoved' | 'anyPort' | 'selectorWidened' | 'actionFlipped' | 'conditionRemoved';

/**
 * Whether a change would be noticed.
 *
 * - `noticed`: An expectation that holds would fail, or one that fails would hold.
 * - `unnoticed`: None would, and a flow is allowed or denied otherwise.
 * - `withoutEffect`: None would, and it was found to change no flow between pods and addresses of the input.
 */
export type MutantOutcome = 'noticed' | 'unnoticed' | 'withoutEffect';

/** A change of a policy, and whether it would be noticed. */
export interface MutantReport {
    /** The policy. */
    policy: ObjectRef;
    /** What of it is changed: `spec.ingress[0].from[1]`, or `spec` for the whole. */
    path: string;
    /** How. */
    kind: MutantKind;
    /** How, as a phrase: `without app=web`. */
    change: string;
    /** Whether it would be noticed. */
    outcome: MutantOutcome;
    /** The verdict of that flow with the change. */
    becomes?: Verdict;
    /** A flow that it changes, with what is so without the change, where no expectation notices it. */
    example?: FlowEntry;
    /** Where that stands. */
    location?: Location;
    /** The index of the first expectation that notices it. */
    noticedBy?: number;
}

/** Which changes of policies would be noticed. */
export interface MutantsReport {
    /** Every change that was tried: by policy, direction and place. */
    mutants: MutantReport[];
    /** Expectations that would notice changes that none of the file does; empty unless asked for. */
    suggestions?: Suggestion[];
}

/** Why verdicts are unknown, gathered over connections. */
export interface Note {
    /** Why, as a code. */
    reason: UnknownReason;
    /** Why, as a sentence that says what would settle it. */
    message: string;
    /** How many pairs of endpoints it leaves open. */
    connections: number;
    /** Where the rule stands. */
    location?: Location;
    /** The rule's path, for example `spec.ingress[0]`. */
    path?: string;
    /** The policy whose rule it is. */
    policy?: ObjectRef;
}

/** An object of the input, as users name it. */
export interface ObjectRef {
    /** For example `NetworkPolicy`. */
    kind: string;
    /** `metadata.name`; empty where the input has none. */
    name: string;
    /** Absent for objects without a namespace, such as a Node. */
    namespace?: string;
}

/** What lets a flow pass at one end, or may. */
export interface Opening {
    /** At which end: `egress` is the source. */
    direction: Direction;
    /** Whom the peer names, or that no policy selects the pod. */
    text: string;
    /** What the rule does with the flow. */
    action?: Action;
    /** Where it stands. */
    location?: Location;
    /** The peer's path, `spec.ingress[0].from[1]`, or the rule's if it takes any peer. */
    path?: string;
    /** The policy; absent where none selects the pod. */
    policy?: ObjectRef;
}

/** A place among others: lower ones come first. */
export type Order = number;

/** Whether a rule decides what is expected. */
export interface PartCoverage {
    /** The rule's path, `spec.ingress[0]`, or `spec.ingress`: that what no rule admits is denied. */
    path: string;
    /** Indices of expectations of which it decides an answer, ascending. */
    expectations: number[];
    /** Where it stands; of a direction, the policy. */
    location?: Location;
}

/** Which rules of a policy decide what is expected. */
export interface PolicyCoverage {
    /** The policy. */
    policy: ObjectRef;
    /** Its rules, and before those of a direction that it isolates for, that it does. */
    parts: PartCoverage[];
}

/** What one policy says of a flow. */
export interface PolicyEvidence {
    /** The policy. */
    policy: ObjectRef;
    /** The tier that it is in. */
    tier: TierKind;
    /** Whether one of its rules matches the flow. */
    matches: Match;
    /**
     * Whether it decides what happens to the flow at this end, or may: by a rule that matches, or
     * as one of those that isolate it.
     */
    decides: boolean;
    /** Why not, or that it has no rule, as a sentence. */
    summary: string;
    /** Its rules of this direction, in order. */
    rules: RuleEvidence[];
    /** Whether it is only audited; such policies are in the evidence of an audit alone. */
    audited?: boolean;
    /** Where it begins. */
    location?: Location;
    /** Its order, for policies of Calico's that have one: lower numbers come first. */
    order?: Order;
    /** Its priority, for cluster policies: lower numbers come first. */
    priority?: number;
    /** The tier's name, if it is one of Calico's. */
    tierName?: string;
}

/** The port that a question is about: a number, the name of a container's port or of a Service's (`http`), or a range (`80-90`). In questions the protocol may stand behind it: `53/UDP`. */
export type PortQuery = number | string;

/** A range of ports of one protocol. */
export interface PortRange {
    /** Protocol. */
    protocol: Protocol;
    /** First port. */
    port: number;
    /** Last port, inclusive. */
    endPort: number;
}

/** The program of a node's packet filter, by which the kernel admits what the policies admit. */
export interface ProgramReport {
    /** The node. */
    node: string;
    /** IPv4, then IPv6. */
    families: FamilyReport[];
    /** What could not be enforced as written, and is closed instead. */
    notes: string[];
    /** What was read. */
    summary: Summary;
}

/**
 * A transport protocol that NetworkPolicy speaks of.
 *
 * - `SCTP`: SCTP.
 * - `TCP`: TCP.
 * - `UDP`: UDP.
 */
export type Protocol = 'SCTP' | 'TCP' | 'UDP';

/** How many of how many. */
export interface Reached {
    /** Those between which something is allowed. */
    allowed: number;
    /** All. */
    all: number;
}

/** What one rule says of a flow. */
export interface RuleEvidence {
    /** The rule's path, for example `spec.ingress[0]`. */
    path: string;
    /** What it does with a flow that it matches; rules of a NetworkPolicy accept. */
    action: Action;
    /** Whether it matches the flow. */
    matches: Match;
    /** Whether it decides what happens to the flow at this end, or may. */
    decides: boolean;
    /**
     * Its peers, in order; empty if the rule names none and so takes any. Of a rule of Calico's:
     * what it asks of ends.
     */
    peers: EntryEvidence[];
    /**
     * Its ports, in order; empty if the rule names none and so takes any. Of a rule of Calico's:
     * what it asks of protocols and ports.
     */
    ports: EntryEvidence[];
    /** Where it stands. */
    location?: Location;
    /** Its name, if it has one. */
    name?: string;
    /**
     * Whether all of its peers and all of its ports must match, as in rules of Calico's; else one of
     * the peers and one of the ports.
     */
    needsAll?: boolean;
}

/** The part of a policy that a rule comes from. */
export interface RuleSource {
    /** The policy. */
    policy: ObjectRef;
    /** The peer, or the rule if it names none, such as `spec.ingress[0].from[1]`. */
    path: string;
    /** Where it stands. */
    location?: Location;
}

/** A set of addresses. */
export interface SetReport {
    /** Its name, made from what it means. */
    name: string;
    /** Its members, as `ipset` writes them. */
    members: string[];
}

/**
 * How much a finding matters.
 *
 * - `info`: Worth knowing.
 * - `warning`: Likely a mistake.
 * - `error`: Invalid, or provably not what was meant.
 */
export type Severity = 'info' | 'warning' | 'error';

/** Something that is not read as manifests. */
export interface SkippedReport {
    /** What it is. */
    what: SkippedWhat;
    /**
     * Of a chart or a tree, its folder and then its files that are not read; else the files. Not
     * empty.
     */
    paths: string[];
    /** The command that prints the manifests which it stands for. */
    renderedBy?: string;
}

/**
 * What is not read as manifests.
 *
 * - `helmChart`: A Helm chart: none of it is read.
 * - `kustomization`: A kustomize tree: its manifests are read as they stand, without its patches.
 * - `notManifest`: Files without any Kubernetes object.
 * - `ignored`: Files and folders that the configuration leaves out.
 * - `notPermitted`: Kinds that a cluster has and that whoever asks may not read.
 */
export type SkippedWhat = 'helmChart' | 'kustomization' | 'notManifest' | 'ignored' | 'notPermitted';

/** An expectation that would notice changes that none of the file does. */
export interface Suggestion {
    /** The expectation. */
    entry: FlowEntry;
    /** Indices of the changes that it notices, ascending; at least one. */
    notices: number[];
}

/** What was read. */
export interface Summary {
    /** Files read. */
    files: number;
    /** Namespaces that objects of the input are in or that the input declares. */
    namespaces: number;
    /** Workloads, pods without an owner among them. */
    workloads: number;
    /** Pods given as such (templates are not counted). */
    pods: number;
    /** Nodes. */
    nodes: number;
    /** Policies in force. */
    policies: number;
    /** Objects of other kinds, by kind, sorted by kind. */
    ignored: KindCount[];
    /** Findings of severity `error`. */
    errors: number;
    /** Findings of severity `warning`. */
    warnings: number;
    /** Findings of severity `info`. */
    infos: number;
    /** Policies that are only audited. */
    audited?: number;
    /** Host endpoints of Calico's; lists and what is made of them say nothing of hosts. */
    hostEndpoints?: number;
    /**
     * Objects of kinds that decide traffic and that are not judged, by kind with its group, such
     * as `CiliumNetworkPolicy (cilium.io)`, sorted: they can change any answer.
     */
    notJudged?: KindCount[];
    /**
     * Policies that API servers reject, by kind with its group: they are not in force, and no
     * answer counts them.
     */
    rejected?: KindCount[];
    /**
     * What lies among the files and is not read as manifests: charts, kustomize trees, then files
     * of other programs. Empty unless a folder was read.
     */
    skipped?: SkippedReport[];
    /**
     * Findings that the configuration, or an annotation `portcullis.dev/ignore`, says to ignore:
     * they are not among the others.
     */
    suppressed?: number;
    /**
     * Pairs of files or folders that hold different objects of the same names: of each, the last
     * one counts. None unless a folder was read.
     */
    variants?: number;
}

/** What became of the expectations of a file. */
export interface TestReport {
    /** The file of expectations. */
    file: string;
    /** Each expectation, in the order of the file. */
    expectations: ExpectationReport[];
    /** What was read. */
    summary: Summary;
    /** Which rules decide what is expected; absent unless asked for. */
    coverage?: CoverageReport;
    /** Which changes of policies would be noticed; absent unless asked for. */
    mutants?: MutantsReport;
}

/** What `portcullis test -o json` prints: a report for each file of expectations */
export type TestReports = TestReport[];

/** What one tier says of a flow. */
export interface TierEvidence {
    /** Which tier. */
    tier: TierKind;
    /** What happens to the flow in it. */
    outcome: TierOutcome;
    /** What decides, as a phrase: `admin pass (guard, rule rest)`. */
    summary: string;
    /** The HostEndpoint that it is of, if it is of one. */
    hostEndpoint?: string;
    /** The tier's name, if it is one of Calico's. */
    tierName?: string;
}

/**
 * The tiers, in the order of evaluation.
 *
 * - `admin`: ClusterNetworkPolicies of tier Admin, and AdminNetworkPolicies.
 * - `networkPolicy`: NetworkPolicies.
 * - `baseline`: ClusterNetworkPolicies of tier Baseline, and the BaselineAdminNetworkPolicy.
 * - `calico`: One that has policies of Calico's kinds, with those of the others that Calico has there.
 */
export type TierKind = 'admin' | 'networkPolicy' | 'baseline' | 'calico';

/**
 * What happens to a flow in a tier.
 *
 * - `accept`: It passes this end.
 * - `deny`: It is denied.
 * - `pass`: The next tier decides: a rule says so, or none matches.
 * - `unknown`: The input does not say.
 * - `notReached`: An earlier tier has decided.
 */
export type TierOutcome = 'accept' | 'deny' | 'pass' | 'unknown' | 'notReached';

/**
 * Why a verdict cannot be known.
 *
 * - `tie`: Policies of equal priority disagree, and the order of their evaluation is not defined.
 * - `name`: A domain name decides, and what it resolves to is not in the input.
 * - `address`: A block of addresses decides, and an end's address is not in the input.
 * - `node`: Whether both ends are on one node decides, and the input does not say.
 * - `label`: A label decides that the controller adds and the template does not show.
 * - `namespace`: A label of a namespace decides, and the Namespace is not in the input.
 * - `translation`: A Service's address decides, and whether policies see it translated is not defined.
 * - `group`: The pods of the workload asked about do not agree.
 * - `ports`: The ports asked about do not agree.
 * - `portName`: The name of a port decides, and the pod asked about is not in the input.
 * - `serviceAccount`: A label of a ServiceAccount decides that is not in the input.
 * - `sourcePort`: The source's port decides, and no question says which it is.
 * - `protocol`: Which of the protocols without ports it is decides, and no question says that.
 * - `service`: What is behind a Service decides, and the input does not say that.
 * - `profile`: A Profile of a host endpoint decides, and it is not in the input.
 * - `hostEndpoint`: Which host endpoint a flow passes decides, and its interface or node is not known.
 * - `hostAction`: What a pod may send to its own node decides, and no settings of Calico's say that.
 * - `untracked`: Rules let a flow pass without tracking it, and whether its replies pass is not known.
 */
export type UnknownReason = 'tie' | 'name' | 'address' | 'node' | 'label' | 'namespace' | 'translation' | 'group' | 'ports' | 'portName' | 'serviceAccount' | 'sourcePort' | 'protocol' | 'service' | 'profile' | 'hostEndpoint' | 'hostAction' | 'untracked';

/**
 * A verdict.
 *
 * - `deny`: A policy stops it.
 * - `unknown`: The input does not tell.
 * - `allow`: Policies let it pass.
 */
export type Verdict = 'deny' | 'unknown' | 'allow';

/** Why a connection is listed: indices of the report's `explanations`. */
export interface Why {
    /** What the source's policies say. */
    egress: number;
    /** What the destination's policies say. */
    ingress: number;
}

/** A flow that shows something. */
export interface Witness {
    /** The source. */
    from: WitnessEnd;
    /** The destination. */
    to: WitnessEnd;
    /** Its protocol. */
    protocol: Protocol;
    /** The destination port. */
    port: number;
    /** What the policies say; of a comparison, those of the new side. */
    verdict: Verdict;
    /** What lets it pass, or may, at each end: the source first. */
    openedBy: Opening[];
    /**
     * Arguments with which `portcullis eval` and `portcullis explain` confirm it, but for the
     * input; where pods are not in the input, together with `manifests`.
     */
    arguments: string[];
    /** What the old side says, in a comparison. */
    before?: Verdict;
    /** The address family, where the two differ. */
    family?: Family;
    /** What to do about it. */
    help?: string;
    /** The pods that are not in the input, and their namespaces, as YAML. */
    manifests?: string;
    /** Why it is not known, as a sentence that says what would settle it. */
    reason?: string;
}

/** An end of such a flow. */
export interface WitnessEnd {
    /**
     * How it is written: `shop/web-0`, `shop/web[Deployment]`, an address, or
     * `shop/{app=web}` for a pod that is not in the input.
     */
    text: string;
    /** Its address, where it is not in the input and an address plays a part. */
    address?: string;
    /** Whether it is a pod that is not in the input and may come to be. */
    hypothetical?: boolean;
    /** Labels, for pods. */
    labels?: Record<string, string>;
    /** Its namespace, for pods. */
    namespace?: string;
    /** Labels of its namespace, where it is not in the input. */
    namespaceLabels?: Record<string, string>;
    /** Whether its namespace is not in the input either. */
    newNamespace?: boolean;
    /** Names that it gives to the port, where it is not in the input. */
    portNames?: string[];
}



/**
 * Files that have been read, to be asked many times.
 *
 * A model never changes: `put` and `remove` return the next one, which shares with this one
 * everything that the change does not touch. Where many are made in one go, `free()` each that
 * is no longer needed, or declare it with `using`; otherwise the garbage collector does.
 */
export class Model {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * What is wrong with the files, where, and what to do about it.
     */
    check(): CheckReport;
    /**
     * Which policies decide about pods, or which pods a policy or a namespace is about, and what
     * each rule opens alone.
     */
    describe(kind: DescribeKind, name: string): DescribeReport;
    /**
     * Whether a flow is allowed, and everything that decides it.
     */
    explain(flow: FlowQuery): FlowReport;
    /**
     * Who can reach whom, and on which ports.
     */
    list(filter?: ListFilter): ListReport;
    /**
     * Reads the files.
     */
    constructor(files: Files, options?: Options);
    /**
     * The model with a file added, or replaced if there is one of that name. Documents of the
     * file whose text has not changed are not read again.
     */
    put(name: string, text: Text): Model;
    /**
     * The model without the file of this name.
     */
    remove(name: string): Model;
    /**
     * The program with which a node's kernel enforces the policies: iptables rules and ipset
     * sets.
     */
    render(options: RenderOptions): ProgramReport;
    /**
     * Whether expectations hold, what decides them, and what they leave untested.
     */
    test(expectations: string, options?: TestOptions): TestReport;
    /**
     * The names of its files, sorted.
     */
    readonly files: string[];
}


/**
 * What is wrong with the files, where, and what to do about it.
 */
export function check(files: Files, options?: Options): CheckReport;

/**
 * Which policies decide about pods, or which pods a policy or a namespace is about, and what each
 * rule opens alone.
 */
export function describe(files: Files, kind: DescribeKind, name: string, options?: Options): DescribeReport;

/**
 * What two states allow differently, and which lines of policies make it so.
 */
export function diff(before: Files, after: Files, options?: Options & DiffFilter): DiffReport;

/**
 * Whether the policies of two states mean the same, for all pods that are there or may come to be.
 */
export function equal(a: Files, b: Files, options?: Options): EqualReport;

/**
 * Whether a flow is allowed, and everything that decides it.
 */
export function explain(files: Files, flow: FlowQuery, options?: Options): FlowReport;

/**
 * Whether rules hold, of pods in the files and of pods that do not exist yet. Rules are the text of
 * a file as `portcullis gate --rules` takes it; those with `no-new-access` compare with `before`.
 */
export function gate(files: Files, rules: string, options?: Options & GateOptions): GateReport;

/**
 * Who can reach whom, and on which ports.
 */
export function list(files: Files, options?: Options & ListFilter): ListReport;

/**
 * The program with which a node's kernel enforces the policies: iptables rules and ipset sets.
 * The command and the node agent check it against the policies before they use it.
 */
export function render(files: Files, options: Options & RenderOptions): ProgramReport;

/**
 * Whether expectations hold, what decides them, and what they leave untested. They are the text of
 * a file as `portcullis test` takes it; `manifests:` in it are not read, these are the `files`.
 */
export function test(files: Files, expectations: string, options?: Options & TestOptions): TestReport;

/**
 * The version of the engine, as in the package's `package.json`.
 */
export function version(): string;

/** A `WebAssembly.Module`, where the types in use know of such: Node's alone do not. */
export type CompiledModule = typeof globalThis extends {
  WebAssembly: { Module: new (...parts: never[]) => infer Module };
}
  ? Module
  : never;

/** Where the engine's WebAssembly is: a URL to load it from, or what was loaded. */
export type InitSource = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | CompiledModule;

/**
 * Loads the engine. In browsers, await it once before anything else; without a source it loads
 * `engine_bg.wasm` from the folder of the module. In Node it does nothing: the engine is there on import.
 */
export default function init(source?: InitSource | Promise<InitSource>): Promise<void>;

/** Loads the engine from bytes or a compiled module that the caller has; does nothing in Node. */
export function initSync(source: ArrayBuffer | ArrayBufferView | CompiledModule): void;
