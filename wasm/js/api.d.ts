/** A manifest: YAML or JSON of any number of documents, as a string or as the bytes of a file. */
export type Text = string | Uint8Array;

/** A text and the name by which findings and reasons refer to it. */
export interface SourceFile {
  name: string;
  text: Text;
}

/** What to read: texts by name, or a list in which no name is there twice. */
export type Files = Readonly<Record<string, Text>> | readonly SourceFile[];

/** What the files do not say. */
export interface Options {
  /** Where addresses of pods lie that the files do not give, such as `10.244.0.0/16`; none: anywhere. */
  podCidrs?: readonly string[];
  /** Where addresses of nodes lie that the files do not give; none: anywhere. */
  nodeCidrs?: readonly string[];
  /** Addresses that domain names of policies resolve to, such as `api.example.com=192.0.2.7`. */
  domainNames?: readonly string[];
  /** The namespace of objects that name none: `default` unless given. */
  namespace?: string;
}

/** Which connections to list. */
export interface ListFilter {
  /** Only those of these: `NAMESPACE`, `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME` or a name; none: all. */
  focus?: readonly string[];
  /** Of those in focus, only what comes to them (`ingress`) or from them (`egress`). */
  direction?: 'ingress' | 'egress';
  /** Only connections that include this port. */
  port?: number;
  /** The protocol of `port`: `TCP` unless given. */
  protocol?: Protocol;
  /** Leave out pairs of which nothing is certain. */
  certainOnly?: boolean;
  /** List also what pods of one workload may send to each other. */
  siblings?: boolean;
  /** Say of each connection which rules admit it: `why` names two of `explanations`, and these some of `admissions`. */
  explain?: boolean;
}

/** Which program to render. */
export interface RenderOptions {
  /** The node whose packet filter is meant. */
  node: string;
  /** What becomes of a packet that policies deny: its sender is told (`reject`, unless given), or not (`drop`). */
  deny?: 'reject' | 'drop';
  /** Say in a comment of each rule from which line of which policy it comes. */
  comments?: boolean;
}

/** Whether a flow is allowed, and what decides. */
export function evaluate(files: Files, flow: FlowQuery, options?: Options): FlowReport;
/** Whether each of some flows is allowed, and what decides, in their order. */
export function evaluate(files: Files, flows: readonly FlowQuery[], options?: Options): FlowReport[];

export interface Model {
  /** Whether a flow is allowed, and what decides. */
  evaluate(flow: FlowQuery): FlowReport;
  /** Whether each of some flows is allowed, and what decides, in their order. */
  evaluate(flows: readonly FlowQuery[]): FlowReport[];
}

/** How a list can be written. `text` and `md` end with what is not known, the others show what is certain. */
export type ListForm = 'text' | 'csv' | 'md' | 'dot' | 'mermaid';

/** How the answer for a flow can be written: shortly, or with all that decides it. */
export type FlowForm = 'text' | 'chain';

/** A list as text or as the source of a drawing, as `portcullis list -o` prints it. */
export function format(report: ListReport, form: ListForm): string;
/** The answer for a flow as text, as `portcullis eval` (`text`) and `explain` (`chain`) print it. */
export function format(report: FlowReport, form: FlowForm): string;

/**
 * What went wrong.
 *
 * - `argument`: an argument is not of its type; `argument` says which.
 * - `query`: the files have nobody of that name, or nobody that can take part in traffic.
 * - `released`: the model was freed, or was lost when the engine had to start again.
 * - `load`: the WebAssembly file could not be loaded, or was not yet.
 * - `internal`: a fault of the engine; it starts again by itself, and models are lost.
 */
export type ErrorCode = 'argument' | 'query' | 'released' | 'load' | 'internal';

/** Every error that the package throws. */
export class PortcullisError extends Error {
  private constructor();
  readonly code: ErrorCode;
  /** Which argument, or part of it: `options.podCidrs[1]`. */
  readonly argument?: string;
}
