import init, {
  Model,
  PortcullisError,
  evaluate,
  explain,
  format,
  initSync,
  list,
  version,
  type Files,
  type FlowAnswer,
  type FlowReport,
  type ListReport,
} from '@portcullis/engine';

const text: string = version();
const loaded: Promise<void> = init();
await init(new URL('file:///engine_bg.wasm'));
initSync(new Uint8Array());
// @ts-expect-error: a number is no source
await init(1);
// @ts-expect-error: the raw module's memory is not part of the package
(await init()).memory;

const files: Files = [{ name: 'a', text: new Uint8Array() }] as const;
const flow = { from: 'a/b', to: '10.0.0.1', port: 80 };
const named: FlowReport = evaluate(files, { ...flow, from: 'a/{b=c}', port: 'http' });
const one: FlowReport = evaluate(files, flow);
const many: FlowAnswer[] = evaluate({ a: '' }, [flow, flow], { podCidrs: ['10.0.0.0/8'] });
// @ts-expect-error: explain takes one flow
explain(files, [flow]);
// @ts-expect-error: there is no such protocol
explain(files, { ...flow, protocol: 'ICMP' });
// @ts-expect-error: a namespace is none of the filters of a model, which has its own
new Model(files).list({ namespace: 'a' });
// @ts-expect-error: a file has a text
list([{ name: 'a' }]);

const report: ListReport = list(files, { namespace: 'a', focus: ['a'], direction: 'egress' });
const drawn: string = format(report, 'mermaid') + format(one, 'chain');
// @ts-expect-error: a flow is not drawn
format(one, 'dot');

{
  using model = new Model(files);
  using next: Model = model.put('a', '').remove('b');
  const names: string[] = next.files;
  const answer: FlowReport = next.evaluate(flow);
  const answers: FlowAnswer[] = next.evaluate([{ ...flow, name: 'a', expect: 'deny' }]);
  for (const answer of answers) {
    const said: string = 'error' in answer ? answer.error : answer.verdict;
  }
  // @ts-expect-error: the functions under the hood are none of the user's
  model.__destroy_into_raw();
}

const codeOf = (error: unknown) => (error instanceof PortcullisError ? error.code : undefined);
// @ts-expect-error: there is no such code
codeOf(0) === 'nosuch';
// @ts-expect-error: only the package makes its errors
new PortcullisError();

export { drawn, loaded, many, named, text };

// @ts-expect-error: nor is how a fresh instance is made
export type Reset = typeof import('@portcullis/engine').__wbg_reset_state;
