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
